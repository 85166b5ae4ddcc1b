/**
 * Publish, subscribe, call and serve with the client library.
 *
 *   deno run --allow-net examples/typescript/bus.ts parley://localhost:7311
 */
import { connect, ErrorCode, ParleyError } from "../../lib/client/mod.ts";

const url = Deno.args[0] ?? "parley://localhost:7311";
await using reader = await connect(url);
await using writer = await connect(url);

// Events: by pattern, by type, or both. The subscription is there when the promise resolves.
const orders = await reader.subscribe("orders.>", { type: "acme.v1.OrderCreated" });
const { receivers } = await writer.publish("orders.eu.created", "42 pieces", {
  type: "acme.v1.OrderCreated",
});
for await (const event of orders) {
  console.log(receivers, event.topic, event.text());
  break; // leaving the loop ends the subscription
}

// A service: any number of connections may answer a method; each call goes to one of them.
await using _service = await reader.serve("acme.Text/Length", ({ payload }) => {
  if (payload.length === 0) {
    throw new ParleyError(ErrorCode.INVALID_ARGUMENT, "there is nothing to measure");
  }
  return String(payload.length);
});
const answer = await writer.call("acme.Text/Length", "hello", { timeoutMs: 2000 });
console.log(answer.text());

// Each way to fail has a code to decide on.
for (const method of ["acme.Text/Length", "acme.Text/Nobody"]) {
  try {
    await writer.call(method);
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
    console.log(error.codeName);
  }
}
