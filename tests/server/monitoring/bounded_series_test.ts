/**
 * Which names get series of their own: bounded, the most active ones, and nothing that is told goes down.
 */
import assert from "node:assert/strict";
import { BoundedSeries, REST } from "../../../lib/server/monitoring/bounded_series.ts";

const one = (name: string, ...values: number[]) => ({ name, values });

Deno.test("bounded series: as many as there may be, one less and one more", () => {
  for (const [count, shown] of [[1, 1], [2, 2], [3, 2]]) {
    const series = new BoundedSeries(2, 1);
    const candidates = Array.from({ length: count }, (_, index) => one(`t${index}`, index + 1));
    const told = series.tell(candidates, 0);
    assert.equal(told.shown.length, shown);
    const rest = count > 2 ? 1 : 0;
    assert.deepEqual(told.rest, [rest], "the least active is the rest");
  }
});

Deno.test("bounded series: with no places everything is the rest", () => {
  const series = new BoundedSeries(0, 2);
  assert.deepEqual(series.tell([one("a", 1, 10)], 0), { shown: [], rest: [1, 10] });
  assert.deepEqual(series.tell([one("a", 3, 30)], 0), { shown: [], rest: [3, 30] });
});

Deno.test("bounded series: places change once a minute, and begin where the rest ends", () => {
  const series = new BoundedSeries(1, 1);
  assert.deepEqual(series.tell([one("a", 10), one("b", 5)], 0).shown, [one("a", 10)]);
  const before = series.tell([one("a", 10), one("b", 50)], 59_999);
  assert.deepEqual(before, { shown: [one("a", 10)], rest: [50] });
  // The rest keeps what it has told of b, and b tells what comes from now on.
  const after = series.tell([one("a", 10), one("b", 60)], 60_000);
  assert.deepEqual(after, { shown: [one("b", 10)], rest: [50] });
  const later = series.tell([one("a", 12), one("b", 70)], 60_001);
  assert.deepEqual(later, { shown: [one("b", 20)], rest: [52] });
});

Deno.test("bounded series: what is gone makes room, what comes again begins anew", () => {
  const series = new BoundedSeries(1, 1);
  series.tell([one("a", 10), one("b", 5)], 0);
  assert.deepEqual(series.tell([one("b", 6)], 1), { shown: [one("b", 1)], rest: [5] });
  assert.deepEqual(series.tell([one("b", 2)], 2), { shown: [one("b", 2)], rest: [5] });
});

Deno.test("bounded series: one that is called as the rest counts with it", () => {
  const series = new BoundedSeries(5, 1);
  assert.deepEqual(series.tell([one(REST, 7), one("a", 1)], 0), {
    shown: [one("a", 1)],
    rest: [7],
  });
});

Deno.test("bounded series: nothing told ever goes down, whatever happens", () => {
  const series = new BoundedSeries(3, 1);
  const sums = new Map<string, number>();
  const told = new Map<string, number>();
  let seed = 1;
  const random = (below: number) => (seed = (seed * 16_807) % 2_147_483_647) % below;
  let last = 0;
  for (let round = 0; round < 500; round++) {
    for (let event = 0; event < 20; event++) {
      const name = `t${random(10)}`;
      sums.set(name, (sums.get(name) ?? 0) + 1 + random(9));
    }
    const candidates = [...sums].map(([name, sum]) => one(name, sum));
    const { shown, rest } = series.tell(candidates, round * 20_000);
    assert(shown.length <= 3);
    assert(rest[0] >= last);
    last = rest[0];
    const names = new Set(shown.map(({ name }) => name));
    for (const name of told.keys()) if (!names.has(name)) told.delete(name);
    for (const { name, values: [value] } of shown) {
      assert(value >= (told.get(name) ?? 0), name);
      told.set(name, value);
    }
  }
});
