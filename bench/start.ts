/**
 * Start: the time from the start of the process to the line that says where it listens.
 *
 * The executable is measured when it is there: dist/parley, or what PARLEY_EXECUTABLE names. Each run
 * starts twice, so that the usual five runs are ten starts.
 */
import { join } from "node:path";
import type { BenchContext } from "./harness/context.ts";
import { Child } from "./harness/child.ts";
import { paired } from "./harness/paired.ts";
import type { Case, Metric } from "./harness/result.ts";
import { ROOT, SERVE_ARGS, SERVER_ARGS } from "./harness/subjects.ts";

const METRICS: readonly Metric[] = [{ key: "ms", label: "ms until it listens", digits: 0 }];
const AT_MOST_MS = 250;
const STARTS_A_RUN = 2;
const START_SECONDS = 30;
const EXECUTABLE = "executable";
const SOURCES = "deno run server.ts";

/** Measures the executable and the sources. */
export async function benchStart({ options, progress }: BenchContext): Promise<Case[]> {
  const executable = findExecutable();
  const programs = [
    ...executable === undefined
      ? []
      : [{ name: EXECUTABLE, program: executable, args: SERVE_ARGS }],
    { name: SOURCES, program: Deno.execPath(), args: [...SERVER_ARGS, ...SERVE_ARGS] },
  ];
  progress.begin("start");
  const samples = await paired(programs, options.runs * STARTS_A_RUN, progress, async (one) => ({
    ms: await startMs(one.program, one.args),
  }));
  const notes = executable === undefined
    ? ["There is no executable: deno task compile makes it, or PARLEY_EXECUTABLE names it."]
    : [];
  const checks = [
    { metric: "ms", subject: EXECUTABLE, atMost: AT_MOST_MS },
    { metric: "ms", subject: EXECUTABLE, against: SOURCES },
  ];
  return [{
    benchmark: "start",
    name: "until it listens",
    metrics: METRICS,
    checks,
    samples,
    notes,
  }];
}

function findExecutable(): string | undefined {
  const path = Deno.env.get("PARLEY_EXECUTABLE") ?? join(ROOT, "dist/parley");
  try {
    return Deno.statSync(path).isFile ? path : undefined;
  } catch {
    return undefined;
  }
}

async function startMs(program: string, args: readonly string[]): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "parley-bench-" });
  try {
    const before = performance.now();
    await using child = Child.start(program, args, folder);
    await child.line(START_SECONDS);
    return performance.now() - before;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
