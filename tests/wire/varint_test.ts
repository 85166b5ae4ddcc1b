/**
 * Varints against protobuf's own: sizes at every boundary, and the ten bytes of a negative int32.
 */
import assert from "node:assert/strict";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { int32Size, putInt32, putVarint, putVarint53, varintSize } from "../../lib/wire/varint.ts";
import { varint } from "../support/frames.ts";

/** Both sides of each power of 128, and the ends. */
const BOUNDARIES = [0, 1, 127, 128, 16_383, 16_384, 2 ** 21 - 1, 2 ** 21, 2 ** 28 - 1, 2 ** 28];

Deno.test("a varint takes as many bytes as it says, and reads back", () => {
  for (const value of [...BOUNDARIES, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
    const bytes = new Uint8Array(12);
    const end = putVarint(bytes, 1, value);
    assert.equal(end - 1, varintSize(value), `${value}`);
    assert.deepEqual(bytes.slice(1, end), varint(value), `${value}`);
    assert.equal(new BinaryReader(bytes.slice(1, end)).uint32(), value);
  }
});

Deno.test("a varint of up to 53 bits reads back", () => {
  const values = [...BOUNDARIES, 2 ** 32 - 1, 2 ** 32, 2 ** 35 - 1, 2 ** 35, 2 ** 49];
  for (const value of [...values, Number.MAX_SAFE_INTEGER]) {
    const bytes = new Uint8Array(12);
    const end = putVarint53(bytes, 0, value);
    assert.deepEqual(bytes.slice(0, end), varint(value), `${value}`);
  }
  fc.assert(fc.property(fc.maxSafeNat(), (value) => {
    const bytes = new Uint8Array(12);
    assert.deepEqual(bytes.slice(0, putVarint53(bytes, 0, value)), varint(value));
  }));
});

Deno.test("an int32 is written as protobuf writes it", () => {
  const check = (value: number) => {
    const bytes = new Uint8Array(12);
    const end = putInt32(bytes, 0, value);
    assert.equal(end, int32Size(value), `${value}`);
    assert.deepEqual(bytes.slice(0, end), new BinaryWriter().int32(value).finish().slice());
  };
  for (const value of [...BOUNDARIES, -1, -2, -128, 2 ** 31 - 1, -(2 ** 31)]) check(value);
  fc.assert(fc.property(fc.integer(), check));
});
