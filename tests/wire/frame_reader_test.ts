/**
 * Bytes in, messages out: the same messages however the bytes are cut, in every framing; limits before
 * memory; and nothing after an error.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CloseReason, ErrorCode, ParleyError } from "../../lib/base/errors.ts";
import { READ_BUFFER_BUSY_BYTES, READ_BUFFER_FIRST_BYTES } from "../../lib/base/limits.ts";
import { FrameReader } from "../../lib/wire/frame_reader.ts";
import {
  ALL_FRAMINGS,
  type ClientFraming,
  field,
  frame,
  hex,
  join,
  prefix,
} from "../support/frames.ts";
import { Random } from "../support/random.ts";
import { read, readAll, sameMessages } from "../support/frame_recorder.ts";

const MIB = 1 << 20;

/** Messages of many sizes, which every framing can carry. */
function someMessages(seed: number): Uint8Array[] {
  const random = new Random(seed);
  return [0, 1, 2, 124, 125, 126, 127, 128, 200, 511, 1023, 1024, 1025, 16_400, 70_000]
    .map((length) => field(1 + random.below(13), random.bytes(length)));
}

Deno.test("many messages in one read, and one message over many reads, are the same messages", () => {
  for (const framing of ALL_FRAMINGS) {
    const messages = someMessages(3);
    const stream = join(...messages.map((message) => frame(message, framing)));
    for (const chunk of [1, 2, 3, 7, 64, 1000, 65_536, stream.length]) {
      sameMessages(readAll(framing, stream, () => chunk).messages, messages, `${framing} ${chunk}`);
    }
  }
});

Deno.test("a raw link decides its framing by the first byte, also when that comes alone", () => {
  const messages = someMessages(4);
  for (const framing of ["bare", "prefixed32"] as const) {
    const stream = join(...messages.map((message) => frame(message, framing)));
    for (const chunk of [1, 5, stream.length]) {
      const recorded = readAll("raw", stream, () => chunk);
      assert.equal(recorded.reader.framing, framing);
      sameMessages(recorded.messages, messages, `${framing} ${chunk}`);
    }
  }
  assert.equal(new FrameReader("raw", 1024).framing, "raw");
});

Deno.test("any way of cutting gives the same messages, and every one of them whole", () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 30 });
  const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 2000 }));
  fc.assert(
    fc.property(fc.constantFrom(...ALL_FRAMINGS), bodies, cuts, (framing, contents, sizes) => {
      const messages = contents.map((content) => field(1, content));
      const stream = join(...messages.map((message) => frame(message, framing)));
      const recorded = readAll(framing, stream, () => sizes.next().value);
      sameMessages(recorded.messages, messages, framing);
      assert.equal(recorded.error, null);
      assert(!recorded.reader.hasPartial);
    }),
    { numRuns: 300 },
  );
});

Deno.test("every prefix of valid frames gives the whole messages in it, no error, and waits", () => {
  for (const framing of ALL_FRAMINGS) {
    const messages = [0, 1, 130, 300].map((length) => field(2, new Uint8Array(length).fill(7)));
    const frames = messages.map((message) => frame(message, framing));
    const stream = join(...frames);
    for (let length = 0; length <= stream.length; length++) {
      const recorded = readAll(framing, stream.subarray(0, length), () => length);
      let whole = 0;
      let bytes = 0;
      while (whole < frames.length && bytes + frames[whole].length <= length) {
        bytes += frames[whole++].length;
      }
      sameMessages(recorded.messages, messages.slice(0, whole), `${framing}, ${length} bytes`);
      assert.equal(recorded.error, null);
      assert.equal(recorded.reader.bufferedBytes, length - bytes);
      assert.equal(recorded.reader.hasPartial, length > bytes);
    }
  }
});

Deno.test("an empty message is a message where there is a prefix", () => {
  for (const framing of ["delimited", "prefixed32"] as const) {
    const stream = join(frame(new Uint8Array(0), framing), frame(new Uint8Array(0), framing));
    const empty = new Uint8Array(0);
    sameMessages(readAll(framing, stream, () => 1).messages, [empty, empty], framing);
  }
});

/** A message of exactly `length` bytes that every framing can carry. */
function messageOf(length: number): Uint8Array<ArrayBuffer> {
  for (let overhead = 2; overhead < 7; overhead++) {
    const message = field(1, new Uint8Array(Math.max(0, length - overhead)));
    if (message.length === length) return message;
  }
  throw new Error(`no field has ${length} bytes`);
}

