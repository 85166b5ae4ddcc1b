/**
 * What bus_node_test.ts runs on Node: publishes, subscribes, calls and serves over each URL of its arguments
 * and prints what it saw as one line of JSON. It ends by itself once its clients are closed.
 *
 *   node bus_node_client.mjs BUNDLE URL...
 */
import process from "node:process";
import { codesOf } from "./error_code.mjs";

const [bundle, ...urls] = process.argv.slice(2);
const library = await import(bundle);
const { connect, ErrorCode, ParleyError } = library;
const codeOf = codesOf(library);
const decoder = new TextDecoder();

async function use(url) {
  const errors = [];
  const one = await connect(url, { onError: (error) => errors.push(ErrorCode[error.code]) });
  const two = await connect(url);
  const subscription = await one.subscribe("load.*", { maxEvents: 20_000, bufferEvents: 20_000 });
  const failing = await one.subscribe("load.0", {}, () => {
    throw new Error("of the program");
  });
  for (let index = 0; index < 20_000; index++) {
    await two.publish(`load.${index % 2}`, String(index), { ack: false });
  }
  let next = 0;
  let ordered = true;
  for await (const event of subscription) {
    ordered &&= decoder.decode(event.payload) === String(next++);
  }
  const service = await one.serve("acme.S/M", (call) => {
    if (call.payload.length === 0) throw new ParleyError(ErrorCode.NOT_FOUND, "nothing");
    return { payload: call.payload, type: "acme.T", headers: call.headers };
  });
  const answer = await two.call("acme.S/M", "Grüße", { headers: { a: "1" } });
  const seen = {
    events: next,
    ordered,
    receivers: (await two.publish("nobody", "x")).receivers,
    answer: decoder.decode(answer.payload),
    headers: answer.headers,
    type: answer.type,
    refusal: await codeOf(two.call("acme.S/M", "")),
    callback: await failing.closed.catch((error) => error.message),
  };
  await service.stop();
  const nobody = await codeOf(two.call("acme.S/M", "x"));
  await one.publish("bad.*", "x", { ack: false });
  await one.ping();
  const waiting = (await one.subscribe("end"))[Symbol.asyncIterator]().next();
  await Promise.all([one.close(), two.close()]);
  return { ...seen, nobody, errors, ended: (await waiting).done };
}

const seen = [];
for (const url of urls) seen.push(await use(url));
process.stdout.write(JSON.stringify(seen) + "\n");
