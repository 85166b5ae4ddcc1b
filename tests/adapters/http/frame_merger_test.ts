/**
 * Frames that arrive in pieces are made whole ones, for which `ws` never has to wait: the same payload, the same
 * control frames in their places, and the same refusals, however they are cut.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { FrameMerger, ROOM_IN_FRONT_BYTES } from "../../../lib/adapters/http/frame_merger.ts";

const MAX_PAYLOAD = 1 << 20;

interface Frame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: Uint8Array;
  readonly mask: Uint8Array;
}

/** A frame as a client sends it. */
function encode({ opcode, fin, payload, mask }: Frame): Uint8Array {
  const { length } = payload;
  const head = length < 126
    ? [0x80 | length]
    : length < 65_536
    ? [0x80 | 126, length >> 8, length & 255]
    : [
      0x80 | 127,
      0,
      0,
      0,
      0,
      length >>> 24,
      (length >> 16) & 255,
      (length >> 8) & 255,
      length & 255,
    ];
  const masked = payload.map((byte, index) => byte ^ mask[index & 3]);
  return Buffer.concat([Uint8Array.of((fin ? 0x80 : 0) | opcode, ...head, ...mask), masked]);
}

/** What `ws` gets of `stream`, cut into pieces. */
function merge(stream: Uint8Array, piece: () => number): Buffer[] {
  const merger = new FrameMerger(MAX_PAYLOAD);
  const merged: Buffer[] = [];
  for (let at = 0; at < stream.length;) {
    const count = Math.min(piece(), stream.length - at);
    const bytes = new Uint8Array(ROOM_IN_FRONT_BYTES + count);
    bytes.set(stream.subarray(at, at + count), ROOM_IN_FRONT_BYTES);
    merged.push(...merger.merge(bytes, bytes.length));
    at += count;
  }
  return merged;
}

/** Reads frames as `ws` does, which must all be whole. */
function decode(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const opcode = bytes[at] & 15;
    const fin = bytes[at] >= 0x80;
    let length = bytes[at + 1] & 127;
    let size = 2;
    if (length === 126) [length, size] = [bytes[at + 2] * 256 + bytes[at + 3], 4];
    else if (length === 127) {
      [length, size] = [Number(Buffer.from(bytes).readBigUInt64BE(at + 2)), 10];
    }
    const mask = bytes.slice(at + size, at + size + 4);
    const start = at + size + 4;
    assert(start + length <= bytes.length, "every frame is whole");
    const payload = bytes.slice(start, start + length).map((byte, index) => byte ^ mask[index & 3]);
    frames.push({ opcode, fin, payload, mask });
    at = start + length;
  }
  return frames;
}

const mask = fc.uint8Array({ minLength: 4, maxLength: 4 });
const control = fc.record({
  opcode: fc.constantFrom(9, 10),
  fin: fc.constant(true),
  payload: fc.uint8Array({ maxLength: 125 }),
  mask,
});
const size = fc.oneof(fc.nat(3), fc.nat(200), fc.integer({ min: 65_000, max: 66_000 }));

Deno.test("control frames arrive up to the longest that there may be", () => {
  for (const length of [0, 1, 124, 125]) {
    const payload = new Uint8Array(length).fill(7);
    const ping = { opcode: 9, fin: true, payload, mask: Uint8Array.of(1, 2, 3, 4) };
    const data = { ...ping, opcode: 2, payload: Uint8Array.of(1) };
    const got = decode(Buffer.concat(merge(Buffer.concat([ping, data].map(encode)), () => 50)));
    assert.deepEqual(got.map(({ opcode, payload }) => [opcode, payload.length]), [
      [9, length],
      [2, 1],
    ]);
    const merger = new FrameMerger(MAX_PAYLOAD);
    merger.mergeAll(encode(ping));
    assert(!merger.verbatim, "what follows is merged as before");
  }
});

