/**
 * The figures of `topic hz` and `topic bw`: right, bounded, and fitting the terminal. No clock is used.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_TOPICS, TopicMeter } from "../../../lib/cli/topics/meter.ts";
import { plainLines, reportJson, tableRows } from "../../../lib/cli/topics/table.ts";

Deno.test("the figures are those of the last events, by the textbook", () => {
  fc.assert(fc.property(
    fc.array(
      fc.record({ gap: fc.double({ min: 0.001, max: 5, noNaN: true }), size: fc.nat(999) }),
      {
        minLength: 2,
        maxLength: 80,
      },
    ),
    fc.integer({ min: 2, max: 40 }),
    (events, window) => {
      const meter = new TopicMeter(window);
      let now = 100;
      const times: number[] = [];
      for (const { gap, size } of events) {
        times.push(now += gap);
        meter.record("t", size, now);
      }
      const [figures] = meter.report(now + 1).topics;
      const last = times.slice(-window);
      const gaps = last.slice(1).map((time, index) => time - last[index]);
      const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
      const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
      const bytes = events.slice(-window).reduce((sum, { size }) => sum + size, 0);
      assert.equal(figures.events, events.length);
      assert.equal(figures.fresh, events.length);
      assert.equal(figures.window, last.length);
      near(figures.rate!, 1 / mean);
      near(figures.intervals!.average, mean);
      near(figures.intervals!.min, Math.min(...gaps));
      near(figures.intervals!.max, Math.max(...gaps));
      near(figures.intervals!.standardDeviation, Math.sqrt(variance));
      near(figures.bytesPerSecond!, bytes / (now + 1 - last[0]));
      near(figures.sizes.average, bytes / last.length);
    },
  ));
  function near(actual: number, expected: number) {
    assert(Math.abs(actual - expected) <= 1e-6 * Math.max(1, Math.abs(expected)), `${actual}`);
  }
});

Deno.test("one event has no rate, and a silent topic says so and then leaves", () => {
  const meter = new TopicMeter(10);
  meter.record("once", 5, 1);
  const [first] = meter.report(1).topics;
  assert.deepEqual([first.rate, first.intervals, first.bytesPerSecond], [null, null, null]);
  assert.equal(meter.report(2).topics[0].fresh, 0);
  assert.match(plainLines(meter.report(2), "hz")[0], /^once {2}average - .* new none$/);
  assert.equal(meter.report(32).topics.length, 0);
});

Deno.test("memory is bounded: further topics are counted together until there is room", () => {
  const meter = new TopicMeter(2);
  for (let index = 0; index < MAX_TOPICS + 100; index++) meter.record(`t.${index}`, 1, 1);
  const report = meter.report(2);
  assert.equal(report.topics.length, MAX_TOPICS);
  assert.equal(report.others, 100);
  assert.equal(plainLines(report, "bw").at(-1), ">  100 events on topics beyond these");
  assert.equal(meter.report(100).others, 0);
  meter.record("new", 1, 100);
  assert.deepEqual(meter.report(101).topics.map((each) => each.topic), ["new"]);
});

Deno.test("a table fits its terminal, whatever the topics are called", () => {
  const name = fc.oneof(
    fc.string({ minLength: 1, maxLength: 300 }),
    fc.constantFrom("世界.".repeat(40), "a\x1b[2J", "\u202eabc"),
  );
  fc.assert(fc.property(
    fc.uniqueArray(name, { minLength: 1, maxLength: 60 }),
    fc.integer({ min: 20, max: 200 }),
    fc.integer({ min: 4, max: 50 }),
    (names, columns, rows) => {
      const meter = new TopicMeter(5);
      for (const [index, each] of names.entries()) {
        for (let time = 0; time < 3; time++) meter.record(each, index, time * (index + 1));
      }
      for (const measure of ["hz", "bw", "delay"] as const) {
        const table = tableRows(meter.report(3), measure, columns, rows);
        assert(table.length <= rows, "a line is left for the cursor");
        for (const row of table) {
          // deno-lint-ignore no-control-regex
          assert.doesNotMatch(row, /[\x00-\x1f\x7f-\x9f\u202a-\u202e]/);
          const wide = [...row].filter((each) => each.codePointAt(0)! >= 0x1100);
          const narrow = wide.filter((each) => each === "…").length;
          assert([...row].length + wide.length - narrow < columns, row);
        }
      }
    },
  ));
});

Deno.test("where not all fit, the busiest are shown, by name", () => {
  const meter = new TopicMeter(10);
  for (const [topic, gap] of [["a", 9], ["b", 0.1], ["c", 5], ["d", 0.2]] as const) {
    meter.record(topic, 1, 0);
    meter.record(topic, 1, gap);
  }
  const rows = tableRows(meter.report(10), "hz", 80, 4);
  assert.deepEqual(rows.map((row) => row.split(" ")[0]), ["topic", "b", "d", "…"]);
  assert.match(rows[3], /2 more topics/);
});

Deno.test("intervals are told in the unit that shows them", () => {
  const meter = new TopicMeter(10);
  for (const time of [0, 0.000_012_3, 0.004_572_3, 1.504_572_3]) meter.record("t", 1, time);
  const [line] = plainLines(meter.report(2), "hz");
  assert.match(
    line,
    /^t {2}average 1\.99\/s {2}min 12\.3 µs {2}max 1\.500 s {2}std-dev 706\.\d\d ms /,
  );
});

Deno.test("JSON has what was measured", () => {
  const meter = new TopicMeter(10);
  for (const time of [1, 2, 3]) meter.record("t", 100, time);
  const hz = reportJson(meter.report(4), "hz", "now");
  assert.deepEqual(hz, {
    time: "now",
    topics: [{
      topic: "t",
      events: 3,
      new_events: 3,
      window: 3,
      events_per_second: 1,
      interval_seconds: { average: 1, min: 1, max: 1, standard_deviation: 0 },
    }],
    events_on_other_topics: 0,
  });
  const bw = reportJson(meter.report(4), "bw", "now");
  assert.deepEqual(bw.topics, [{
    topic: "t",
    events: 3,
    new_events: 0,
    window: 3,
    bytes_per_second: 100,
    payload_bytes: { average: 100, min: 100, max: 100 },
  }]);
});

Deno.test("delays are those of the window, and below nothing where the clocks differ", () => {
  const meter = new TopicMeter(2);
  for (const delay of [9, 0.002, -0.001]) meter.record("t", 1, 1, delay);
  const report = meter.report(1);
  assert.deepEqual(report.topics[0].delays, { average: 0.0005, min: -0.001, max: 0.002 });
  const [line] = plainLines(report, "delay");
  assert.equal(line, "t  average 500.0 µs  min -1.00 ms  max 2.00 ms  window 2  new 3");
  const { topics: [json] } = reportJson(report, "delay", "now");
  assert.deepEqual(json, {
    topic: "t",
    events: 3,
    new_events: 3,
    window: 2,
    delay_seconds: { average: 0.0005, min: -0.001, max: 0.002 },
  });
  // The ring grows with what is measured.
  const grown = new TopicMeter(100);
  for (let index = 0; index < 50; index++) grown.record("t", 1, 1, index);
  assert.deepEqual(grown.report(1).topics[0].delays, { average: 24.5, min: 0, max: 49 });
});
