/**
 * `deno task bench`: measures this server and its peers in one run, and prints tables.
 *
 * A benchmark that fails is said so and does not keep the others from running; the exit code is then 1.
 * A missed target is no failure: how fast a machine is at the moment is not for an exit code to say.
 * Signals end all processes that were started.
 */
import { benchAccess } from "./access.ts";
import { benchBus } from "./bus.ts";
import { benchBusSubscriptions } from "./bus_subs.ts";
import { benchCall } from "./call.ts";
import { benchCluster } from "./cluster/cluster.ts";
import { benchConns } from "./conns.ts";
import { benchConsole } from "./console/console.ts";
import { benchKept } from "./kept.ts";
import { benchFairness } from "./fairness.ts";
import { benchEcho } from "./echo.ts";
import { benchHttp } from "./http.ts";
import { stopAll } from "./harness/child.ts";
import type { Benchmark } from "./harness/context.ts";
import { lookAtMachine } from "./harness/machine.ts";
import {
  type BenchmarkName,
  type BenchOptions,
  HELP,
  parseOptions,
  UsageError,
} from "./harness/options.ts";
import { Progress } from "./harness/progress.ts";
import { jsonOf, markdownOf, textHead, textOf, withBlock } from "./harness/report.ts";
import type { Case } from "./harness/result.ts";
import { benchMonitoring } from "./monitoring.ts";
import { benchQueue } from "./queue.ts";
import { benchRoom } from "./room.ts";
import { benchSlowTls } from "./slow_tls.ts";
import { benchStart } from "./start.ts";
import { benchTls } from "./tls.ts";
import { benchTrim } from "./trim.ts";

const BENCHMARKS: Readonly<Record<BenchmarkName, Benchmark>> = {
  start: benchStart,
  echo: benchEcho,
  conns: benchConns,
  bus: benchBus,
  "bus-subs": benchBusSubscriptions,
  call: benchCall,
  kept: benchKept,
  queue: benchQueue,
  room: benchRoom,
  trim: benchTrim,
  http: benchHttp,
  fairness: benchFairness,
  tls: benchTls,
  "slow-tls": benchSlowTls,
  access: benchAccess,
  monitoring: benchMonitoring,
  console: benchConsole,
  cluster: benchCluster,
};
const DOCUMENT = new URL("../docs/performance.md", import.meta.url);
/** The benchmarks in which each peer takes part. */
const MEASURED_IN: Readonly<Record<string, readonly BenchmarkName[]>> = {
  "nats-server": ["conns", "bus", "call", "kept", "queue", "fairness", "tls", "cluster"],
  "redis-server": ["bus"],
  "rabbitmq-server": ["queue"],
};
const INTERRUPTED = 130;

async function main(options: BenchOptions): Promise<number> {
  let interrupted = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      interrupted = true;
      void stopAll();
    });
  }
  const machine = await lookAtMachine();
  const progress = new Progress();
  const failures = Object.entries(machine.peers)
    .filter(([, version]) => version === undefined)
    .filter(([name]) => MEASURED_IN[name].some((each) => options.benchmarks.includes(each)))
    .map(([name]) => `${name} is not installed: it is left out`);
  let code = failures.length > 0 && options.requirePeers ? 1 : 0;
  for (const failure of failures) console.error(failure);
  if (!options.json) console.log(textHead(options, machine).trimEnd());
  const all: Case[] = [];
  for (const name of options.benchmarks) {
    if (interrupted) break;
    try {
      const cases = await BENCHMARKS[name]({ options, machine, progress });
      all.push(...cases);
      progress.clear();
      if (!options.json) { for (const one of cases) console.log(textOf(one).trimEnd()); }
      if (options.writeDocs) {
        const block = markdownOf(name, options, machine, cases);
        await Deno.writeTextFile(
          DOCUMENT,
          withBlock(await Deno.readTextFile(DOCUMENT), name, block),
        );
      }
    } catch (error) {
      progress.clear();
      code = 1;
      if (interrupted) break;
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      console.error(failures.at(-1));
    }
  }
  if (options.json) console.log(JSON.stringify(jsonOf(options, machine, all, failures)));
  return interrupted ? INTERRUPTED : code;
}

if (import.meta.main) {
  try {
    const options = parseOptions(Deno.args);
    if (options === undefined) console.log(HELP.trimEnd());
    Deno.exit(options === undefined ? 0 : await main(options));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
