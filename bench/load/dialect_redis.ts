/**
 * The protocol of Redis for the load generator: SUBSCRIBE and PUBLISH, each an array of strings. Each
 * PUBLISH is answered by the number of receivers, which the publisher has to read.
 */
import type { BusDialect } from "./bus_dialect.ts";
import { indexOfText } from "./target.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Publish and subscribe. */
export const redis: BusDialect = {
  open: () => Promise.resolve(),
  async subscribe(setup, pattern) {
    await setup.write(command("SUBSCRIBE", encoder.encode(pattern)));
    await setup.take((bytes) => {
      if (bytes[0] === "-".charCodeAt(0)) throw new Error(decoder.decode(bytes));
      const at = indexOfText(bytes, ":1\r\n");
      return at < 0 ? undefined : at + 4;
    }, "the end of its SUBSCRIBE");
  },
  publish: (topic, payload) => command("PUBLISH", encoder.encode(topic), payload),
  deliveryBytes(bytes) {
    // *3, and of each of its three strings the length and the string.
    let at = lineEnd(bytes, 0);
    for (let index = 0; index < 3 && at >= 0; index++) {
      const end = lineEnd(bytes, at);
      if (end < 0) return undefined;
      at = end + Number(decoder.decode(bytes.subarray(at + 1, end - 2))) + 2;
    }
    return at < 0 || at > bytes.length ? undefined : at;
  },
  replyBytes: (receivers) => `:${receivers}\r\n`.length,
  unaskedBytes: 0,
};

function command(name: string, ...values: readonly Uint8Array[]): Uint8Array {
  const strings = [encoder.encode(name), ...values].flatMap((each) => [
    ...encoder.encode(`$${each.length}\r\n`),
    ...each,
    13,
    10,
  ]);
  return new Uint8Array([...encoder.encode(`*${values.length + 1}\r\n`), ...strings]);
}

/** Where the line that begins at `from` ends, behind its line feed; -1 when it does not. */
function lineEnd(bytes: Uint8Array, from: number): number {
  const at = indexOfText(bytes, "\r\n", from);
  return at < 0 ? -1 : at + 2;
}
