/**
 * A line of those who wait: keys take turns, one key keeps its order, and a full line loses the last of the key
 * that has most in it; also by random histories.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { WaitingLine } from "../../lib/logic/waiting_line.ts";

function all<Item>(line: WaitingLine<Item>): Item[] {
  const items: Item[] = [];
  for (let item = line.shift(); item !== null; item = line.shift()) items.push(item);
  return items;
}

Deno.test("keys take turns, and of one key the first to come goes first", () => {
  const line = new WaitingLine<string>(10);
  for (const item of ["a1", "a2", "a3", "b1", "c1", "b2"]) {
    assert.equal(line.push(item[0], item), null);
  }
  assert.equal(line.size, 6);
  assert.deepEqual(all(line), ["a1", "b1", "c1", "a2", "b2", "a3"]);
  assert.equal(line.size, 0);
  assert.equal(line.shift(), null);
});

Deno.test("a full line loses the last of the key that has most in it", () => {
  const line = new WaitingLine<string>(3);
  for (const item of ["a1", "a2", "a3"]) assert.equal(line.push("a", item), null);
  assert.equal(line.push("a", "a4"), "a4", "who floods it pushes nobody out but itself");
  assert.equal(line.push("b", "b1"), "a3");
  assert.equal(line.push("c", "c1"), "a2");
  assert.equal(line.push("d", "d1"), "d1", "all have the same");
  assert.equal(line.size, 3);
  assert.deepEqual(all(line), ["a1", "b1", "c1"]);
});

Deno.test("no history loses anybody, holds more than may wait, or keeps a newcomer behind a flood", () => {
  const step = fc.oneof(fc.constantFrom("a", "a", "a", "b", "c"), fc.constant(null));
  fc.assert(fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step), (most, steps) => {
    const line = new WaitingLine<{ key: string; number: number }>(most);
    const waiting: { key: string; number: number }[] = [];
    for (const [number, key] of steps.entries()) {
      if (key !== null) {
        const item = { key, number };
        waiting.push(item);
        const out = line.push(key, item);
        if (out !== null) waiting.splice(waiting.indexOf(out), 1);
      } else {
        const next = line.shift();
        if (next === null) assert.equal(waiting.length, 0);
        else {
          assert.equal(next, waiting.find((each) => each.key === next.key), "in order of its key");
          waiting.splice(waiting.indexOf(next), 1);
        }
      }
      assert.equal(line.size, waiting.length);
      assert(line.size <= most);
    }
    const turns = all(line).map(({ key }) => key);
    assert.deepEqual([...turns].sort(), waiting.map(({ key }) => key).sort());
    for (const key of new Set(turns)) assert(turns.indexOf(key) < new Set(turns).size, "one round");
  }));
});
