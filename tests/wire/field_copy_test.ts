/**
 * Copying a body without some of its fields: what stays, stays byte for byte, as the generated classes see it.
 */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ParleyError } from "../../lib/base/errors.ts";
import { JobSchema } from "../../lib/gen/parley/v1/queue_pb.ts";
import { copyFields } from "../../lib/wire/field_copy.ts";
import { field, hex, join, varint } from "../support/frames.ts";

const NOTHING = new Uint8Array(0);

function without(bytes: Uint8Array, fields: readonly number[], more: Uint8Array = NOTHING) {
  // Not at the beginning of its buffer, and not alone in it.
  const buffer = join(hex("ff ff"), bytes, hex("ff"));
  const left = (field: number) => fields.includes(field);
  return copyFields(buffer, 2, 2 + bytes.length, left, more);
}

const piece = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 40 }), fc.uint8Array({ maxLength: 200 }))
    .map(([number, body]) => ({ number, bytes: field(number, body) })),
  fc.tuple(fc.integer({ min: 1, max: 2 ** 29 - 1 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
    .map(([number, value]) => ({ number, bytes: join(varint(number * 8), varint(value)) })),
  fc.tuple(fc.integer({ min: 1, max: 40 }), fc.uint8Array({ minLength: 8, maxLength: 8 }))
    .map(([number, body]) => ({ number, bytes: join(varint(number * 8 + 1), body) })),
  fc.tuple(fc.integer({ min: 1, max: 40 }), fc.uint8Array({ minLength: 4, maxLength: 4 }))
    .map(([number, body]) => ({ number, bytes: join(varint(number * 8 + 5), body) })),
);

Deno.test("exactly the fields that are left out are missing, wherever and however often they are", () => {
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 20 }),
      fc.uint8Array({ maxLength: 20 }),
      (pieces, left, more) => {
        const whole = join(...pieces.map(({ bytes }) => bytes));
        const kept = pieces.filter(({ number }) => !left.includes(number));
        const expected = join(...kept.map(({ bytes }) => bytes), more);
        assert.deepEqual(Uint8Array.from(without(whole, left, more)), expected);
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("a job without its id is the job that was pushed, with what is put behind", () => {
  const job = create(JobSchema, {
    queue: "q",
    payload: new Uint8Array(300).fill(12),
    headers: { a: "1" },
    key: "k",
    id: 12n,
    topic: "t",
    death: { lastError: "x" },
  });
  const death = toBinary(JobSchema, create(JobSchema, { death: { lastError: "y" } }));
  const copy = fromBinary(JobSchema, without(toBinary(JobSchema, job), [12, 20], death));
  assert.deepEqual(copy, {
    ...job,
    id: 0n,
    death: create(JobSchema, { death: { lastError: "y" } }).death,
  });
});

Deno.test("nothing of nothing is what is put behind, and of all fields left out, too", () => {
  assert.deepEqual(Uint8Array.from(without(NOTHING, [1], hex("08 01"))), hex("08 01"));
  assert.deepEqual(
    Uint8Array.from(without(hex("08 01 0a 01 41"), [1], hex("10 01"))),
    hex("10 01"),
  );
});

Deno.test("bytes that are no message raise", () => {
  for (const digits of ["0a", "0a 05 41", "08", "0b 0c", "02 00", "08 80 00"]) {
    assert.throws(() => without(hex(digits), [1]), ParleyError, digits);
  }
});
