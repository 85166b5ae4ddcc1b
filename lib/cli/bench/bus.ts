/**
 * `parley bench bus`: load on the bus of a running server, and a summary.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { BusResult } from "./bus_load.ts";
import { type CliContext, DEFAULT_SERVER, seconds, serverUrl, wholeNumber } from "../command.ts";
import { Progress } from "../terminal/progress.ts";
import { count, countOf, table } from "../terminal/summary.ts";
import { durationRows } from "./histogram.ts";

interface BusOptions {
  readonly server?: string;
  readonly publishers: number;
  readonly subscribers: number;
  readonly size: number;
  readonly seconds: number;
  readonly rate?: number;
  readonly type?: string;
  readonly group?: string;
  readonly json?: boolean;
}

const MAX_CONNECTIONS = 30_000;
const MAX_RATE = 100_000_000;

const EXAMPLES = `
Examples:
  parley bench bus --subscribers 10 --size 16           how many deliveries a second
  parley bench bus --rate 10000 --size 256              how long a delivery takes at this rate
  parley bench bus --publishers 4 --subscribers 4 --group workers

All events go to one topic, so each subscriber gets what every publisher sends; with a group, one of them.`;

/** Adds the command to the group of load generators. */
export function addBenchBus(bench: Command, context: CliContext): void {
  bench.command("bus")
    .description("deliveries of events a second, and how long one takes")
    .addOption(
      new Option("-s, --server <url>", `the server (PARLEY_URL; default: "${DEFAULT_SERVER}")`),
    )
    .option("--publishers <n>", "connections that publish", wholeNumber(1, MAX_CONNECTIONS), 1)
    .option("--subscribers <n>", "connections that subscribe", wholeNumber(0, MAX_CONNECTIONS), 1)
    .option("--size <bytes>", "bytes of each payload", wholeNumber(0, 64 * 1024 ** 2), 128)
    .option("--seconds <s>", "how long", seconds, 5)
    .option("--rate <n>", "events a second over all publishers, to measure latency", rate)
    .option("--type <type>", "the type of the events")
    .option("--group <name>", "a group that all subscribers join")
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLES)
    .action((options: BusOptions) => benchBus(options, context));
}

function rate(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (value > 0 && value <= MAX_RATE) return value;
  throw new InvalidArgumentError(`It must be a number of events, from above 0 to ${MAX_RATE}.`);
}

async function benchBus(options: BusOptions, { io }: CliContext): Promise<void> {
  const { checkBusLoad, runBusLoad } = await import("./bus_load.ts");
  const { publishers, subscribers, size: sizeBytes, type, group } = options;
  const load = {
    server: serverUrl(options, io),
    publishers,
    subscribers,
    sizeBytes,
    seconds: options.seconds,
    rate: options.rate,
    type,
    group,
  };
  checkBusLoad(load);
  const result = await Progress.of(io, (show) =>
    runBusLoad({
      ...load,
      onProgress: (deliveries) => show(`${count(deliveries)} deliveries`),
    }));
  if (options.json) {
    io.stdout.write(JSON.stringify({ ...loadJson(options), ...resultJson(result) }) + "\n");
    return;
  }
  table(io, [
    [
      "load",
      `${countOf(publishers, "publisher")}, ${countOf(subscribers, "subscriber")}, ${sizeBytes} B`,
    ],
    ["events", `${count(result.events)} in ${result.seconds.toFixed(2)} s`],
    ["published", `${count(result.eventsPerSecond)}/s`],
    [
      "delivered",
      `${count(result.deliveriesPerSecond)}/s, ${result.megabytesPerSecond.toFixed(1)} MB/s`,
    ],
    ...durationRows("latency", result.latencyMs),
  ]);
}

function loadJson({ publishers, subscribers, size, rate, type, group }: BusOptions) {
  return { publishers, subscribers, size_bytes: size, rate: rate ?? null, type, group };
}

function resultJson(result: BusResult) {
  return {
    events: result.events,
    deliveries: result.deliveries,
    seconds: result.seconds,
    events_per_second: result.eventsPerSecond,
    deliveries_per_second: result.deliveriesPerSecond,
    megabytes_per_second: result.megabytesPerSecond,
    latency_ms: result.latencyMs,
  };
}
