/**
 * Tests the completions of a batch against a plain list: in their order, from the start again, and after the newest of
 * them were taken back.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Completions } from "../../../lib/adapters/store/completions.ts";

Deno.test("each entry has its own completion, whatever those beside it have", () => {
  const step = fc.oneof(
    fc.record({ who: fc.nat(2), times: fc.nat(5) }),
    fc.record({ cut: fc.nat(12) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const completions = new Completions();
    const expected: unknown[] = [];
    const tickets = [{}, {}, null];
    for (const what of steps) {
      if ("cut" in what) {
        const length = Math.max(0, expected.length - what.cut);
        completions.cut(length);
        expected.length = length;
        continue;
      }
      for (let times = what.times; times > 0; times--) {
        completions.push(tickets[what.who]);
        expected.push(tickets[what.who]);
      }
    }
    assert.equal(completions.length, expected.length);
    for (let walk = 0; walk < 2; walk++) {
      for (let index = 0; index < expected.length; index++) {
        assert.equal(completions.at(index), expected[index]);
      }
    }
  }));
});
