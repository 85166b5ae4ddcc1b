/**
 * The bus: deliveries a second, and what a million of them costs the server, ours and the peers.
 *
 * The profiles are those of which the targets speak. How the load is made, and why it is fair, stands in
 * load/bus_load.ts.
 */
import { type BenchContext, busyNotes, LOAD_SHARE, startAll, startsOf } from "./harness/context.ts";
import { runLoad } from "./harness/generator.ts";
import { paired } from "./harness/paired.ts";
import type { Case, Check, Metric, Sample } from "./harness/result.ts";
import type { Subject } from "./harness/subjects.ts";
import { targetOf } from "./harness/target_of.ts";
import type { BusLoad, BusLoadResult } from "./load/bus_load.ts";

const METRICS: readonly Metric[] = [
  { key: "rate", label: "10⁶ deliveries a second", digits: 2 },
  { key: "cpu", label: "server CPU s per million", digits: 3 },
];
const CPU_AT_MOST = 0.7;
/** The profiles of the bus. */
export const busProfiles = [
  { publishers: 1, subscribers: 1, payloadBytes: 16, atLeast: 1.5 },
  { publishers: 1, subscribers: 10, payloadBytes: 16, atLeast: 1.8 },
  { publishers: 4, subscribers: 4, payloadBytes: 128, atLeast: 1.6 },
  { publishers: 1, subscribers: 100, payloadBytes: 64, atLeast: 1.2 },
];

/** What of a load says everything but the server. */
export type BusShape = Omit<BusLoad, "kind" | "target">;

/** Loads one server. */
export async function measureBus(subject: Subject, shape: BusShape): Promise<Sample> {
  const load = { kind: "bus", target: targetOf(subject), ...shape } as const;
  const result = await runLoad<BusLoadResult>(load, shape.seconds);
  return {
    rate: result.deliveries / result.seconds / 1e6,
    cpu: result.serverCpuSeconds / result.deliveries * 1e6,
    [LOAD_SHARE]: result.loadCpuSeconds / result.seconds,
  };
}

/** Measures all profiles. */
export async function benchBus(context: BenchContext): Promise<Case[]> {
  const { options, progress } = context;
  await using stack = new AsyncDisposableStack();
  const subjects = await startAll(startsOf(context, ["nats-server", "redis-server"]), stack);
  const cases: Case[] = [];
  for (const { publishers, subscribers, payloadBytes, atLeast } of busProfiles) {
    const name = `${publishers} → ${subscribers}, ${payloadBytes} B`;
    progress.begin(`bus, ${name}`);
    const { seconds } = options;
    const shape: BusShape = { publishers, subscribers, payloadBytes, seconds, topics: 1 };
    const measure = (subject: Subject) => measureBus(subject, shape);
    const samples = await paired(subjects, options.runs, progress, measure);
    const [nats, redis] = ["nats-server", "redis-server"].map((against) => ({
      subject: "parley",
      against,
    }));
    const checks: Check[] = [
      { metric: "rate", ...nats, atLeast },
      { metric: "cpu", ...nats, atMost: CPU_AT_MOST },
      { metric: "rate", ...redis },
      { metric: "cpu", ...redis },
    ];
    cases.push({
      benchmark: "bus",
      name,
      metrics: METRICS,
      checks,
      samples,
      notes: busyNotes(samples),
    });
  }
  return cases;
}
