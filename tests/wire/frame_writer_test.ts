/**
 * Frames as protobuf's own writers make them, in every framing, and messages behind each other.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";

import { beginMessage, copyBytes, putMessage } from "../../lib/wire/frame_writer.ts";
import type { Outbox } from "../../lib/wire/outbox.ts";
import { ALL_FRAMINGS, frame, join, prefix } from "../support/frames.ts";
import { makeOutbox } from "../support/outbox.ts";
import { Random } from "../support/random.ts";

const LENGTHS = [0, 1, 127, 128, 255, 256, 16_383, 16_384, 65_536, 2_097_151, 2_097_152];

function emptyOutbox(): Outbox {
  return makeOutbox().outbox;
}

Deno.test("a message stands behind the prefix of its framing", () => {
  const random = new Random(1);
  for (const framing of ALL_FRAMINGS) {
    const outbox = emptyOutbox();
    const messages = LENGTHS.map((length) => random.bytes(length));
    for (const message of messages) putMessage(outbox, framing, message);
    assert.equal(
      Buffer.compare(
        outbox.takeWaiting(),
        join(...messages.map((message) => frame(message, framing))),
      ),
      0,
      framing,
    );
  }
});

Deno.test("a message that is begun is counted, and lies where the offset says", () => {
  const outbox = emptyOutbox();
  putMessage(outbox, "delimited", new Uint8Array(3));
  const at = beginMessage(outbox, "delimited", 200);
  assert.equal(at, 4 + 2);
  assert.equal(outbox.length, at + 200);
  assert(outbox.bytes.length >= outbox.length);
});

Deno.test("the prefix of the largest messages is right in every byte", () => {
  for (const framing of ALL_FRAMINGS) {
    const { outbox } = makeOutbox();
    const length = 0x01_02_03_04;
    const at = beginMessage(outbox, framing, length);
    assert.deepEqual(outbox.bytes.slice(0, at), prefix(length, framing), framing);
    assert.equal(outbox.length, at + length);
  }
});

Deno.test("an undecided raw link gets no prefix", () => {
  const outbox = emptyOutbox();
  putMessage(outbox, "raw", Uint8Array.of(0x0a, 0x00));
  assert.deepEqual(outbox.bytes.slice(0, outbox.length), Uint8Array.of(0x0a, 0x00));
});

Deno.test("short and long ranges are copied exactly", () => {
  const source = new Random(2).bytes(200);
  for (const length of [0, 1, 47, 48, 49, 150]) {
    const target = new Uint8Array(200);
    assert.equal(copyBytes(target, 7, source, 3, 3 + length), 7 + length);
    assert.deepEqual(target.slice(7, 7 + length), source.slice(3, 3 + length));
    assert(target.subarray(7 + length).every((byte) => byte === 0));
    assert(target.subarray(0, 7).every((byte) => byte === 0));
  }
});
