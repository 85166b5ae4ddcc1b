/**
 * Cuts a stream of bytes into lines, as they arrive.
 *
 * A line is what stands before a line feed, byte for byte; bytes that no line feed ends are the last line.
 * Memory is bounded by the longest line that is allowed. What the bytes mean is the caller's affair.
 */
import { joinBytes } from "../../base/join_bytes.ts";

const LINE_FEED = 0x0a;

/** A line of input. */
export interface Line {
  /** Counted from 1. */
  readonly number: number;
  /** Without its line feed. */
  readonly bytes: Uint8Array;
}

/** Gives the lines of `chunks`. Raises RangeError for one of more than `maxBytes` bytes. */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Line> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let number = 0;
  const add = (part: Uint8Array) => {
    length += part.length;
    if (length > maxBytes) {
      throw new RangeError(`line ${number + 1} has more than ${maxBytes} bytes`);
    }
    parts.push(part);
  };
  const take = (): Line => {
    const line = { number: ++number, bytes: parts.length === 1 ? parts[0] : joinBytes(parts) };
    parts = [];
    length = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end; (end = chunk.indexOf(LINE_FEED, start)) >= 0; start = end + 1) {
      add(chunk.subarray(start, end));
      yield take();
    }
    if (start < chunk.length) add(chunk.subarray(start));
  }
  if (length > 0) yield take();
}
