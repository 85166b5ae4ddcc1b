/**
 * Feeds a FrameReader as a connection would, cut as the test says, and records the messages.
 */
import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { FrameReader, type Framing } from "../../lib/wire/frame_reader.ts";

/** What a reader made of some bytes. */
export interface Recording {
  readonly reader: FrameReader;
  readonly messages: Uint8Array[];
  /** What it raised, after which nothing more was fed; null if it did not. */
  readonly error: unknown;
}

/** Feeds `stream` in chunks of `chunkBytes()`, each cut to the room there is. */
export function readAll(
  framing: Framing,
  stream: Uint8Array,
  chunkBytes: () => number,
  maxFrameBytes = 1 << 20,
): Recording {
  const reader = new FrameReader(framing, maxFrameBytes);
  const messages: Uint8Array[] = [];
  for (let at = 0; at < stream.length;) {
    const space = reader.space();
    assert(space.length > 0, "there is always room for a byte");
    const count = Math.min(space.length, chunkBytes(), stream.length - at);
    space.set(stream.subarray(at, at + count));
    reader.filled(count);
    at += count;
    try {
      while (reader.next()) {
        messages.push(reader.buffer.slice(reader.messageStart, reader.messageEnd));
      }
    } catch (error) {
      return { reader, messages, error };
    }
  }
  return { reader, messages, error: null };
}

/** Puts `bytes`, which fit into the first buffer, into a new reader. */
export function read(framing: Framing, bytes: Uint8Array): { reader: FrameReader } {
  const reader = new FrameReader(framing, 1 << 20);
  reader.space().set(bytes);
  reader.filled(bytes.length);
  return { reader };
}

/** Compares messages, quickly also when they are large. */
export function sameMessages(
  actual: readonly Uint8Array[],
  expected: readonly Uint8Array[],
  what: string,
): void {
  assert.deepEqual(actual.map((one) => one.length), expected.map((one) => one.length), what);
  for (let index = 0; index < actual.length; index++) {
    assert.equal(Buffer.compare(actual[index], expected[index]), 0, `${what}: message ${index}`);
  }
}
