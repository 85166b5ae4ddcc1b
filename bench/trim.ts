/**
 * The trimming of many old events: how long the server keeps a client waiting meanwhile, against the time
 * just before. Ours only.
 *
 * In every run a server that keeps everything is filled and stopped; another one is started on the same
 * data, to which all of it is too old. It looks for what is too old some seconds after its start: so there
 * is time to be connected, and to measure it at rest.
 */
import { join } from "node:path";
import type { BenchContext } from "./harness/context.ts";
import { answerOf, startLoad } from "./harness/generator.ts";
import type { Case, Check, Metric, Sample } from "./harness/result.ts";
import { startParley, type Subject } from "./harness/subjects.ts";
import type { FillResult, RoundTrips, TrimResult } from "./load/trim_load.ts";

const PAYLOAD_BYTES = 16;
const AT_MOST_MS = 20;
/** The least time between a start and its first look: a busy machine takes some of it to connect. */
const LEAST_REST_MS = 2000;
const STEP_SECONDS = 150;
const METRICS: readonly Metric[] = [
  { key: "max", label: "longest round trip ms", digits: 2 },
  { key: "p99", label: "p99 ms", digits: 2 },
  { key: "seconds", label: "seconds", digits: 2 },
];
const TRIMMING = "parley, trimming";
const AT_REST = "parley, before it";

/** Measures it. */
export async function benchTrim({ options, progress }: BenchContext): Promise<Case[]> {
  const { events, runs } = options;
  const restMs = Math.max(LEAST_REST_MS, Math.round(options.seconds * 1000));
  const name = `${events.toLocaleString("en-US")} old events of ${PAYLOAD_BYTES} B are trimmed`;
  progress.begin(`trim, ${name}`);
  const trimming: Sample[] = [];
  const atRest: Sample[] = [];
  for (let run = 1; run <= runs; run++) {
    progress.step(`run ${run} of ${runs}`);
    const { before, during } = await measure(events, restMs);
    trimming.push(sampleOf(during));
    atRest.push(sampleOf(before));
  }
  const checks: Check[] = [
    { metric: "max", subject: TRIMMING, atMost: AT_MOST_MS },
    ...["max", "p99"].map((metric) => ({ metric, subject: TRIMMING, against: AT_REST })),
  ];
  return [{
    benchmark: "trim",
    name,
    metrics: METRICS,
    checks,
    samples: new Map([[TRIMMING, trimming], [AT_REST, atRest]]),
    notes: [],
  }];
}

async function measure(events: number, restMs: number): Promise<TrimResult> {
  const folder = await Deno.makeTempDir({ prefix: "parley-bench-" });
  try {
    const file = join(folder, "parley.toml");
    await Deno.writeTextFile(file, tooOldAfter(restMs));
    const data = ["--data", join(folder, "data")];
    await using load = startLoad({ kind: "trim", events, payloadBytes: PAYLOAD_BYTES });
    {
      await using server = await startParley("parley", [...data, "--set", "keep=bench.>"]);
      await load.tell(targetOf(server));
      await answerOf<FillResult>(load, STEP_SECONDS);
    }
    await using server = await startParley("parley", [...data, "--config", file]);
    await load.tell(targetOf(server));
    return await answerOf<TrimResult>(load, STEP_SECONDS);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A configuration to which everything is too old, and which first looks after a while. */
function tooOldAfter(restMs: number): string {
  return [
    "[[keep]]",
    'pattern = "bench.>"',
    "max_age_ms = 1",
    "[store]",
    `retention_interval_ms = ${restMs}`,
    "",
  ].join("\n");
}

function targetOf({ dialect, port, pid }: Subject): string {
  return JSON.stringify({ dialect, port, pid });
}

function sampleOf({ seconds, p99Ms, maxMs }: RoundTrips): Sample {
  return { max: maxMs, p99: p99Ms, seconds };
}
