/**
 * A program that takes five jobs and dies with the first: for tests, run with the port of a server.
 */
import { connect } from "../../../lib/client/mod.ts";

const client = await connect(`parley://127.0.0.1:${Deno.args[0]}`);
for await (const _job of client.queue("work").pull({ prefetch: 5 })) {
  // The others have come with it: they left the server in one write.
  await client.ping();
  Deno.exit(1);
}
