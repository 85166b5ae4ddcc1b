/**
 * Calls and answers: fifty callers with one call under way each, one responder; ours against NATS.
 */
import { type BenchContext, busyNotes, LOAD_SHARE, startAll, startsOf } from "./harness/context.ts";
import { runLoad } from "./harness/generator.ts";
import { paired } from "./harness/paired.ts";
import type { Case, Check, Metric } from "./harness/result.ts";
import type { CallLoadResult } from "./load/call_load.ts";

const CALLERS = 50;
const PAYLOAD_BYTES = 64;
const METRICS: readonly Metric[] = [
  { key: "rate", label: "calls a second", digits: 0 },
  { key: "p50", label: "p50 ms", digits: 2 },
  { key: "p99", label: "p99 ms", digits: 2 },
  { key: "cpu", label: "server CPU s per million", digits: 2 },
];

/** Measures it. */
export async function benchCall(context: BenchContext): Promise<Case[]> {
  const { options: { runs, seconds }, progress } = context;
  await using stack = new AsyncDisposableStack();
  const subjects = await startAll(startsOf(context, ["nats-server"]), stack);
  progress.begin("call");
  const samples = await paired(subjects, runs, progress, async ({ dialect, port, pid }) => {
    const target = { dialect, port, pid };
    const load = {
      kind: "call",
      target,
      callers: CALLERS,
      payloadBytes: PAYLOAD_BYTES,
      seconds,
    } as const;
    const result = await runLoad<CallLoadResult>(load, seconds);
    return {
      rate: result.calls / result.seconds,
      p50: result.p50Ms,
      p99: result.p99Ms,
      cpu: result.serverCpuSeconds / result.calls * 1e6,
      [LOAD_SHARE]: result.loadCpuSeconds / result.seconds,
    };
  });
  const pair = { subject: "parley", against: "nats-server" };
  const checks: Check[] = [
    { metric: "rate", ...pair, atLeast: 1 },
    ...["p50", "p99", "cpu"].map((metric) => ({ metric, ...pair })),
  ];
  const name = `${CALLERS} callers, ${PAYLOAD_BYTES} B, one responder`;
  return [{
    benchmark: "call",
    name,
    metrics: METRICS,
    checks,
    samples,
    notes: busyNotes(samples),
  }];
}
