/**
 * Idle connections: the resident memory of a server with many of them, less that with none, for one.
 *
 * Every run has a server of its own, since memory that was once used says nothing about the next run.
 * Ours is measured twice: while its clients are silent, and after each has said Hello. Afterwards every
 * connection exchanges something, which proves that none was closed meanwhile.
 */
import { type BenchContext, startsOf } from "./harness/context.ts";
import { affordable } from "./harness/connections.ts";
import { answerOf, startLoad } from "./harness/generator.ts";
import { settledResidentBytes } from "./harness/process_facts.ts";
import type { Case, Check, Metric, Sample } from "./harness/result.ts";
import { startBare, type Subject } from "./harness/subjects.ts";

const METRICS: readonly Metric[] = [{ key: "kib", label: "KiB a connection", digits: 1 }];
const AT_MOST_KIB = 12;
const OPEN_SECONDS = 120;
const SILENT = "parley, silent";
const GREETED = "parley, after Hello";

/** Measures ours, the bare loop and nats-server. */
export async function benchConns(context: BenchContext): Promise<Case[]> {
  const { options, progress } = context;
  const { connections, notes } = affordable(options.connections);
  const [parley, ...peers] = startsOf(context, ["nats-server"]);
  const name = `${connections.toLocaleString("en-US")} idle connections`;
  const samples = new Map<string, Sample[]>();
  const lookEveryMs = Math.min(500, options.seconds * 1000 / 6);
  progress.begin(`conns, ${name}`);
  for (let run = 1; run <= options.runs; run++) {
    for (const start of [parley, startBare, ...peers]) {
      await using subject = await start();
      progress.step(`run ${run} of ${options.runs}, ${subject.name}`);
      for (const [row, kib] of await measure(subject, connections, lookEveryMs)) {
        samples.set(row, [...samples.get(row) ?? [], { kib }]);
      }
    }
  }
  const others = ["bare loop", "nats-server"];
  const checks: Check[] = [SILENT, GREETED].flatMap((subject) => [
    { metric: "kib", subject, atMost: AT_MOST_KIB },
    ...others.map((against) => ({ metric: "kib", subject, against })),
  ]);
  return [{ benchmark: "conns", name, metrics: METRICS, checks, samples, notes }];
}

/** Gives the rows that one server fills. */
async function measure(
  subject: Subject,
  connections: number,
  lookEveryMs: number,
): Promise<[string, number][]> {
  const { dialect, port, pid } = subject;
  const before = await settledResidentBytes(pid, lookEveryMs);
  await using load = startLoad({ kind: "idle", target: { dialect, port, pid }, connections });
  const kibNow = async () =>
    (await settledResidentBytes(pid, lookEveryMs) - before) / connections / 1024;
  const greet = async () => {
    await load.tell("greet");
    await answerOf(load, OPEN_SECONDS);
  };
  await answerOf(load, OPEN_SECONDS);
  if (dialect === "nats") {
    // A connection to it is one that has shaken hands; without, it is closed soon.
    await greet();
    return [[subject.name, await kibNow()]];
  }
  const silent = await kibNow();
  await greet();
  if (dialect === "bytes") return [[subject.name, silent]];
  return [[SILENT, silent], [GREETED, await kibNow()]];
}
