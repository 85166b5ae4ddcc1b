/**
 * What becomes of a connection: waiting for a server, its status, gaps, and errors that no promise tells.
 *
 *   deno run --allow-net examples/typescript/watched.ts parley://localhost:7311
 */
import { connect } from "../../lib/client/mod.ts";

await using client = await connect(Deno.args[0] ?? "parley://localhost:7311", {
  wait: 60_000, // for a server that is not there yet, a minute; true: as long as it takes
  onStatus: (status, reason) => console.log(status, reason?.message ?? ""),
  onError: (error) => console.error("refused or failed:", error.message),
});
const orders = await client.subscribe("orders.>", {
  echo: true,
  onGap: (gap) => {
    if (gap.kind === "missed") console.warn(`too slow: ${gap.count} events of ${gap.topic} missed`);
    else if (gap.kind === "reconnected") console.warn("what came while we were away is missing");
    else console.warn("the server has another history now"); // history_lost
  },
});
await client.publish("orders.eu.created", JSON.stringify({ id: 7 }));
for await (const order of orders) {
  console.log(order.topic, order.json(), order.time instanceof Date);
  break;
}
