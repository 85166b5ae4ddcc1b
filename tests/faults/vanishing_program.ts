/**
 * One client of each kind, which all fall silent: vanishing_program.ts HOST ADDRESSES. It prints who is there as
 * a line of JSON, and ends with its standard input. How these clients end nobody learns, if the network is gone.
 */
import { echoMessage, encode, frame, helloMessage } from "../support/frames.ts";
import { WebSocketPeer } from "../support/websocket_peer.ts";

const [hostname, text] = Deno.args;
const addresses: Record<"tcp" | "raw" | "text" | "ws", string> = JSON.parse(text);
const here: Record<string, unknown> = {};

/** Connects, sends something, and reads until what was read has `last` in it. */
async function come(
  what: string,
  kind: keyof typeof addresses,
  bytes: Uint8Array,
  last = "",
): Promise<void> {
  const connection = await Deno.connect({ hostname, port: Number(addresses[kind]) });
  here[what] = connection;
  if (bytes.length === 0) return;
  await connection.write(bytes);
  const into = new Uint8Array(4096);
  let seen = "";
  do {
    const count = await connection.read(into);
    if (count === null) throw new Error(`${what}: the server closed after ${JSON.stringify(seen)}`);
    seen += new TextDecoder().decode(into.subarray(0, count));
  } while (!seen.includes(last));
}

const nothing = new Uint8Array(0);
await come("tcp, silent", "tcp", nothing);
await come("raw, silent", "raw", nothing);
await come("raw, answered once", "raw", encode(echoMessage("once")));
await come("tcp, after Hello", "tcp", frame(helloMessage({ answersPings: false })));
await come("tcp, answers pings", "tcp", frame(helloMessage({ answersPings: true })));
await come(
  "tcp, subscribed",
  "tcp",
  frame({ id: 1n, message: { case: "subscribe", value: { pattern: "a.>" } } }),
);
await come(
  "tcp, pulls jobs",
  "tcp",
  frame({ id: 1n, message: { case: "pull", value: { queue: "q", consumer: 1n, prefetch: 1 } } }),
);
await come("text, named", "text", new TextEncoder().encode("Ada\n"), "[Ada]:");
here["ws, silent"] = await WebSocketPeer.connect(Number(addresses.ws), hostname);
console.log(JSON.stringify({ here: Object.keys(here) }));
for await (const _ of Deno.stdin.readable);
Deno.exit();
