/**
 * Tests the choice of the least loaded: exact among few, in turn among equals, bounded among many.
 *
 * The balance is measured in events, with members that work at random moments from a fixed seed.
 */
import assert from "node:assert/strict";
import {
  type Group,
  leastLoaded,
  LOOK_AT,
  pickMember,
} from "../../../lib/logic/topics/group_balance.ts";
import { Random } from "../../support/random.ts";

function groupOf<S>(members: S[]): Group<S> {
  return { name: "g", pattern: "a", members, turn: 0 };
}

Deno.test("equals are chosen in turn", () => {
  const group = groupOf(["a", "b", "c"]);
  const chosen = Array.from({ length: 7 }, () => pickMember(group, () => 1));
  assert.deepEqual(chosen, ["a", "b", "c", "a", "b", "c", "a"]);
});

Deno.test("the least loaded is chosen, whoever's turn it is", () => {
  const loads = new Map([["a", 3], ["b", 2], ["c", 9]]);
  const group = groupOf([...loads.keys()]);
  for (let turn = 0; turn <= 3; turn++) {
    group.turn = turn;
    assert.equal(pickMember(group, (one) => loads.get(one) ?? 0), "b");
  }
});

Deno.test("who cannot be chosen is passed over, and nobody is an answer", () => {
  const members = Array.from({ length: 100 }, (_, i) => i);
  assert.equal(pickMember(groupOf(members), (i) => i === 99 ? 5 : Infinity), 99);
  assert.equal(pickMember(groupOf(members), () => Infinity), null);
  assert.equal(leastLoaded([], 0, () => 0), -1);
});

Deno.test("a turn past the end starts at the beginning", () => {
  assert.equal(leastLoaded(["a", "b"], 7, () => 1), 0);
});

Deno.test("among many, a choice looks at a bounded number", () => {
  let looks = 0;
  pickMember(groupOf(Array.from({ length: 10_000 }, (_, i) => i)), () => ++looks && 1);
  assert.equal(looks, LOOK_AT);
});

for (const count of [3, LOOK_AT, 50]) {
  Deno.test(`${count} members share within 10 percent, and the slow get less`, () => {
    const random = new Random(count);
    const waiting = new Array<number>(count).fill(0);
    const got = new Array<number>(count).fill(0);
    const group = groupOf(waiting.map((_, i) => i));
    for (let event = 0; event < 1000 * count; event++) {
      const member = pickMember(group, (i) => waiting[i]);
      assert(member !== null);
      waiting[member]++;
      got[member]++;
      // All but the first, which is stuck, work through what waits at some random moment.
      const worked = 1 + random.below(count - 1);
      waiting[worked] = 0;
    }
    const others = got.slice(1);
    const mean = others.reduce((sum, each) => sum + each, 0) / others.length;
    for (const each of others) assert(Math.abs(each - mean) < mean / 10, `${each} of ${mean}`);
    assert(got[0] < mean / 10, `${got[0]} of ${mean}`);
  });
}
