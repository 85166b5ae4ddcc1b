/**
 * The figures of `topic hz` and `topic bw`, made of what the server has measured: over a window that is no smaller than was
 * asked for, and never larger than it has to be.
 */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { MeasuredTopics } from "../../../lib/cli/topics/measured.ts";
import { plainLines } from "../../../lib/cli/topics/table.ts";
import { MeasureTopicsResponseSchema } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { Measurement } from "../../../lib/logic/topics/measurement.ts";

/** The answer of a server that has measured that. */
function answerOf(measurement: Measurement, nowMs: number) {
  const report = measurement.report(nowMs);
  return create(MeasureTopicsResponseSchema, {
    topics: report.topics.map((figures) => ({
      topic: figures.topic,
      events: BigInt(figures.events),
      totalEvents: BigInt(figures.totalEvents),
      bytes: BigInt(figures.bytes),
      minBytes: BigInt(figures.minBytes),
      maxBytes: BigInt(figures.maxBytes),
      intervals: BigInt(figures.intervals),
      intervalSeconds: figures.intervalMs / 1e3,
      intervalSecondsSquared: figures.squaredIntervalMs / 1e6,
      minIntervalSeconds: figures.minIntervalMs / 1e3,
      maxIntervalSeconds: figures.maxIntervalMs / 1e3,
    })),
    elapsedMicros: BigInt(Math.round(report.elapsedMs * 1000)),
    otherEvents: BigInt(report.otherEvents),
  });
}

Deno.test("figures are those of the last reports that have as many events as the window", () => {
  fc.assert(fc.property(
    fc.array(
      fc.array(fc.record({ gap: fc.integer({ min: 1, max: 500 }), size: fc.nat(999) }), {
        maxLength: 8,
      }),
      { minLength: 1, maxLength: 20 },
    ),
    fc.integer({ min: 2, max: 12 }),
    (reports, window) => {
      const measurement = new Measurement(">", "");
      const measured = new MeasuredTopics(window);
      measured.report(answerOf(measurement, 0));
      let now = 0;
      let before = 0;
      const told: { gaps: number[]; sizes: number[]; elapsed: number }[] = [];
      for (const events of reports) {
        const start = now;
        const gaps: number[] = [];
        const sizes: number[] = [];
        for (const { gap, size } of events) {
          now += gap;
          if (before > 0) gaps.push(now - before);
          before = now;
          sizes.push(size);
          measurement.counterOf("t").add(size, now);
        }
        now++;
        const [figures] = measured.report(answerOf(measurement, now)).topics;
        told.push({ gaps, sizes, elapsed: now - start });
        if (figures === undefined) continue;
        let from = told.length;
        let count = 0;
        while (from > 0 && count < window) count += told[--from].sizes.length;
        // A report without events before those of the window is none of it.
        while (from < told.length - 1 && count - told[from].sizes.length >= window) {
          count -= told[from++].sizes.length;
        }
        const used = told.slice(from).filter(() => true);
        const all = used.flatMap((one) => one.gaps);
        const bytes = used.flatMap((one) => one.sizes);
        assert.equal(figures.window, bytes.length);
        if (all.length > 0) {
          const mean = all.reduce((sum, gap) => sum + gap, 0) / all.length;
          near(figures.rate!, 1000 / mean);
          near(figures.intervals!.min, Math.min(...all) / 1000);
          near(figures.intervals!.max, Math.max(...all) / 1000);
          const variance = all.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / all.length;
          near(figures.intervals!.standardDeviation, Math.sqrt(variance) / 1000, 1e-4);
        } else assert.equal(figures.intervals, null);
        if (bytes.length > 0) {
          near(figures.sizes.average, bytes.reduce((sum, size) => sum + size, 0) / bytes.length);
          assert.equal(figures.sizes.max, Math.max(...bytes));
        }
      }
    },
  ));
  function near(actual: number, expected: number, most = 1e-6) {
    assert(
      Math.abs(actual - expected) <= most * Math.max(1, Math.abs(expected)),
      `${actual} ${expected}`,
    );
  }
});

Deno.test("one event has no rate, silence is said, and a measurement that begins anew forgets what was", () => {
  const measured = new MeasuredTopics(10);
  const first = new Measurement(">", "");
  measured.report(answerOf(first, 0));
  first.counterOf("once").add(5, 1);
  const one = measured.report(answerOf(first, 1000));
  assert.deepEqual([one.topics[0].rate, one.topics[0].intervals, one.topics[0].bytesPerSecond], [
    null,
    null,
    5,
  ]);
  assert.match(
    plainLines(measured.report(answerOf(first, 2000)), "hz")[0],
    /^once {2}average - .* window 1 {2}new none$/,
  );
  assert.equal(measured.report(answerOf(first, 32_000)).topics.length, 0);
  const second = new Measurement(">", "");
  assert.deepEqual(measured.report(answerOf(second, 50_000)).topics, []);
  second.counterOf("once").add(7, 50_001);
  const [anew] = measured.report(answerOf(second, 51_000)).topics;
  assert.deepEqual([anew.events, anew.window, anew.bytesPerSecond], [1, 1, 7]);
});
