/**
 * Tests NameMap against Map through growing and shrinking, and the hashes beneath.
 *
 * Invariant: hashes differ from process to process, so no test names one.
 */
import assert from "node:assert/strict";
import { hashText } from "../../../lib/logic/topics/name_hash.ts";
import { NameMap } from "../../../lib/logic/topics/name_map.ts";
import { Random } from "../../support/random.ts";

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
      assert.equal(names.get(`n${i}`), model.get(`n${i}`));
    }
  }
});

Deno.test("a name that is not ASCII is found", () => {
  const names = new NameMap<number>();
  names.set("é", 1);
  assert.equal(names.get("é"), 1);
  assert.equal(names.get("e\u0301"), undefined);
});

Deno.test("a text and its part in a longer one have the same hash, which spreads", () => {
  const places = new Set<number>();
  for (let i = 0; i < 4096; i++) {
    const name = `user.${i}.inbox`;
    const hash = hashText(name);
    assert.equal(hash, hashText(`${name}.more`, name.length));
    places.add(hash & 4095);
  }
  // Of 4,096 places, chance fills 63 %.
  assert(places.size > 2300, `${places.size} places`);
});
