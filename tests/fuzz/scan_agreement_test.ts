/**
 * The hand-written scans against the generated classes and protobuf's own reader: the same member, id
 * and contents for valid messages, and never another reading of bytes that the scan accepts.
 */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { ParleyError } from "../../lib/base/errors.ts";
import { AddRequestSchema, EchoMessageSchema } from "../../lib/gen/parley/v1/demo_pb.ts";
import { type ClientMessage, ClientMessageSchema } from "../../lib/gen/parley/v1/envelope_pb.ts";
import { FieldCursor } from "../../lib/wire/field_cursor.ts";
import { MessageScan } from "../../lib/wire/message_scan.ts";
import { type ClientMessageInit, encode, hex, join } from "../support/frames.ts";
import { Random } from "../support/random.ts";

const text = fc.string({ unit: "grapheme", maxLength: 300 });
const bytes = fc.uint8Array({ maxLength: 300 });
const headers = fc.dictionary(fc.string({ maxLength: 9 }), fc.string({ maxLength: 9 }), {
  noNullPrototype: true,
});
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const uint32 = fc.nat({ max: 2 ** 32 - 1 });

const member = fc.oneof(
  fc.record({ case: fc.constant("echoMessage"), value: fc.record({ content: text }) }),
  fc.record({
    case: fc.constant("addRequest"),
    value: fc.record({ a: fc.integer(), b: fc.integer() }),
  }),
  fc.record({
    case: fc.constant("event"),
    value: fc.record({ topic: text, payload: bytes, type: text, headers, messageId: text }),
  }),
  fc.record({
    case: fc.constant("hello"),
    value: fc.record({ protocolVersion: uint32, clientName: text, answersPings: fc.boolean() }),
  }),
  fc.record({ case: fc.constant("ping"), value: fc.record({ nonce: uint64 }) }),
  fc.record({
    case: fc.constant("call"),
    value: fc.record({ method: text, payload: bytes, headers, timeoutMs: uint32 }),
  }),
  fc.record({ case: fc.constant("cancel"), value: fc.constant({}) }),
  fc.record({
    case: fc.constant("job"),
    value: fc.record({ queue: text, payload: bytes, headers, key: text, delayMs: uint64 }),
  }),
  fc.record({
    case: fc.constant("pull"),
    value: fc.record({ consumer: uint64, queue: text, prefetch: uint32, close: fc.boolean() }),
  }),
  fc.record({
    case: fc.constant("settle"),
    value: fc.record({
      consumer: uint64,
      tokens: fc.array(uint64, { maxLength: 20 }),
      verdict: fc.nat({ max: 5 }),
      error: text,
    }),
  }),
  fc.constant({ case: undefined }),
) as fc.Arbitrary<ClientMessageInit["message"]>;

/** Valid messages, some with fields of a newer version behind them. */
const message = fc.record({
  init: fc.record({ message: member, id: uint64 }),
  newer: fc.constantFrom(
    "",
    "a0 01 05",
    "fa 02 02 41 42",
    "a1 01 0102030405060708",
    "f5 03 01020304",
  ),
}).map(({ init, newer }) => join(encode(init), hex(newer)));

const numbers = Object.fromEntries(
  ClientMessageSchema.fields.map((field) => [field.localName, field.number]),
);

Deno.test("the scan and the generated class read the same member, id and body", () => {
  fc.assert(
    fc.property(message, fc.nat({ max: 5 }), (encoded, before) => {
      const buffer = join(new Uint8Array(before).fill(0xff), encoded, hex("ff ff"));
      const scan = new MessageScan();
      scan.scan(buffer, before, before + encoded.length);
      const decoded = fromBinary(ClientMessageSchema, encoded);
      assert.equal(scan.member, numbers[decoded.message.case ?? ""] ?? 0);
      const idBytes = buffer.slice(scan.idStart, scan.idEnd);
      assert.equal(fromBinary(ClientMessageSchema, idBytes).id, decoded.id);
      assert.equal(scan.idBytes === 0, decoded.id === 0n);
      if (scan.member === 0) return;
      // The body alone, as the only member of another message, is the same again.
      const body = buffer.slice(scan.start, scan.end);
      assert.deepEqual(body, bodyOf(decoded));
    }),
    { numRuns: 5000 },
  );
});

