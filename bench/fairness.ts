/**
 * Fairness: how long an innocent client waits for its echoes while others flood the server, each of them a
 * process of its own; against the same server at rest just before, and against nats-server where it has the
 * like of a flood.
 *
 * Every flood has a server of its own, so that what one leaves behind does not burden the next.
 */
import type { BenchContext } from "./harness/context.ts";
import type { Child } from "./harness/child.ts";
import { answerOf, startLoad } from "./harness/generator.ts";
import type { Case, Check, Metric, Sample } from "./harness/result.ts";
import { startNats, startParley, type Subject } from "./harness/subjects.ts";
import { type FloodName, FLOODS_OF_NATS } from "./load/flood_kinds.ts";
import type { InnocentResult } from "./load/innocent_load.ts";
import type { Target } from "./load/target.ts";

const PAUSE_MS = 3;
const AT_MOST_MS = 10;
const STEP_SECONDS = 120;
/** The flood is under way for so long before it is measured, as a part of the time that is measured. */
const WARM_UP = 0.2;
const METRICS: readonly Metric[] = [
  { key: "quietP50", label: "at rest p50 ms", digits: 2 },
  { key: "quietP99", label: "p99 ms", digits: 2 },
  { key: "p50", label: "under flood p50 ms", digits: 2 },
  { key: "p99", label: "p99 ms", digits: 2 },
  { key: "max", label: "longest ms", digits: 1 },
];
const TRANSPORTS = ["tcp", "WebSocket"] as const;
type Transport = typeof TRANSPORTS[number];

/** Measures all floods, from one and from many, over both transports. */
export async function benchFairness(context: BenchContext): Promise<Case[]> {
  const cases: Case[] = [];
  for (const transport of TRANSPORTS) {
    for (const flooders of new Set([1, context.options.flooders])) {
      cases.push(await benchOne(context, transport, flooders));
    }
  }
  return cases;
}

async function benchOne(
  context: BenchContext,
  transport: Transport,
  flooders: number,
): Promise<Case> {
  const { options, machine, progress } = context;
  const withNats = transport === "tcp" && machine.peers["nats-server"] !== undefined;
  const who = flooders === 1 ? "one flooder" : `${flooders} flooders`;
  const name = `${who} over ${transport}, an echo every ${PAUSE_MS} ms`;
  const samples = new Map<string, Sample[]>();
  const checks: Check[] = [];
  progress.begin(`fairness, ${name}`);
  for (const flood of options.floods) {
    const subject = `parley, ${flood}`;
    const against = `nats-server, ${flood}`;
    const paired = withNats && FLOODS_OF_NATS.includes(flood);
    samples.set(subject, []);
    if (paired) samples.set(against, []);
    checks.push({ metric: "p99", subject, atMost: AT_MOST_MS });
    if (paired) checks.push({ metric: "p99", subject, against });
    for (let run = 1; run <= options.runs; run++) {
      progress.step(`${flood}, run ${run} of ${options.runs}`);
      const measured = { flood, flooders, transport, options };
      samples.get(subject)!.push(await measure({ ...measured, start: startOurs }));
      if (paired) samples.get(against)!.push(await measure({ ...measured, start: startNats }));
    }
  }
  return { benchmark: "fairness", name, metrics: METRICS, checks, samples, notes: [] };
}

function startOurs(): Promise<Subject> {
  return startParley("parley", ["--set", "keep=bench.>"]);
}

interface Measured {
  readonly start: () => Promise<Subject>;
  readonly flood: FloodName;
  readonly flooders: number;
  readonly transport: Transport;
  readonly options: BenchContext["options"];
}

async function measure({ start, flood, flooders, transport, options }: Measured): Promise<Sample> {
  const { seconds, events, jobs } = options;
  await using stack = new AsyncDisposableStack();
  const { dialect, port, pid, webSocketPort } = stack.use(await start());
  const target: Target = transport === "tcp"
    ? { dialect, port, pid }
    : { dialect, port, pid, webSocketPort };
  const innocent = stack.use(startLoad({ kind: "innocent", target, pauseMs: PAUSE_MS }));
  await answerOf(innocent, STEP_SECONDS);
  const quiet = await ask(innocent, seconds);
  for (let number = 0; number < flooders; number++) {
    const load = { kind: "flood", target, flood, number, events, jobs } as const;
    // One after the other: the first one fills what the others read, too.
    await answerOf(stack.use(startLoad(load)), STEP_SECONDS);
  }
  await ask(innocent, seconds * WARM_UP);
  const flooded = await ask(innocent, seconds);
  return {
    quietP50: quiet.p50Ms,
    quietP99: quiet.p99Ms,
    p50: flooded.p50Ms,
    p99: flooded.p99Ms,
    max: flooded.maxMs,
  };
}

async function ask(innocent: Child, seconds: number): Promise<InnocentResult> {
  await innocent.tell(`${seconds}`);
  return await answerOf<InnocentResult>(innocent, seconds + STEP_SECONDS);
}
