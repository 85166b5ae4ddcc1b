/**
 * Says, for each line that it is given, which server of NATS leads the cluster's log: for a network that the test is not in.
 */
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { streamOf } from "../../../lib/adapters/jetstream/open.ts";

/** The number of the server that leads, from 0; it is asked until there is one. */
async function leader(servers: string[]): Promise<number> {
  for (;;) {
    try {
      const connection = await connect({ servers, maxReconnectAttempts: 0, timeout: 2000 });
      try {
        const manager = await jetstreamManager(connection, { timeout: 2000 });
        const { cluster } = await manager.streams.info(streamOf("parley"));
        const name = cluster?.leader ?? "";
        if (name !== "") return Number(name.slice(1)) - 1;
      } finally {
        await connection.close();
      }
    } catch {
      // It is asked again.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const servers = Deno.args[0].split(",");
for await (const _line of Deno.stdin.readable) {
  console.log(JSON.stringify({ leader: await leader(servers) }));
}
