/**
 * The protocol of NATS for the load generator: CONNECT, SUB, PUB, MSG, PING and PONG.
 *
 * The server pings a client once, two seconds after it connected, and may ping it now and then: six
 * bytes that nobody asked for. Nobody answers them here, which it minds only after minutes.
 */
import type { BusDialect } from "./bus_dialect.ts";
import { indexOfText, type Setup } from "./target.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const CONNECT = encoder.encode('CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n');
const PONG = "PONG\r\n";

/** What the server may send unasked. */
export const PING = "PING\r\n";

/** Publish and subscribe. */
export const nats: BusDialect = {
  async open(setup) {
    await setup.write(CONNECT);
    await pong(setup);
    setup.unasked = PING;
  },
  async subscribe(setup, pattern) {
    await setup.write(encoder.encode(`SUB ${pattern} 1\r\nPING\r\n`));
    await pong(setup);
  },
  publish: (topic, payload) => natsMessage(`PUB ${topic} ${payload.length}`, payload),
  deliveryBytes,
  replyBytes: () => 0,
  unaskedBytes: PING.length,
};

/** A line and a payload. */
export function natsMessage(line: string, payload: Uint8Array): Uint8Array {
  const head = encoder.encode(`${line}\r\n`);
  const bytes = new Uint8Array(head.length + payload.length + 2);
  bytes.set(head);
  bytes.set(payload, head.length);
  bytes.set([13, 10], bytes.length - 2);
  return bytes;
}

function deliveryBytes(bytes: Uint8Array): number | undefined {
  const at = indexOfText(bytes, "\r\n");
  if (at < 0) return undefined;
  const words = decoder.decode(bytes.subarray(0, at)).split(" ");
  if (words[0] !== "MSG") throw new Error(`the server sent ${words.join(" ")} and no message`);
  const length = at + 2 + Number(words.at(-1)) + 2;
  return length <= bytes.length ? length : undefined;
}

async function pong(setup: Setup): Promise<void> {
  await setup.take((bytes) => {
    const refused = indexOfText(bytes, "-ERR");
    if (refused >= 0) throw new Error(decoder.decode(bytes.subarray(refused)));
    const at = indexOfText(bytes, PONG);
    return at < 0 ? undefined : at + PONG.length;
  }, "PONG");
}
