/**
 * Entries in parts, and those whose writer is gone before their end.
 */
import assert from "node:assert/strict";
import { PartJoiner, partsOf, partText } from "../../../lib/adapters/jetstream/parts.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (entry: Uint8Array | null) => entry && new TextDecoder().decode(entry);

Deno.test("an entry takes as many parts as it fills, and one at least", () => {
  assert.deepEqual([0, 1, 10, 11, 20, 21].map((length) => partsOf(length, 10)), [1, 1, 1, 2, 2, 3]);
  assert.equal(partText(0, 1), null);
  assert.equal(partText(2, 3), "2/3");
});

Deno.test("parts are joined when the last one has come", () => {
  const joiner = new PartJoiner();
  assert.equal(textOf(joiner.take(null, bytes("whole"))), "whole");
  assert.equal(joiner.take("0/3", bytes("a")), null);
  assert.equal(joiner.take("1/3", bytes("b")), null);
  assert.equal(textOf(joiner.take("2/3", bytes("c"))), "abc");
});

Deno.test("an entry without its end is given up when another begins", () => {
  const joiner = new PartJoiner();
  assert.equal(joiner.take("0/2", bytes("lost")), null);
  assert.equal(textOf(joiner.take(null, bytes("next"))), "next");
  assert.equal(joiner.take("0/2", bytes("lost")), null);
  assert.equal(joiner.take("0/2", bytes("x")), null);
  assert.equal(textOf(joiner.take("1/2", bytes("y"))), "xy");
});

Deno.test("a part that is not the next one is refused", () => {
  const joiner = new PartJoiner();
  assert.throws(() => joiner.take("1/2", bytes("end")));
  joiner.take("0/3", bytes("a"));
  assert.throws(() => joiner.take("2/3", bytes("c")));
  assert.throws(() => joiner.take("3/3", bytes("c")));
  assert.throws(() => joiner.take("1", bytes("c")));
});
