/**
 * A room with many members: one speaks, with a few messages under way, and everybody hears it all. Ours
 * only. What is said is kept: it is answered, and heard, after its fsync.
 *
 * Every run has a server of its own, so that nobody of the run before is still leaving.
 */
import { type BenchContext, busyNotes, LOAD_SHARE } from "./harness/context.ts";
import { affordable } from "./harness/connections.ts";
import { runLoad } from "./harness/generator.ts";
import type { Case, Metric, Sample } from "./harness/result.ts";
import { startParley } from "./harness/subjects.ts";
import type { RoomLoadResult } from "./load/room_load.ts";

const IN_FLIGHT = 8;
const TEXT_BYTES = 64;
/** Deliveries a second that even a busy machine gets done: fewer, and the load is given up. */
const SLOWEST_RATE = 10_000;
const METRICS: readonly Metric[] = [
  { key: "rate", label: "deliveries a second", digits: 0 },
  { key: "p50", label: "p50 ms", digits: 2 },
  { key: "p99", label: "p99 ms", digits: 2 },
  { key: "max", label: "longest ms", digits: 2 },
  { key: "cpu", label: "server CPU s per million", digits: 2 },
];

/** Measures it. */
export async function benchRoom({ options, progress }: BenchContext): Promise<Case[]> {
  const { messages } = options;
  const { connections: members, notes } = affordable(options.members);
  const name = `${grouped(members)} members, ${grouped(messages)} messages of ${TEXT_BYTES} B, ` +
    `${IN_FLIGHT} under way`;
  progress.begin(`room, ${name}`);
  const samples: Sample[] = [];
  for (let run = 1; run <= options.runs; run++) {
    progress.step(`run ${run} of ${options.runs}`);
    await using server = await startParley();
    const { dialect, port, pid } = server;
    const load = {
      kind: "room",
      target: { dialect, port, pid },
      members,
      messages,
      inFlight: IN_FLIGHT,
      textBytes: TEXT_BYTES,
    } as const;
    const result = await runLoad<RoomLoadResult>(load, members * messages / SLOWEST_RATE / 10);
    samples.push({
      rate: result.deliveries / result.seconds,
      p50: result.p50Ms,
      p99: result.p99Ms,
      max: result.maxMs,
      cpu: result.serverCpuSeconds / result.deliveries * 1e6,
      [LOAD_SHARE]: result.loadCpuSeconds / result.seconds,
    });
  }
  const all = new Map([["parley", samples]]);
  return [{
    benchmark: "room",
    name,
    metrics: METRICS,
    checks: [],
    samples: all,
    notes: [...notes, ...busyNotes(all)],
  }];
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
