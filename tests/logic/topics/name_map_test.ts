/**
 * Tests NameMap against Map through growing and shrinking, by text and by bytes, and the hashes beneath.
 *
 * Invariant: hashes differ from process to process, so no test names one.
 */
import assert from "node:assert/strict";
import { hashBytes, hashText, NOT_ASCII } from "../../../lib/logic/topics/name_hash.ts";
import { NameMap } from "../../../lib/logic/topics/name_map.ts";
import { Random } from "../../support/random.ts";

const utf8 = new TextEncoder();

Deno.test("random histories agree with Map", () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = new Random(seed);
    const names = new NameMap<number>();
    const model = new Map<string, number>();
    const range = 1 + random.below(300);
    for (let step = 0; step < 2000; step++) {
      const name = `n${random.below(range)}`;
      // First more is added, then more is deleted, so that it grows and shrinks.
      if (random.below(10) < (step < 1000 ? 7 : 3)) {
        names.set(name, step);
        model.set(name, step);
      } else {
        assert.equal(names.delete(name), model.delete(name));
      }
      assert.equal(names.size, model.size);
    }
    for (let i = 0; i < range; i++) {
      const bytes = utf8.encode(`n${i}`);
      assert.equal(names.get(`n${i}`), model.get(`n${i}`));
      assert.equal(names.getBytes(bytes, 0, bytes.length), model.get(`n${i}`));
    }
    assert.deepEqual([...names.names()].sort(), [...model.keys()].sort());
  }
});

Deno.test("a name that is not ASCII is found by text alone", () => {
  const names = new NameMap<number>();
  names.set("é", 1);
  assert.equal(names.get("é"), 1);
  assert.equal(names.getBytes(utf8.encode("é"), 0, 2), null);
  assert.equal(names.getBytes(new Uint8Array([0xe9]), 0, 1), null);
});

Deno.test("text and bytes have the same hash, which spreads", () => {
  const places = new Set<number>();
  for (let i = 0; i < 4096; i++) {
    const bytes = utf8.encode(`..user.${i}.inbox..`);
    const hash = hashBytes(bytes, 2, bytes.length - 2);
    assert.equal(hash, hashText(`user.${i}.inbox`));
    places.add(hash & 4095);
  }
  // Of 4,096 places, chance fills 63 %.
  assert(places.size > 2300, `${places.size} places`);
  assert.equal(hashBytes(new Uint8Array([0x61, 0x80]), 0, 2), NOT_ASCII);
});