Deno.test("a message of the limit passes, one byte more does not", () => {
  for (const framing of ALL_FRAMINGS) {
    for (const limit of [1024, 20_000, MIB]) {
      const fits = messageOf(limit);
      const good = readAll(framing, frame(fits, framing), () => 65_536, limit);
      sameMessages(good.messages, [fits], `${framing} ${limit}`);
      const bad = readAll(framing, frame(messageOf(limit + 1), framing), () => 65_536, limit);
      assert.deepEqual(bad.messages, []);
      assert(bad.error instanceof ParleyError, framing);
      assert.equal(bad.error.code, ErrorCode.RESOURCE_EXHAUSTED);
      assert.equal(bad.error.closeReason, CloseReason.PROTOCOL_ERROR);
      assert.match(bad.error.message, new RegExp(`${limit + 1} bytes.*${limit}`));
    }
  }
});

const BOMBS: readonly [string, ClientFraming, string, ErrorCode][] = [
  ["2^31 - 1", "delimited", "ff ff ff ff 07", ErrorCode.RESOURCE_EXHAUSTED],
  ["2^32", "delimited", "80 80 80 80 10", ErrorCode.RESOURCE_EXHAUSTED],
  ["2^35 - 1", "delimited", "ff ff ff ff 7f", ErrorCode.RESOURCE_EXHAUSTED],
  ["ten bytes", "delimited", "ff ff ff ff ff ff ff ff ff 01", ErrorCode.INVALID_ARGUMENT],
  ["zero in two bytes", "delimited", "80 00", ErrorCode.INVALID_ARGUMENT],
  ["one in three bytes", "delimited", "81 80 00", ErrorCode.INVALID_ARGUMENT],
  ["one in five bytes", "delimited", "81 80 80 80 00", ErrorCode.INVALID_ARGUMENT],
  ["2^31 - 1", "bare", "0a ff ff ff ff 07", ErrorCode.RESOURCE_EXHAUSTED],
  ["2^32", "bare", "0a 80 80 80 80 10", ErrorCode.RESOURCE_EXHAUSTED],
  ["ten bytes", "bare", "0a ff ff ff ff ff ff ff ff ff 01", ErrorCode.INVALID_ARGUMENT],
  ["zero in two bytes", "bare", "0a 80 00", ErrorCode.INVALID_ARGUMENT],
  ["a varint field", "bare", "08 01", ErrorCode.INVALID_ARGUMENT],
  ["field 0", "bare", "02 00", ErrorCode.INVALID_ARGUMENT],
  ["a group", "bare", "0b", ErrorCode.INVALID_ARGUMENT],
  ["field 16", "bare", "82 01 00", ErrorCode.INVALID_ARGUMENT],
  ["2^31 - 1", "prefixed32", "7f ff ff ff", ErrorCode.RESOURCE_EXHAUSTED],
  ["2^32 - 1", "prefixed32", "ff ff ff ff", ErrorCode.RESOURCE_EXHAUSTED],
  ["the limit + 1", "prefixed32", "00 10 00 01", ErrorCode.RESOURCE_EXHAUSTED],
];

Deno.test("a length that is a lie or a bomb is refused from its prefix, and costs no memory", () => {
  for (const [name, framing, digits, code] of BOMBS) {
    for (const chunk of [1, 100]) {
      const recorded = readAll(framing, hex(digits), () => chunk, MIB);
      assert(recorded.error instanceof ParleyError, `${framing} ${name}`);
      assert.equal(recorded.error.code, code, `${framing} ${name}: ${recorded.error.message}`);
      assert.equal(recorded.error.closeReason, CloseReason.PROTOCOL_ERROR);
      assert.notEqual(recorded.error.accepted, "");
      assert.equal(recorded.reader.buffer.length, READ_BUFFER_FIRST_BYTES, "nothing was allocated");
      assert.deepEqual(recorded.messages, []);
    }
  }
});

Deno.test("after an error there are no more messages, whatever comes", () => {
  for (const framing of ALL_FRAMINGS) {
    const good = frame(field(1, hex("0a 01 41")), framing);
    const bombs = { delimited: ["80 00"], bare: ["08", "0a 80 00"], prefixed32: [] }[framing];
    for (const bomb of [...bombs, framing === "bare" ? "0a ff ff ff ff 7f" : "ff ff ff ff 7f"]) {
      const recorded = readAll(framing, join(good, hex(bomb)), () => 100);
      assert.equal(recorded.messages.length, 1);
      assert(recorded.error !== null);
      const { reader } = recorded;
      assert.equal(reader.next(), false);
      // What follows is read and thrown away for a while: there must be room for it, for ever.
      for (let count = 0; count < 3000; count++) {
        const space = reader.space();
        assert(space.length > 0, "an empty read would spin");
        reader.filled(Math.min(space.length, 40));
        assert.equal(reader.next(), false);
      }
      assert(reader.buffer.length <= READ_BUFFER_BUSY_BYTES);
    }
  }
});

