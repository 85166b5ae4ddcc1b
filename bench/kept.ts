/**
 * Kept topics: durable publishing against JetStream, and the reading of all that was kept.
 */
import { type BenchContext, busyNotes, LOAD_SHARE, startAll } from "./harness/context.ts";
import { runLoad } from "./harness/generator.ts";
import { paired } from "./harness/paired.ts";
import type { Case, Metric } from "./harness/result.ts";
import { type Start, startJetStream, startParley } from "./harness/subjects.ts";
import type { KeptLoadResult } from "./load/kept_load.ts";

const PUBLISHERS = 16;
const IN_FLIGHT = 64;
const PAYLOAD_BYTES = 128;
const METRICS: readonly Metric[] = [
  { key: "rate", label: "acknowledged a second", digits: 0 },
  { key: "cpu", label: "server CPU s per million", digits: 2 },
  { key: "replay", label: "replayed a second", digits: 0 },
];

/** Measures it. */
export async function benchKept(context: BenchContext): Promise<Case[]> {
  const { options: { runs, seconds }, machine, progress } = context;
  await using stack = new AsyncDisposableStack();
  const starts: Start[] = [() => startParley("parley", ["--set", "keep=bench.>"])];
  if (machine.peers["nats-server"] !== undefined) starts.push(startJetStream);
  const subjects = await startAll(starts, stack);
  progress.begin("kept");
  const samples = await paired(subjects, runs, progress, async ({ dialect, port, pid }) => {
    const result = await runLoad<KeptLoadResult>({
      kind: "kept",
      target: { dialect, port, pid },
      publishers: PUBLISHERS,
      inFlight: IN_FLIGHT,
      payloadBytes: PAYLOAD_BYTES,
      seconds,
      replay: dialect === "parley",
    }, seconds);
    return {
      rate: result.acknowledged / result.seconds,
      cpu: result.serverCpuSeconds / result.acknowledged * 1e6,
      // The peer's replay is not measured; a figure of 0 says so in the table.
      replay: result.replayed === 0 ? 0 : result.replayed / result.replaySeconds,
      [LOAD_SHARE]: result.loadCpuSeconds / result.seconds,
    };
  });
  const pair = { subject: "parley", against: "nats-server" };
  return [{
    benchmark: "kept",
    name: `${PUBLISHERS} publishers with ${IN_FLIGHT} under way, ${PAYLOAD_BYTES} B; ` +
      "ours after its fsync, JetStream up to two minutes before",
    metrics: METRICS,
    checks: [{ metric: "rate", ...pair, atLeast: 1 }, { metric: "cpu", ...pair }],
    samples,
    notes: busyNotes(samples),
  }];
}