/** The encoded body of a decoded message's member. */
function bodyOf(decoded: ClientMessage): Uint8Array {
  const alone = create(ClientMessageSchema, { message: decoded.message });
  const encoded = toBinary(ClientMessageSchema, alone);
  const reader = new BinaryReader(encoded);
  reader.tag();
  return reader.bytes().slice();
}

Deno.test("the cursor and the generated class read the same echo and sum", () => {
  const unknown = fc.constantFrom("", "18 05", "22 01 41", "29 0102030405060708");
  fc.assert(
    fc.property(text, fc.integer(), fc.integer(), unknown, (content, a, b, more) => {
      const echo = toBinary(EchoMessageSchema, create(EchoMessageSchema, { content }));
      const add = toBinary(AddRequestSchema, create(AddRequestSchema, { a, b }));
      const cursor = new FieldCursor();
      const withMore = join(echo, hex(more));
      let seen: Uint8Array = new Uint8Array(0);
      cursor.open(withMore, 0, withMore.length);
      while (cursor.next()) if (cursor.field === 1) seen = withMore.slice(cursor.start, cursor.end);
      assert.deepEqual(seen, new TextEncoder().encode(content));
      const sums = [0, 0, 0, 0, 0, 0];
      cursor.open(join(hex(more), add), 0, add.length + hex(more).length);
      while (cursor.next()) if (cursor.field < 3) sums[cursor.field] = cursor.int32();
      assert.deepEqual(sums.slice(1, 3), [a, b]);
    }),
    { numRuns: 2000 },
  );
});

const ID = numbers.id;
const LAST_MEMBER = Math.max(...Object.values(numbers));

/** Reads the top level with protobuf's own, lenient reader; null when it is no protobuf. */
function reference(encoded: Uint8Array): { members: number[]; id: bigint } | null {
  try {
    const reader = new BinaryReader(encoded);
    const members: number[] = [];
    let id = 0n;
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      if (number === ID && wireType === WireType.Varint) id = BigInt(reader.uint64());
      else {
        if (number <= LAST_MEMBER && number !== ID) members.push(number);
        reader.skip(wireType, number);
      }
    }
    return reader.pos === reader.len ? { members, id } : null;
  } catch {
    return null;
  }
}

Deno.test("what the scan accepts of damaged messages, protobuf reads in the same way", () => {
  const random = new Random(11);
  const samples = fc.sample(message, { numRuns: 500, seed: 5 });
  const scan = new MessageScan();
  let accepted = 0;
  for (let count = 0; count < 100_000; count++) {
    const damaged = random.below(4) === 0
      ? random.bytes(random.below(12))
      : random.pick(samples).slice();
    for (let flips = random.below(4); flips > 0 && damaged.length > 0; flips--) {
      damaged[random.below(Math.min(damaged.length, 16))] ^= 1 << random.below(8);
    }
    try {
      scan.scan(damaged, 0, damaged.length);
    } catch (error) {
      assert(error instanceof ParleyError);
      continue;
    }
    accepted++;
    const expected = reference(damaged);
    assert(expected !== null, `accepted, but no protobuf: ${[...damaged]}`);
    assert.deepEqual(expected.members, scan.member === 0 ? [] : [scan.member]);
    const id = fromBinary(ClientMessageSchema, damaged.slice(scan.idStart, scan.idEnd)).id;
    assert.equal(id, expected.id);
  }
  assert(accepted > 10_000, `${accepted} of the damaged messages were still messages`);
});
