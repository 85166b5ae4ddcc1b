/**
 * A server with every listener and a store on disk, in a process of its own: doors_program.ts FOLDER. It prints
 * where it listens as a line of JSON, stops when its standard input ends, and then prints its counters.
 */
import { configFrom } from "../../lib/server/config/config.ts";
import { Server } from "../../lib/server/server.ts";

const [folder] = Deno.args;
const any = "127.0.0.1:0";
const listen = { tcp: any, raw: any, http: any, text: any, unix: `${folder}/parley.sock` };
const limits = { drain_quiet_ms: 1 };
const server = await Server.start(configFrom({ data: `${folder}/data`, listen, limits }));
const addresses = Object.fromEntries(
  server.listeners.map(({ kind, addresses }) => [kind, addresses[0].split(":").at(-1)]),
);
console.log(JSON.stringify({ addresses, stats: server.stats() }));
for await (const _ of Deno.stdin.readable);
const stats = server.stats();
await server.stop();
console.log(JSON.stringify({ stats }));
