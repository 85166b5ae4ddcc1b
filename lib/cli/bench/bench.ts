/**
 * `parley bench echo|bus|kept|queue|conns`: load on a running server, and a summary.
 *
 * Progress is shown on standard error when that is a terminal; the summary goes to standard output.
 */
import { type Command, Option } from "commander";
import { addBenchBus } from "./bus.ts";
import { addBenchKept } from "./kept.ts";
import { addBenchQueue } from "./queue.ts";
import type { IdleResult } from "./idle.ts";
import type { LoadResult } from "./load.ts";
import { type CliContext, DEFAULT_SERVER, seconds, serverUrl, wholeNumber } from "../command.ts";
import { Progress } from "../terminal/progress.ts";
import { count, mib, table } from "../terminal/summary.ts";
import { durationRows } from "./histogram.ts";

const MAX_CONNECTIONS = 60_000;

interface EchoOptions {
  readonly server?: string;
  readonly connections: number;
  readonly inFlight: number;
  readonly size: number;
  readonly seconds: number;
  readonly requests?: number;
  readonly framing: "delimited" | "bytes";
  readonly json?: boolean;
}

interface ConnsOptions {
  readonly server?: string;
  readonly connections: number;
  readonly hold: number;
  readonly pid?: number;
  readonly json?: boolean;
}

/** Adds the commands. */
export function addBench(program: Command, context: CliContext): void {
  const bench = program.command("bench").description("put load on a server and measure it");
  const server = () =>
    new Option("-s, --server <url>", `the server (PARLEY_URL; default: "${DEFAULT_SERVER}")`);
  bench.command("echo")
    .description("echoes a second, and how long one takes")
    .addOption(server())
    .option("--connections <n>", "connections at once", wholeNumber(1, MAX_CONNECTIONS), 50)
    .option("--in-flight <n>", "requests under way on each", wholeNumber(1, 65_536), 1)
    .option("--size <bytes>", "bytes of text in each request", wholeNumber(0, 64 * 1024 ** 2), 64)
    .option("--seconds <s>", "how long", seconds, 5)
    .option("--requests <n>", "how many requests, instead of how long", wholeNumber(1))
    .addOption(
      new Option("--framing <framing>", "bytes is for the raw listener")
        .choices(["delimited", "bytes"]).default("delimited"),
    )
    .option("--json", "print JSON")
    .action((options: EchoOptions) => benchEcho(options, context));
  addBenchBus(bench, context);
  addBenchKept(bench, context);
  addBenchQueue(bench, context);
  bench.command("conns")
    .description("what idle connections cost")
    .addOption(server())
    .option("--connections <n>", "connections at once", wholeNumber(1, MAX_CONNECTIONS), 1000)
    .option("--hold <s>", "how long to hold them, in seconds", seconds, 2)
    .option("--pid <pid>", "the server's process, to read its memory", wholeNumber(1))
    .option("--json", "print JSON")
    .action((options: ConnsOptions) => benchConns(options, context));
}

async function benchEcho(options: EchoOptions, { io }: CliContext): Promise<void> {
  const { runEchoLoad } = await import("./load.ts");
  const result = await Progress.of(io, (show) =>
    runEchoLoad({
      server: serverUrl(options, io),
      connections: options.connections,
      inFlight: options.inFlight,
      sizeBytes: options.size,
      seconds: options.seconds,
      requests: options.requests,
      framing: options.framing,
      onProgress: (answers) => show(`${count(answers)} answers`),
    }));
  if (options.json) {
    const { connections, inFlight, size } = options;
    const line = { connections, in_flight: inFlight, size_bytes: size, ...echoJson(result) };
    io.stdout.write(JSON.stringify(line) + "\n");
    return;
  }
  table(io, [
    [
      "load",
      `${options.connections} connections, ${options.inFlight} in flight, ${options.size} B`,
    ],
    ["requests", `${count(result.requests)} in ${result.seconds.toFixed(2)} s`],
    ["rate", `${count(result.requestsPerSecond)}/s, ${result.megabytesPerSecond.toFixed(1)} MB/s`],
    ...durationRows("latency", result.latencyMs),
  ]);
}

function echoJson(result: LoadResult) {
  return {
    requests: result.requests,
    seconds: result.seconds,
    requests_per_second: result.requestsPerSecond,
    megabytes_per_second: result.megabytesPerSecond,
    frame_bytes: result.frameBytes,
    latency_ms: result.latencyMs,
  };
}

async function benchConns(options: ConnsOptions, { io, outcome }: CliContext): Promise<void> {
  const { runIdleLoad } = await import("./idle.ts");
  const result = await Progress.of(io, (show) =>
    runIdleLoad({
      server: serverUrl(options, io),
      connections: options.connections,
      holdSeconds: options.hold,
      pid: options.pid,
      onProgress: (open) => show(`${count(open)} connections`),
    }));
  if (result.refused > 0) outcome.exitCode = 1;
  if (options.json) {
    io.stdout.write(JSON.stringify(connsJson(result)) + "\n");
    return;
  }
  const memory = result.memory;
  table(io, [
    ["opened", `${count(result.connections)} in ${result.openSeconds.toFixed(2)} s`],
    ["rate", `${count(result.openedPerSecond)}/s`],
    ["held", `${count(result.held)}; the server ended ${count(result.refused)}`],
    ...memory === null ? [] : [[
      "memory",
      `${(memory.perConnection / 1024).toFixed(1)} KiB a connection ` +
      `(${mib(memory.before)} before, ${mib(memory.after)} after)`,
    ]],
  ]);
}

function connsJson(result: IdleResult) {
  const memory = result.memory;
  return {
    connections: result.connections,
    held: result.held,
    refused: result.refused,
    open_seconds: result.openSeconds,
    opened_per_second: result.openedPerSecond,
    memory_bytes: memory === null
      ? null
      : { before: memory.before, after: memory.after, per_connection: memory.perConnection },
  };
}
