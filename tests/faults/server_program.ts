/**
 * A server in a process of its own, for tests that take something away from the whole process. It prints
 * where it listens as a line of JSON, stops when its standard input ends, and then prints its counters.
 */
import { configFrom } from "../../lib/server/config/config.ts";
import { Server } from "../../lib/server/server.ts";

const listen = { tcp: "127.0.0.1:0", raw: "", http: "", text: "", unix: "" };
const server = await Server.start(configFrom({ data: "", listen, limits: { drain_quiet_ms: 1 } }));
const [address] = server.listeners[0].addresses;
console.log(JSON.stringify({ port: Number(address.split(":").at(-1)), stats: server.stats() }));
for await (const _ of Deno.stdin.readable);
const stats = server.stats();
await server.stop();
console.log(JSON.stringify({ stats }));
