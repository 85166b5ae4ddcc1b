/**
 * Echo: ours, with everything on, against a bare loop of the same runtime that sends back what it reads.
 *
 * The request has 64 bytes on the wire, so that 64 of them are one buffer of the bare loop.
 */
import { type BenchContext, busyNotes, LOAD_SHARE, startAll } from "./harness/context.ts";
import { runLoad } from "./harness/generator.ts";
import { paired } from "./harness/paired.ts";
import type { Case, Check, Metric } from "./harness/result.ts";
import { startBare, startParley } from "./harness/subjects.ts";
import type { EchoLoadResult } from "./load/echo_load.ts";

/** Text that makes a request of 64 bytes: the length, and two tags with a length each, stand before it. */
const TEXT_BYTES = 64 - 5;
const METRICS: readonly Metric[] = [
  { key: "rate", label: "echoes a second", digits: 0 },
  { key: "cpu", label: "server CPU s per million", digits: 2 },
];
const SHAPES = [
  { name: "50 connections, ping-pong, 64 B", connections: 50, inFlight: 1, atLeast: 0.8 },
  { name: "4 connections, 64 in flight, 64 B", connections: 4, inFlight: 64, atLeast: undefined },
];

/** Measures both shapes. */
export async function benchEcho({ options, progress }: BenchContext): Promise<Case[]> {
  await using stack = new AsyncDisposableStack();
  const subjects = await startAll([() => startParley(), startBare], stack);
  const cases: Case[] = [];
  for (const { name, connections, inFlight, atLeast } of SHAPES) {
    progress.begin(`echo, ${name}`);
    const samples = await paired(subjects, options.runs, progress, async (subject) => {
      const { dialect, port, pid } = subject;
      const target = { dialect, port, pid };
      const { seconds } = options;
      const load = {
        kind: "echo",
        target,
        connections,
        inFlight,
        seconds,
        sizeBytes: TEXT_BYTES,
      } as const;
      const result = await runLoad<EchoLoadResult>(load, seconds);
      return {
        rate: result.requests / result.seconds,
        cpu: result.serverCpuSeconds / result.requests * 1e6,
        [LOAD_SHARE]: result.loadCpuSeconds / result.seconds,
      };
    });
    const pair = { subject: "parley", against: "bare loop" };
    const checks: Check[] = [{ metric: "rate", ...pair, atLeast }, { metric: "cpu", ...pair }];
    cases.push({
      benchmark: "echo",
      name,
      metrics: METRICS,
      checks,
      samples,
      notes: busyNotes(samples),
    });
  }
  return cases;
}
