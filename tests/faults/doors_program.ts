/**
 * A server with every listener and a store on disk, in a process of its own: doors_program.ts FOLDER [HOST]
 * [CONFIGURATION]. TLS is listened on when the configuration has a certificate. It prints where it listens as a line of
 * JSON, its counters for each byte of its standard input, and once more when that ends; then it stops. Errors go to
 * standard error, so that a test which finds a defect says which.
 */
import { configureSync } from "@logtape/logtape";
import { jsonLine } from "../../lib/server/logging.ts";
import { configFrom } from "../../lib/server/config/config.ts";
import { Server } from "../../lib/server/server.ts";

configureSync({
  sinks: { stderr: (record) => console.error(jsonLine(record).trimEnd()) },
  loggers: [
    { category: "parley", sinks: ["stderr"], lowestLevel: "error" },
    { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
  ],
});
const [folder, host = "127.0.0.1", json = "{}"] = Deno.args;
const more = JSON.parse(json);
const any = `${host}:0`;
const tls = more.tls === undefined ? "" : any;
const listen = { tcp: any, tls, raw: any, http: any, text: any, unix: `${folder}/parley.sock` };
const server = await Server.start(configFrom({
  data: `${folder}/data`,
  insecure: true,
  ...more,
  listen: { ...listen, ...more.listen },
  limits: { drain_quiet_ms: 1, ...more.limits },
}));
const addresses = Object.fromEntries(
  server.listeners.map(({ kind, addresses }) => [kind, addresses[0].split(":").at(-1)]),
);
const say = (value: unknown) => console.log(JSON.stringify(value));
say({ addresses, stats: server.stats() });
for await (const bytes of Deno.stdin.readable) {
  for (const _ of bytes) say({ stats: server.stats() });
}
const stats = server.stats();
await server.stop();
say({ stats });
