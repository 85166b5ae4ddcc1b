/**
 * What is measured of topics, and how fast they are published on: right, bounded, and nothing lost between two reports. No
 * clock is used.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_MEASURED_TOPICS, Measurement } from "../../../lib/logic/topics/measurement.ts";
import { TopicTallies } from "../../../lib/logic/topics/tallies.ts";

Deno.test("the sums of all reports are those of all events, by the textbook", () => {
  fc.assert(fc.property(
    fc.array(
      fc.record({
        gap: fc.double({ min: 0, max: 5000, noNaN: true }),
        bytes: fc.nat(9999),
        reports: fc.boolean(),
      }),
      { minLength: 1, maxLength: 60 },
    ),
    (events) => {
      const measurement = new Measurement(">", "");
      assert.equal(measurement.report(0).elapsedMs, 0);
      let now = 0;
      const times: number[] = [];
      const sums = { events: 0, bytes: 0, intervals: 0, ms: 0, squares: 0, elapsed: 0 };
      let [least, most, smallest, largest] = [Infinity, 0, Infinity, 0];
      const report = () => {
        const { topics, elapsedMs } = measurement.report(now);
        sums.elapsed += elapsedMs;
        for (const figures of topics) {
          sums.events += figures.events;
          sums.bytes += figures.bytes;
          sums.intervals += figures.intervals;
          sums.ms += figures.intervalMs;
          sums.squares += figures.squaredIntervalMs;
          if (figures.intervals > 0) {
            least = Math.min(least, figures.minIntervalMs);
            most = Math.max(most, figures.maxIntervalMs);
          }
          if (figures.events > 0) {
            smallest = Math.min(smallest, figures.minBytes);
            largest = Math.max(largest, figures.maxBytes);
          }
          assert.equal(figures.totalEvents, times.length);
        }
      };
      for (const { gap, bytes, reports } of events) {
        times.push(now += gap);
        measurement.counterOf("t").add(bytes, now);
        if (reports) report();
      }
      report();
      const gaps = times.slice(1).map((time, index) => time - times[index]);
      const sizes = events.map(({ bytes }) => bytes);
      const sum = (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0);
      assert.deepEqual([sums.events, sums.bytes, sums.intervals], [
        events.length,
        sum(sizes),
        gaps.length,
      ]);
      assert.deepEqual([smallest, largest], [Math.min(...sizes), Math.max(...sizes)]);
      near(
        sums.elapsed,
        now + 0.001 * events.filter(({ gap, reports }) => reports && gap === 0).length,
        0.1,
      );
      near(sums.ms, sum(gaps));
      near(sums.squares, sum(gaps.map((gap) => gap ** 2)));
      if (gaps.length > 0) assert.deepEqual([least, most], [Math.min(...gaps), Math.max(...gaps)]);
    },
  ));
  function near(actual: number, expected: number, most = 1e-6) {
    assert(Math.abs(actual - expected) <= most * Math.max(1, expected), `${actual} ${expected}`);
  }
});

Deno.test("beyond a number of topics events are counted together, until one of them falls silent", () => {
  const measurement = new Measurement(">", "");
  measurement.report(0);
  for (let index = 0; index < MAX_MEASURED_TOPICS + 10; index++) {
    measurement.counterOf(`t${index}`).add(3, 1);
  }
  const full = measurement.report(2);
  assert.deepEqual([full.topics.length, full.otherEvents, full.otherBytes, full.freed], [
    MAX_MEASURED_TOPICS,
    10,
    30,
    false,
  ]);
  measurement.counterOf("t0").add(1, 20_000);
  const freed = measurement.report(31_000);
  assert.deepEqual([freed.topics.length, freed.freed], [1, true]);
  measurement.counterOf("late").add(1, 31_000);
  const { topics, otherEvents } = measurement.report(31_001);
  assert.deepEqual([topics.map(({ topic }) => topic), otherEvents], [["late", "t0"], 0]);
});

Deno.test("a rate is that of five to ten seconds, whoever was counted since", () => {
  const tallies = new TopicTallies();
  const one = tallies.of("one");
  for (let ms = 0; ms <= 30_000; ms += 250) {
    tallies.sweep(ms);
    for (let count = 0; count < 25; count++) one.add(10);
  }
  const { eventsPerSecond, bytesPerSecond } = tallies.rateOf(one, 30_250);
  assert(Math.abs(eventsPerSecond - 100) < 5, `${eventsPerSecond}`);
  assert(Math.abs(bytesPerSecond - 1000) < 50, `${bytesPerSecond}`);
  // One that came only now has been silent before.
  const late = tallies.of("late");
  late.add(1);
  const rate = tallies.rateOf(late, 30_250).eventsPerSecond;
  assert(rate > 0.09 && rate < 0.21, `${rate}`);
  tallies.sweep(35_000);
  tallies.sweep(40_000);
  tallies.sweep(45_000);
  assert.equal(tallies.rateOf(one, 45_000).eventsPerSecond, 0);
});
