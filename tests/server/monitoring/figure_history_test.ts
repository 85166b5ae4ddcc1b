/**
 * Figures over time: what sums, levels, peaks and times become with each step, pauses, and what no longer fits.
 */
import assert from "node:assert/strict";
import {
  COARSE_STEP,
  type Figure,
  FigureHistory,
  FINE_STEP,
} from "../../../lib/server/monitoring/figure_history.ts";

/** A history of one figure of each kind, whose values the test sets. */
function history(nowMs = 0) {
  const now = { sum: 0, level: 0, peak: 0, took: { sum: 0, count: 0 } };
  const figures: Figure[] = [
    { name: "sum", kind: "rate", read: () => now.sum },
    { name: "level", kind: "level", read: () => now.level },
    { name: "peak", kind: "peak", read: () => now.peak },
    { name: "took", kind: "mean", read: () => now.took },
  ];
  return { now, noted: new FigureHistory(figures, nowMs) };
}

function values(noted: FigureHistory, isFine: boolean, most = Infinity) {
  const { series } = noted.last(isFine, null, most);
  return Object.fromEntries(series.map(({ name, values }) => [name, [...values]]));
}

Deno.test("a row has rates, averages, the greatest and what one took", () => {
  const { now, noted } = history();
  assert.equal(noted.last(true, null).lastMs, 0);
  assert.deepEqual(values(noted, true), { sum: [], level: [], peak: [], took: [] });
  Object.assign(now, { sum: 100, level: 3, peak: 7, took: { sum: 30, count: 3 } });
  noted.tick(2000);
  // Nothing took any time: that is not 0 ms.
  Object.assign(now, { sum: 101, level: 4, peak: 0 });
  noted.tick(4100);
  assert.deepEqual(values(noted, true), {
    sum: [50, Math.fround(1 / 2.1)],
    level: [3, 4],
    peak: [7, 0],
    took: [10, NaN],
  });
  assert.equal(noted.last(true, null).lastMs, 4100);
  assert.deepEqual(values(noted, true, 1).level, [4]);
  assert.deepEqual(noted.last(true, new Set(["peak"])).series.map(({ name }) => name), ["peak"]);
});

Deno.test("what began from nothing has that as its first row, and all since in its next one", () => {
  const now = { sum: 90, level: 5 };
  const noted = new FigureHistory(
    [
      { name: "sum", kind: "rate", read: () => now.sum },
      { name: "level", kind: "level", read: () => now.level },
    ],
    8000,
    true,
  );
  assert.equal(noted.last(true, null).lastMs, 8000);
  assert.deepEqual(values(noted, true), { sum: [0], level: [0] });
  noted.tick(10_000);
  assert.deepEqual(values(noted, true), { sum: [0, 45], level: [0, 5] });
  assert.deepEqual(values(noted, false), { sum: [0], level: [0] });
});

Deno.test("a minute has the rate, the average and the greatest of all its ticks", () => {
  const { now, noted } = history();
  for (let tick = 1; tick <= 30; tick++) {
    now.sum += 10;
    now.level = tick;
    now.peak = tick === 7 ? 99 : 1;
    now.took = { sum: now.took.sum + tick, count: tick };
    assert.deepEqual(values(noted, false).sum, [], "no row before the minute is over");
    noted.tick(2000 * tick);
  }
  assert.deepEqual(values(noted, false), {
    sum: [5],
    level: [15.5],
    peak: [99],
    took: [Math.fround(465 / 30)],
  });
  assert.equal(noted.last(false, null).lastMs, 60_000);
});

Deno.test("a sum that goes back is no negative rate", () => {
  const { now, noted } = history();
  now.sum = 1000;
  noted.tick(2000);
  now.sum = 10;
  noted.tick(4000);
  assert.deepEqual(values(noted, true).sum, [500, 0]);
});

Deno.test("a late tick stands for all its steps, and after a long pause they have no values", () => {
  const { now, noted } = history();
  now.sum = 60;
  noted.tick(6000);
  assert.deepEqual(values(noted, true).sum, [10, 10, 10]);
  now.sum = 160;
  noted.tick(26_000);
  assert.deepEqual(values(noted, true).sum, [10, 10, 10, ...new Array(9).fill(NaN), 5]);
  // One that is longer than all there is room for ends.
  noted.tick(26_000 + 10 * FINE_STEP.rows * FINE_STEP.stepMs);
  const left = values(noted, true).sum;
  assert.equal(left.length, FINE_STEP.rows);
  assert.deepEqual(left.slice(-2), [NaN, 0]);
});

Deno.test("the newest row takes the place of the oldest", () => {
  const { now, noted } = history(1000);
  const ticks = COARSE_STEP.stepMs / FINE_STEP.stepMs * (COARSE_STEP.rows + 2);
  for (let tick = 1; tick <= ticks; tick++) {
    now.level = tick;
    noted.tick(1000 + tick * FINE_STEP.stepMs);
  }
  const fine = values(noted, true).level;
  assert.equal(fine.length, FINE_STEP.rows);
  assert.deepEqual([fine[0], fine.at(-1)], [ticks - FINE_STEP.rows + 1, ticks]);
  const coarse = values(noted, false).level;
  assert.equal(coarse.length, COARSE_STEP.rows);
  assert.deepEqual([coarse[0], coarse.at(-1)], [75.5, ticks - 14.5]);
});
