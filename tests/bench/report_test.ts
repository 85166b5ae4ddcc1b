/**
 * From measured values to tables: medians, ratios within runs, targets, and blocks of a document.
 */
import assert from "node:assert/strict";
import type { Machine } from "../../bench/harness/machine.ts";
import { parseOptions } from "../../bench/harness/options.ts";
import { jsonOf, markdownOf, textOf, withBlock } from "../../bench/harness/report.ts";
import { type Case, outcomesOf } from "../../bench/harness/result.ts";
import { summarize, summarizeRatios } from "../../bench/harness/statistics.ts";

const machine: Machine = {
  cores: 2,
  cpu: "Some CPU",
  kernel: "linux 6",
  deno: "2.9.6",
  parley: "0.1.0",
  peers: { "nats-server": "2.9.10", "redis-server": undefined },
};

const example: Case = {
  benchmark: "bus",
  name: "1 → 1, 16 B",
  metrics: [{ key: "rate", label: "deliveries a second", digits: 0 }],
  checks: [
    { metric: "rate", subject: "parley", against: "nats-server", atLeast: 1.5 },
    { metric: "rate", subject: "parley", against: "redis-server", atLeast: 1 },
    { metric: "rate", subject: "parley", atMost: 1999 },
  ],
  samples: new Map([
    ["parley", [{ rate: 1000 }, { rate: 3000 }, { rate: 2000 }]],
    ["nats-server", [{ rate: 1000 }, { rate: 1000 }, { rate: 1250 }]],
  ]),
  notes: ["A note."],
};

Deno.test("medians and spreads; ratios are taken within each run", () => {
  assert.deepEqual(summarize([3, 1, 2]), { median: 2, least: 1, most: 3 });
  assert.deepEqual(summarize([4, 1]), { median: 2.5, least: 1, most: 4 });
  assert.deepEqual(summarizeRatios([2, 9, 4], [1, 3, 4]), { median: 2, least: 1, most: 3 });
});

Deno.test("a target is met or missed, and a peer that is not there is not compared", () => {
  const outcomes = outcomesOf(example);
  assert.deepEqual(outcomes.map(({ met, summary }) => [summary.median, met]), [
    [1.6, true],
    [2000, false],
  ]);
});

Deno.test("a case as text, as Markdown and as JSON", () => {
  const lines = textOf(example).trim().split("\n");
  assert.deepEqual(lines.map((line) => line.replace(/ {2,}/g, " | ")), [
    "bus: 1 → 1, 16 B",
    " | deliveries a second",
    "parley | 2,000 (1,000–3,000)",
    "nats-server | 1,000 (1,000–1,250)",
    "parley / nats-server | 1.60 (1.00–3.00), ≥ 1.5: met",
    "parley, target | ≤ 1999: missed",
    "A note.",
  ]);
  const options = parseOptions(["bus"])!;
  const block = markdownOf("bus", options, machine, [example]);
  assert(block.startsWith("`deno task bench bus --runs 5 --seconds 3` on 2 cores of Some CPU, "));
  assert(block.includes("nats-server 2.9.10") && !block.includes("redis-server 7"));
  assert(block.includes("| parley / nats-server | 1.60 (1.00–3.00), ≥ 1.5: met |\n"));
  const json = JSON.parse(JSON.stringify(jsonOf(options, machine, [example], [])));
  assert.equal(json.cases[0].subjects[0].summary.rate.median, 2000);
  assert.equal(json.cases[0].checks[0].met, true);
});

Deno.test("a block of the document is replaced, and only that", () => {
  const document = "a\n<!-- figures: bus -->\n\nold\n\n<!-- end: bus -->\nb\n";
  const once = withBlock(document, "bus", "new");
  assert.equal(once, "a\n<!-- figures: bus -->\n\nnew\n\n<!-- end: bus -->\nb\n");
  assert.equal(withBlock(once, "bus", "new"), once);
  assert.throws(() => withBlock(document, "call", "new"), /figures of call/);
});

Deno.test("docs/performance.md has a block for every benchmark", () => {
  const document = Deno.readTextFileSync(new URL("../../docs/performance.md", import.meta.url));
  for (const name of parseOptions([])!.benchmarks) withBlock(document, name, "");
});
