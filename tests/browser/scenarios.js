/**
 * What the page in the browser does: each scenario is called by the test and gives what it saw.
 *
 * The page hands over the client library as it imported it from the bundle.
 */
const bytes = (text) => new TextEncoder().encode(text);
const text = (payload) => new TextDecoder().decode(payload);

export function scenarios({ connect, ParleyError }) {
  /** The client that lives over several scenarios. */
  let client;
  let statusChanged = () => {};
  const seen = { events: [], gaps: [], statuses: [], errors: [] };

  addEventListener("securitypolicyviolation", (event) => seen.errors.push(event.violatedDirective));
  addEventListener("error", (event) => seen.errors.push(event.message));
  addEventListener("unhandledrejection", (event) => seen.errors.push(String(event.reason)));

  return {
    seen: () => seen,

    async open(url) {
      const onStatus = (status) => {
        seen.statuses.push(status);
        statusChanged();
      };
      client = await connect(url, { name: "page", reconnect: { minMs: 5, maxMs: 50 }, onStatus });
      return client.welcome.serverVersion;
    },

    /** Resolves once the client has had a status. */
    async had(status) {
      while (!seen.statuses.includes(status)) {
        await new Promise((resolve) => statusChanged = resolve);
      }
    },

    echo: (content) => client.echo(content),

    add: (a, b) => client.add(a, b),

    /** Many at once, and large ones among them. */
    async flood(count, length) {
      const large = "ü".repeat(length / 2);
      const sums = Array.from({ length: count }, (_, index) => client.add(index, 1));
      const echoes = await Promise.all([client.echo(large), client.echo(large)]);
      const total = (await Promise.all(sums)).reduce((sum, each) => sum + each, 0);
      return { total, same: echoes.every((content) => content === large) };
    },

    /** The code of the error that an addition is refused with. */
    async overflow() {
      try {
        return await client.add(2147483647, 1);
      } catch (error) {
        return error instanceof ParleyError ? error.codeName : String(error);
      }
    },

    async subscribe(pattern) {
      const take = ({ topic, type, payload }) => {
        seen.events.push({ topic, type, text: text(payload) });
      };
      await client.subscribe(pattern, { onGap: (gap) => seen.gaps.push(gap.kind) }, take);
    },

    publish: async (topic, content) => (await client.publish(topic, bytes(content))).receivers,

    async serve(method) {
      await client.serve(method, (call) => bytes(`${text(call.payload)} from the page`));
    },

    call: async (method, content) => text((await client.call(method, bytes(content))).payload),

    close: () => client.close(),

    /** Tries to connect, once; gives the code and message of the error, or that it could. */
    async attempt(url) {
      try {
        const other = await connect(url);
        await other.close();
        return "connected";
      } catch (error) {
        return `${error.codeName}: ${error.message}`;
      }
    },
  };
}
