/**
 * Clients whose server stops and points elsewhere: they go there when their programs allow it, with all that they had,
 * over plain connections and TLS.
 */
import assert from "node:assert/strict";
import { connect, type ConnectOptions } from "../../../lib/client/mod.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { TestAuthority } from "../../support/tls.ts";
import { until } from "../../support/until.ts";

const QUICK = { drain_quiet_ms: 20, linger_ms: 50 };
const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;

/** The name of the server that a client is connected to. */
async function serverOf(client: Awaited<ReturnType<typeof connect>>): Promise<string> {
  await client.echo("here");
  return client.welcome.serverId;
}

Deno.test("a client that follows hints goes on at the other server, with its subscriptions and all connections", async () => {
  await using first = await startServer({ limits: QUICK });
  await using second = await startServer();
  await using client = await connect(urlOf(first), { followHints: true, pool: 3 });
  const events: string[] = [];
  const subscription = await client.subscribe("a", { echo: true });
  const reading = (async () => {
    for await (const { payload } of subscription) events.push(new TextDecoder().decode(payload));
  })();
  await client.publish("a", "one");
  await first.server.stop([urlOf(second)]);
  assert.equal(await serverOf(client), second.server.serverId);
  await until(() => second.stats().connectionsOpen === 3, "all have gone there");
  await until(() => second.stats().subscriptions === 1, "it has subscribed there");
  await client.publish("a", "two");
  await until(() => events.length === 2, "events of both");
  assert.deepEqual(events, ["one", "two"]);
  assert.equal(client.url, urlOf(first));
  await subscription.unsubscribe();
  await reading;
});

Deno.test("the hint of the configuration counts when nothing else is said", async () => {
  await using second = await startServer();
  await using first = await startServer({ limits: QUICK, drain: { hint: urlOf(second) } });
  await using client = await connect(urlOf(first), { followHints: true });
  await first.server.stop();
  assert.equal(await serverOf(client), second.server.serverId);
});

Deno.test("a client that does not follow hints comes again to its own server", async () => {
  await using first = await startServer({ limits: QUICK });
  await using other = await startServer();
  const port = first.port("tcp");
  await using client = await connect(urlOf(first), { reconnect: { minMs: 5, maxMs: 50 } });
  await first.server.stop([urlOf(other)]);
  await using again = await startServer({ listen: { tcp: `127.0.0.1:${port}` } });
  assert.equal(await serverOf(client), again.server.serverId);
  assert.equal(other.stats().connectionsTotal, 0);
});

Deno.test("a hint that leads nowhere costs an attempt: the next place, and the client's own, have their turn", async () => {
  await using first = await startServer({ limits: QUICK });
  const port = first.port("tcp");
  // A port that was just free is one where nobody listens.
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const nowhere = `parley://127.0.0.1:${gone.addr.port}`;
  gone.close();
  const options: ConnectOptions = { followHints: true, reconnect: { minMs: 5, maxMs: 20 } };
  await using client = await connect(urlOf(first), options);
  await first.server.stop([nowhere, "parley://no.such.host.invalid"]);
  await using again = await startServer({ listen: { tcp: `127.0.0.1:${port}` } });
  assert.equal(await serverOf(client), again.server.serverId);
});

Deno.test("under TLS a client goes to another server under TLS, and to no other", async () => {
  using authority = new TestAuthority();
  const tls = authority.issue("IP:127.0.0.1");
  const secureUrl = (server: TestServer) => `parleys://127.0.0.1:${server.port("tls")}`;
  await using plain = await startServer();
  await using second = await startServer({ tls });
  await using first = await startServer({
    tls,
    limits: QUICK,
    drain: { hint: [urlOf(plain), secureUrl(second)] },
  });
  await using client = await connect(secureUrl(first), {
    followHints: true,
    tls: { ca: authority.pem },
  });
  await first.server.stop();
  assert.equal(await serverOf(client), second.server.serverId);
  assert.equal(plain.stats().connectionsTotal, 0);
});
