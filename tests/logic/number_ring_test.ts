/**
 * Tests the line of numbers: first in, first out against a plain list, whatever comes and goes in whatever order, and
 * that what is empty takes no room.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { NumberRing } from "../../lib/logic/number_ring.ts";

Deno.test("a line of numbers gives them in the order in which they came", () => {
  const step = fc.oneof(
    fc.record({ push: fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 80 }) }),
    fc.record({ shift: fc.nat(80) }),
    fc.constant({ clear: true }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const ring = new NumberRing();
    let expected: number[] = [];
    for (const what of steps) {
      if ("push" in what) {
        for (const number of what.push) ring.push(number);
        expected.push(...what.push);
      } else if ("shift" in what) {
        for (let left = Math.min(what.shift, expected.length); left > 0; left--) {
          assert.equal(ring.shift(), expected.shift());
        }
      } else {
        ring.clear();
        expected = [];
      }
      assert.equal(ring.size, expected.length);
    }
  }));
});

Deno.test("a line of numbers that was long and is empty begins anew", () => {
  const ring = new NumberRing();
  for (let round = 0; round < 3; round++) {
    for (let number = 0; number < 10_000; number++) ring.push(number);
    for (let number = 0; number < 10_000; number++) assert.equal(ring.shift(), number);
    assert.equal(ring.size, 0);
    assert.throws(() => ring.shift());
  }
});
