/**
 * Puts messages into an outbox, each behind the prefix of its framing.
 *
 * `beginMessage` makes room and writes the prefix; the caller then fills exactly the length it named.
 * Generated classes serve the control plane through `putMessage`.
 */
import type { Framing } from "./frame_reader.ts";
import type { Outbox } from "./outbox.ts";
import { putVarint } from "./varint.ts";

/** The longest prefix of any framing. */
export const MAX_PREFIX_BYTES = 5;

/**
 * Makes room for a message of `length` bytes, writes its prefix, and gives the offset in `outbox.bytes`
 * at which the caller writes the message. The outbox already counts it.
 */
export function beginMessage(outbox: Outbox, framing: Framing, length: number): number {
  outbox.reserve(length + MAX_PREFIX_BYTES);
  let at = outbox.length;
  if (framing === "delimited") at = putVarint(outbox.bytes, at, length);
  else if (framing === "prefixed32") {
    outbox.bytes[at++] = length >>> 24;
    outbox.bytes[at++] = (length >>> 16) & 0xff;
    outbox.bytes[at++] = (length >>> 8) & 0xff;
    outbox.bytes[at++] = length & 0xff;
  }
  outbox.advance(at + length - outbox.length);
  return at;
}

/** Puts a whole encoded message. */
export function putMessage(outbox: Outbox, framing: Framing, message: Uint8Array): void {
  const at = beginMessage(outbox, framing, message.length);
  outbox.bytes.set(message, at);
}

/** Up to this many bytes a loop is quicker than a call into the runtime. */
const SHORT_COPY_BYTES = 48;

/** Copies the bytes from `start` to `end` of `source` to `at` in `target`, and gives the offset behind them. */
export function copyBytes(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  end: number,
): number {
  if (end - start <= SHORT_COPY_BYTES) {
    while (start < end) target[at++] = source[start++];
    return at;
  }
  target.set(source.subarray(start, end), at);
  return at + end - start;
}
