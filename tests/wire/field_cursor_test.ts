/**
 * Walking over the fields of a body: numbers, wire types, where values lie, int32 as protobuf reads it,
 * and the same strictness as the scan of the envelope.
 */
import assert from "node:assert/strict";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { CloseReason, ParleyError } from "../../lib/base/errors.ts";
import { FieldCursor } from "../../lib/wire/field_cursor.ts";
import { hex, join, varint } from "../support/frames.ts";

interface Field {
  field: number;
  wireType: number;
  value: Uint8Array;
}

function fieldsOf(bytes: Uint8Array, start = 0, end = bytes.length): Field[] {
  const cursor = new FieldCursor();
  cursor.open(bytes, start, end);
  const fields: Field[] = [];
  while (cursor.next()) {
    const { field, wireType } = cursor;
    fields.push({ field, wireType, value: bytes.slice(cursor.start, cursor.end) });
  }
  return fields;
}

Deno.test("fields of every wire type are found one after the other", () => {
  const bytes = hex(
    "08 96 01 12 03 61 62 63 19 0102030405060708 25 01020304 82 01 00 fa ff ff ff 0f 00",
  );
  assert.deepEqual(fieldsOf(bytes), [
    { field: 1, wireType: 0, value: hex("96 01") },
    { field: 2, wireType: 2, value: hex("61 62 63") },
    { field: 3, wireType: 1, value: hex("01 02 03 04 05 06 07 08") },
    { field: 4, wireType: 5, value: hex("01 02 03 04") },
    { field: 16, wireType: 2, value: hex("") },
    { field: 536_870_911, wireType: 2, value: hex("") },
  ]);
  assert.deepEqual(fieldsOf(hex("")), []);
});

Deno.test("the body's end is the end, whatever stands behind it", () => {
  const bytes = hex("ff 0a 01 41 0a 01 42");
  assert.equal(fieldsOf(bytes, 1, 4).length, 1);
  assert.throws(() => fieldsOf(bytes, 1, 3), /ends within/);
  assert.throws(() => fieldsOf(bytes, 1, 2), /ends within/);
});

Deno.test("what is no body is refused, for its own reason", () => {
  const refused: [string, RegExp][] = [
    ["00 01", /number 0/],
    ["02 00", /number 0/],
    ["0b 0c", /field 1 with wire type 3/],
    ["0c", /field 1 with wire type 4/],
    ["0e 00", /field 1 with wire type 6/],
    ["0f 00", /field 1 with wire type 7/],
    ["0a", /ends within/],
    ["0a 02 41", /ends within/],
    ["0a ff ff ff ff 0f", /ends within/],
    ["08", /ends within/],
    ["08 80", /ends within/],
    ["09 00", /ends within/],
    ["0d 00", /ends within/],
    ["82", /ends within/],
    ["8a 00 00", /not minimal/],
    ["0a 80 00", /not minimal/],
    ["08 80 00", /not minimal/],
    ["0a ff ff ff ff 1f", /too long/],
    ["0a 80 80 80 80 80 01", /too long/],
    ["08 ff ff ff ff ff ff ff ff ff 02", /too long/],
  ];
  for (const [digits, reason] of refused) {
    assert.throws(() => fieldsOf(hex(digits)), (error: unknown) => {
      assert(error instanceof ParleyError, digits);
      assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR);
      assert.match(error.message, reason, digits);
      return true;
    });
  }
});

Deno.test("expect raises for another wire type", () => {
  const cursor = new FieldCursor();
  cursor.open(hex("08 01"), 0, 2);
  cursor.next();
  cursor.expect(0);
  assert.throws(() => cursor.expect(2), /field 1 with wire type 0/);
  cursor.open(hex("0a 00"), 0, 2);
  cursor.next();
  assert.throws(() => cursor.int32(), /field 1 with wire type 2/);
});

function int32Of(value: Uint8Array): number {
  const bytes = join(hex("08"), value, hex("ff"));
  const cursor = new FieldCursor();
  cursor.open(bytes, 0, bytes.length - 1);
  assert(cursor.next());
  return cursor.int32();
}

Deno.test("an int32 is the low 32 bits of its varint, with their sign", () => {
  const check = (value: number) => {
    assert.equal(int32Of(new BinaryWriter().int32(value).finish()), value);
    // Some encoders write a negative int32 in five bytes; protobuf reads those too.
    assert.equal(int32Of(varint(value >>> 0)), value);
  };
  for (const value of [0, 1, -1, 127, 128, -128, 2 ** 31 - 1, -(2 ** 31), 2 ** 28, -(2 ** 28)]) {
    check(value);
  }
  fc.assert(fc.property(fc.integer(), check));
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
    assert.equal(int32Of(varint(value)), Number(BigInt.asIntN(32, value)));
  }));
});
