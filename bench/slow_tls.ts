/**
 * Slow handshakes: how long innocents wait for their echoes, over tcp and over TLS, while very many handshakes make no
 * progress; against the same server at rest just before.
 */
import type { BenchContext } from "./harness/context.ts";
import { answerOf, startLoad } from "./harness/generator.ts";
import type { Case, Check, Metric, Sample } from "./harness/result.ts";
import { targetOf } from "./harness/target_of.ts";
import { makeFiles, startParleyTls } from "./harness/tls_subjects.ts";
import type { InnocentResult } from "./load/innocent_load.ts";

const PAUSE_MS = 3;
const STEP_SECONDS = 120;
const METRICS: readonly Metric[] = [
  { key: "p50", label: "p50 ms", digits: 2 },
  { key: "p99", label: "p99 ms", digits: 2 },
  { key: "max", label: "longest ms", digits: 1 },
];
/** What innocents may wait at most while others are slow, against rest. */
const WAIT_AT_MOST = 2;

/** Measures innocents at rest and while others are slow, on a server of its own each run. */
export async function benchSlowTls({ options, progress }: BenchContext): Promise<Case[]> {
  await using files = await makeFiles();
  const name = `${
    options.slow.toLocaleString("en-US")
  } slow handshakes, an echo every ${PAUSE_MS} ms`;
  progress.begin(`slow-tls, ${name}`);
  const samples = new Map<string, Sample[]>();
  const add = (row: string, { p50Ms, p99Ms, maxMs }: InnocentResult) => {
    samples.set(row, [...samples.get(row) ?? [], { p50: p50Ms, p99: p99Ms, max: maxMs }]);
  };
  const checks: Check[] = ["tcp", "tls"].map((kind) => ({
    metric: "p99",
    subject: `${kind}, slow handshakes`,
    against: `${kind}, at rest`,
    atMost: WAIT_AT_MOST,
  }));
  for (let run = 1; run <= options.runs; run++) {
    progress.step(`run ${run} of ${options.runs}`);
    await using stack = new AsyncDisposableStack();
    const subject = stack.use(await startParleyTls(files));
    const target = targetOf(subject);
    const { dialect, pid } = subject;
    const innocents = [
      ["tcp", { dialect, pid, port: subject.tcpPort! }],
      ["tls", target],
    ] as const;
    const asked = innocents.map(([kind, target]) =>
      [kind, stack.use(startLoad({ kind: "innocent", target, pauseMs: PAUSE_MS }))] as const
    );
    for (const [, innocent] of asked) await answerOf(innocent, STEP_SECONDS);
    const ask = (when: string) =>
      Promise.all(asked.map(async ([kind, innocent]) => {
        await innocent.tell(`${options.seconds}`);
        const seconds = options.seconds + STEP_SECONDS;
        add(`${kind}, ${when}`, await answerOf<InnocentResult>(innocent, seconds));
      }));
    await ask("at rest");
    const load = { kind: "slow", target, connections: options.slow } as const;
    await answerOf(stack.use(startLoad(load)), STEP_SECONDS);
    await ask("slow handshakes");
  }
  return [{ benchmark: "slow-tls", name, metrics: METRICS, checks, samples, notes: [] }];
}