Deno.test("however frames are cut, payloads and control frames arrive, each in its place", () => {
  const message = fc.array(
    fc.record({ size, mask, controls: fc.array(control, { maxLength: 2 }) }),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  const piece = fc.constantFrom(1, 2, 7, 100, 1000, 65_536);
  fc.assert(
    fc.property(fc.array(message, { maxLength: 4 }), piece, (messages, pieceBytes) => {
      const sent: Frame[] = [];
      let fill = 0;
      for (const fragments of messages) {
        for (const [index, { size, mask, controls }] of fragments.entries()) {
          sent.push({
            opcode: index === 0 ? 2 : 0,
            fin: index === fragments.length - 1,
            payload: new Uint8Array(size).map(() => fill++),
            mask,
          });
          sent.push(...controls);
        }
      }
      const got = decode(Buffer.concat(merge(Buffer.concat(sent.map(encode)), () => pieceBytes)));
      assert(got.every(({ opcode, fin }) => fin && opcode !== 0));
      const flat = (frames: Frame[]) => {
        const parts: string[] = [];
        let data: Uint8Array[] = [];
        const end = () => {
          const whole = Buffer.concat(data);
          if (whole.length > 0) parts.push(whole.toString("hex"));
          data = [];
        };
        for (const { opcode, payload } of frames) {
          if (opcode < 8) data.push(payload);
          else {
            end();
            parts.push(`${opcode} ${Buffer.from(payload).toString("hex")}`);
          }
        }
        end();
        return parts;
      };
      // Control frames may stand within a message; the payload around them is the same.
      assert.deepEqual(flat(got), flat(sent));
    }),
    { numRuns: 60 },
  );
});

Deno.test("a hundred thousand fragments of one byte are a few frames, and nothing waits", () => {
  const fragments = Array.from({ length: 100_000 }, (_, index) =>
    encode({
      opcode: index === 0 ? 2 : 0,
      fin: false,
      payload: Uint8Array.of(index),
      mask: Uint8Array.of(1, 2, 3, 4),
    }));
  const merged = merge(Buffer.concat(fragments), () => 65_536);
  assert.equal(merged.length, Math.ceil(100_000 * 7 / 65_536));
  assert.equal(
    decode(Buffer.concat(merged)).reduce((sum, { payload }) => sum + payload.length, 0),
    100_000,
  );
});

/** What breaks the rules, and how what `ws` gets begins. */
const REFUSED: [what: string, frames: Uint8Array[], gets: number[]][] = [
  ["an unmasked frame", [Uint8Array.of(0x82, 0x05)], [0x82, 0x05]],
  ["a compressed frame", [encode({ ...data(5), opcode: 2 | 0x40 })], [0xc2, 0x85]],
  ["a reserved opcode", [encode({ ...data(5), opcode: 3 })], [0x83, 0x85]],
  ["a control frame in pieces", [encode({ ...data(5), opcode: 9, fin: false })], [0x09, 0x85]],
  ["a long control frame", [encode({ ...data(126), opcode: 9 })], [0x89, 0xfe]],
  ["a continuation of nothing", [encode({ ...data(5), opcode: 0 })], [0x80, 0x85]],
  ["a text, of which nothing is waited for", [encode({ ...data(5000), opcode: 1 })], [0x81, 0x80]],
];

function data(length: number): Frame {
  const mask = Uint8Array.of(1, 2, 3, 4);
  return { opcode: 2, fin: true, payload: new Uint8Array(length).fill(7), mask };
}

for (const [what, frames, gets] of REFUSED) {
  Deno.test(`${what} reaches ws, which refuses it`, () => {
    for (const piece of [1, 2, 65_536]) {
      const bytes = Buffer.concat(merge(Buffer.concat(frames), () => piece));
      assert.deepEqual([...bytes.subarray(0, 2)], gets, `${piece}`);
    }
  });
}

Deno.test("a new message within a message is a continuation out of place to ws", () => {
  for (const opcode of [1, 2]) {
    const stream = Buffer.concat([
      encode({ ...data(3), fin: false }),
      encode({ ...data(4), opcode }),
    ]);
    const merged = Buffer.concat(merge(stream, () => 65_536));
    assert.equal(decode(merged)[0].payload.length, 3);
    assert.equal(decode(merged)[1].opcode, 0);
  }
});

Deno.test("a message of the limit passes, one byte more is refused from its length, in any number of frames", () => {
  const half = MAX_PAYLOAD / 2;
  const parts = (last: number) =>
    Buffer.concat([
      encode({ ...data(half), fin: false }),
      encode({ ...data(last), opcode: 0 }),
    ]);
  const passes = decode(Buffer.concat(merge(parts(half), () => 60_000)));
  assert.equal(passes.reduce((sum, { payload }) => sum + payload.length, 0), MAX_PAYLOAD);
  for (
    const stream of [
      parts(half + 1).subarray(0, half + 40),
      encode(data(MAX_PAYLOAD + 1)).subarray(0, 40),
    ]
  ) {
    const last = merge(stream, () => 60_000).at(-1)!;
    assert.equal(last[0], 0x82);
    assert.equal(last[1], 0xff);
    assert(last.readBigUInt64BE(2) > MAX_PAYLOAD, "ws refuses it from its head");
  }
});
