/**
 * Kept topics: an acknowledgement that means something, numbers, and history. The server has to keep
 * orders.>, as in docs/getting_started.md.
 *
 *   deno run --allow-net examples/typescript/kept.ts parley://localhost:7311
 */
import { AckLevel, connect } from "../../lib/client/mod.ts";

await using client = await connect(Deno.args[0] ?? "parley://localhost:7311");
for (const thing of ["lamp", "chair", "lamp"]) {
  // With a messageId a publish may be repeated: the same order is kept once.
  const ack = await client.publish("orders.eu.created", thing, {
    messageId: `order of a ${thing}`,
  });
  console.log(AckLevel[ack.level], ack.seq, ack.duplicate ? "is there already" : "is kept");
}

// From the first event on; `since` can also be a seq, a time, or the last so many of each topic. After a
// lost connection it goes on by itself where it was, and onGap is told if anything is missing.
const orders = await client.subscribe("orders.>", {
  since: "all",
  echo: true,
  onGap: (gap) => console.error("missed:", gap),
});
for await (const order of orders) {
  console.log(order.seq, order.topic, order.text());
  if (order.seq >= 2n) break;
}
