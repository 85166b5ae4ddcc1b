/**
 * What every benchmark is given.
 */
import type { Machine } from "./machine.ts";
import type { BenchOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import { type Case, type Sample } from "./result.ts";
import { type Start, startNats, startParley, startRedis, type Subject } from "./subjects.ts";
import { summarize } from "./statistics.ts";

/** The options, the machine, and where to show what is going on. */
export interface BenchContext {
  readonly options: BenchOptions;
  readonly machine: Machine;
  readonly progress: Progress;
}

/** Runs a benchmark; what it starts, it has stopped when this settles. */
export type Benchmark = (context: BenchContext) => Promise<Case[]>;

/** How to start ours and those of these peers that are installed. */
export function startsOf(
  context: BenchContext,
  peers: readonly ("nats-server" | "redis-server")[],
): Start[] {
  const starts: Start[] = [() => startParley()];
  for (const peer of peers) {
    if (context.machine.peers[peer] === undefined) continue;
    starts.push(peer === "nats-server" ? startNats : startRedis);
  }
  return starts;
}

/** Starts servers one after the other; `stack` stops them. */
export async function startAll(
  starts: readonly Start[],
  stack: AsyncDisposableStack,
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const start of starts) subjects.push(stack.use(await start()));
  return subjects;
}

/** The key under which samples tell which part of a core the load generator used. */
export const LOAD_SHARE = "loadShare";
/** From this share on, the generator may be what bounds a figure. */
const BUSY_SHARE = 0.9;

/** Says against whom the load generator was busy: a faster server would not have been seen. */
export function busyNotes(samples: ReadonlyMap<string, readonly Sample[]>): string[] {
  return [...samples].flatMap(([subject, runs]) => {
    const { median } = summarize(runs.map((sample) => sample[LOAD_SHARE]));
    if (median < BUSY_SHARE) return [];
    const percent = Math.round(median * 100);
    return `Against ${subject} the load generator used ${percent} % of a core: it may be what bounds that figure.`;
  });
}