Deno.test("there is room for the next read also when an error leaves the largest buffer full", () => {
  const reader = new FrameReader("delimited", MIB);
  const echo = frame(field(1, new Uint8Array(61)));
  while (reader.buffer.length < READ_BUFFER_BUSY_BYTES) {
    const space = reader.space();
    for (let at = 0; at < space.length; at++) space[at] = echo[at % echo.length];
    reader.filled(space.length - space.length % echo.length || space.length);
    while (reader.next());
  }
  while (reader.hasPartial) {
    const space = reader.space();
    const rest = echo.length - reader.bufferedBytes;
    space.set(echo.subarray(echo.length - rest));
    reader.filled(rest);
    while (reader.next());
  }
  const space = reader.space();
  assert.equal(space.length, READ_BUFFER_BUSY_BYTES);
  space.set(hex("ff ff ff ff 7f"));
  reader.filled(space.length);
  assert.throws(() => reader.next(), ParleyError);
  assert(reader.space().length > 0, "an empty read would spin");
});

Deno.test("finish ends the messages that are already there", () => {
  const { reader } = read(
    "delimited",
    join(frame(field(1, hex("0a 00"))), frame(field(1, hex("")))),
  );
  assert.equal(reader.next(), true);
  reader.finish();
  assert.equal(reader.next(), false);
});

Deno.test("the buffer grows with the bytes that arrive, not with what a prefix promises", () => {
  for (const framing of ALL_FRAMINGS) {
    const body = MIB - 16;
    const start = framing === "bare"
      ? join(hex("0a"), prefix(body, "delimited"))
      : prefix(body, framing);
    const reader = new FrameReader(framing, MIB);
    reader.space().set(start);
    reader.filled(start.length);
    assert.equal(reader.next(), false);
    assert.equal(reader.buffer.length, READ_BUFFER_FIRST_BYTES, "a promise costs nothing");
    let arrived = start.length;
    while (arrived < body) {
      const count = Math.min(reader.space().length, 700, body - arrived);
      reader.filled(count);
      arrived += count;
      assert.equal(reader.next(), false);
      const allowed = Math.max(READ_BUFFER_FIRST_BYTES, 4 * arrived);
      assert(reader.buffer.length <= allowed, `${reader.buffer.length} for ${arrived} bytes`);
    }
  }
});

Deno.test("the buffer shrinks again, after a large frame and after a busy time", () => {
  const reader = new FrameReader("delimited", MIB);
  const feed = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) {
      const space = reader.space();
      const count = Math.min(space.length, bytes.length - at);
      space.set(bytes.subarray(at, at + count));
      reader.filled(count);
      at += count;
      while (reader.next());
    }
  };
  feed(frame(field(1, new Uint8Array(MIB - 16))));
  reader.space();
  assert(reader.buffer.length <= READ_BUFFER_BUSY_BYTES, "the large frame is over");
  feed(new Uint8Array(READ_BUFFER_BUSY_BYTES * 4).fill(0));
  assert.equal(reader.buffer.length, READ_BUFFER_BUSY_BYTES, "busy");
  const small = frame(field(1, hex("0a 01 41")));
  for (let count = 0; count < 1000; count++) feed(small);
  assert.equal(reader.buffer.length, READ_BUFFER_FIRST_BYTES, "quiet again");
});

Deno.test("shrinking loses nothing of a message that is half there", () => {
  const reader = new FrameReader("delimited", MIB);
  const fill = new Uint8Array(READ_BUFFER_BUSY_BYTES * 4);
  for (let at = 0; at < fill.length;) {
    const space = reader.space();
    reader.filled(space.fill(0).length);
    at += space.length;
    while (reader.next());
  }
  const message = field(1, new Random(9).bytes(3000));
  const bytes = frame(message);
  let seen = 0;
  for (const byte of bytes) {
    reader.space()[0] = byte;
    reader.filled(1);
    while (reader.next()) {
      seen++;
      assert.deepEqual(reader.buffer.slice(reader.messageStart, reader.messageEnd), message);
    }
  }
  assert.equal(seen, 1);
  assert(reader.buffer.length < READ_BUFFER_BUSY_BYTES);
});
