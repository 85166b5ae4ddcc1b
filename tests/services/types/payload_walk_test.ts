/**
 * Walks over payloads: what a walk takes a decoder takes, whatever the bytes, and what a decoder refuses a walk refuses.
 */
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import type { MessageTypes } from "../../../lib/logic/types/message_types.ts";
import { filesOfSet, readTypeFile } from "../../../lib/logic/types/type_file.ts";
import { PayloadWalk } from "../../../lib/services/types/payload_walk.ts";
import { descriptorSet, linkAll, source } from "../../support/descriptors.ts";

const BODY = `
enum E { A = 0; B = 1; }
message M {
  string text = 1;
  bytes raw = 2;
  int64 number = 3;
  repeated int32 packed = 4;
  repeated fixed32 fixed = 5;
  repeated string texts = 6;
  M inner = 7;
  map<string, M> entries = 8;
  map<int32, E> states = 9;
  E state = 10;
  double real = 11;
  oneof it { sint32 small = 12; float short = 13; }
  repeated M many = 14;
  bool flag = 15;
}`;

async function typesOf(body: string): Promise<MessageTypes> {
  const set = await descriptorSet({ "acme/v1/m.proto": source(body) });
  return linkAll(filesOfSet(set).map(readTypeFile)).types;
}

const types = await typesOf(BODY);
const schema = types.message("acme.v1.M")!;
const walk = new PayloadWalk();
const faultOf = (bytes: Uint8Array) => walk.faultOf(schema, bytes, 0, bytes.length);

const leaf = fc.record({
  text: fc.string({ unit: "binary" }),
  raw: fc.base64String(),
  number: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  packed: fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  fixed: fc.array(fc.nat(2 ** 32 - 1)),
  states: fc.dictionary(fc.nat(1000).map(String), fc.constantFrom("A", "B")),
  state: fc.constantFrom("A", "B"),
  real: fc.double({ noNaN: true, noDefaultInfinity: true }),
  small: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  flag: fc.boolean(),
}, { requiredKeys: [] });
const message = fc.record({
  inner: leaf,
  many: fc.array(leaf, { maxLength: 3 }),
  entries: fc.dictionary(fc.string(), leaf, { maxKeys: 3 }),
  texts: fc.array(fc.string({ unit: "binary" })),
}, { requiredKeys: [] });

Deno.test("every message is taken", () => {
  fc.assert(fc.property(message, (value) => {
    const bytes = types.encode("acme.v1.M", JSON.stringify(value));
    assert.equal(faultOf(bytes), null);
  }));
});

Deno.test("what a walk takes, a decoder takes, however the bytes were changed", () => {
  const change = fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.boolean() });
  let taken = 0;
  let refused = 0;
  fc.assert(
    fc.property(message, change, (value, { at, byte, cut }) => {
      const bytes = types.encode("acme.v1.M", JSON.stringify(value));
      if (bytes.length === 0) return;
      bytes[at % bytes.length] = byte;
      const changed = cut ? bytes.subarray(0, at % bytes.length) : bytes;
      if (faultOf(changed) !== null) return void refused++;
      taken++;
      fromBinary(schema, changed);
    }),
    { numRuns: 2000 },
  );
  assert(taken > 100 && refused > 100, `${taken} taken, ${refused} refused`);
});

Deno.test("each kind of fault is told with its field", () => {
  const faults: [number[], RegExp | null][] = [
    [[], null],
    [[0x0a, 0x01, 0x61], null],
    [[0x08, 0x01], /text.* has wire type 0/],
    [[0x0a, 0x01, 0xff], /text.* is not UTF-8/],
    [[0x12, 0x01, 0xff], null],
    [[0x1a, 0x01, 0x61], /number.* has wire type 2/],
    [[0x22, 0x02, 0x01, 0x02], null],
    [[0x20, 0x01], null],
    [[0x22, 0x01, 0x80], /truncated|ends/],
    [[0x2a, 0x04, 1, 2, 3, 4], null],
    [[0x2a, 0x03, 1, 2, 3], /fixed.* is no list of its values/],
    [[0x3a, 0x02, 0x08, 0x01], /text.* has wire type 0/],
    [[0x42, 0x03, 0x0a, 0x01, 0xff], /entries.* is not UTF-8/],
    [[0x42, 0x02, 0x08, 0x01], /entries.* has wire type 0/],
    [[0x42, 0x04, 0x12, 0x02, 0x08, 0x01], /text.* has wire type 0/],
    [[0x4a, 0x04, 0x08, 0x01, 0x10, 0x01], null],
    [[0x4a, 0x03, 0x12, 0x01, 0x01], /states.* has wire type 2/],
    [[0xa0, 0x06, 0x01], null],
    [[0x0a], /./],
    [[0x0b], /./],
  ];
  for (const [bytes, words] of faults) {
    const fault = faultOf(new Uint8Array(bytes));
    if (words === null) assert.equal(fault, null, String(bytes));
    else assert.match(fault ?? "nothing", words, String(bytes));
  }
});

Deno.test("messages within messages are looked at down to a hundred", () => {
  const nested = (depth: number): Uint8Array => {
    let bytes: number[] = [];
    for (let level = 0; level < depth; level++) {
      const { length } = bytes;
      bytes = [0x3a, ...(length < 128 ? [length] : [length & 0x7f | 0x80, length >> 7]), ...bytes];
    }
    return new Uint8Array(bytes);
  };
  assert.equal(faultOf(nested(99)), null);
  assert.match(faultOf(nested(100)) ?? "", /100 deep/);
  assert.match(faultOf(nested(3000)) ?? "", /100 deep/);
});
