/**
 * `parley bench queue`: jobs pushed, pulled and done on a running server, and a summary.
 */
import { type Command, Option } from "commander";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import type { QueueResult } from "./queue_load.ts";
import {
  type CliContext,
  DEFAULT_SERVER,
  seconds,
  serverUrl,
  wholeNumber,
  withClient,
} from "../command.ts";
import type { CliIo } from "../io.ts";
import { Progress } from "../terminal/progress.ts";
import { count, countOf, table } from "../terminal/summary.ts";
import { durationRows } from "./histogram.ts";

interface QueueOptions {
  readonly server?: string;
  readonly queue: string;
  readonly producers: number;
  readonly consumers: number;
  readonly prefetch: number;
  readonly inFlight: number;
  readonly size: number;
  readonly seconds: number;
  readonly jobs?: number;
  readonly idle?: boolean;
  readonly json?: boolean;
}

const MAX_CONNECTIONS = 30_000;
const MAX_PREFETCH = 10_000;
const TIMEOUT_MS = 10_000;

const EXAMPLES = `
Examples:
  parley bench queue                                    how many jobs a second
  parley bench queue --idle                             how long a single job takes
  parley bench queue --consumers 0 --jobs 1000000       pushes alone; the jobs stay

A job is done when its consumer's acknowledgement is acknowledged. The delay is that from the push of a job to its
delivery; under full load it is mostly the time that jobs wait for their turn. The queue must be empty.`;

/** Adds the command to the group of load generators. */
export function addBenchQueue(bench: Command, context: CliContext): void {
  bench.command("queue")
    .description("jobs that are pushed and done a second, and how long one takes")
    .addOption(
      new Option("-s, --server <url>", `the server (PARLEY_URL; default: "${DEFAULT_SERVER}")`),
    )
    .option("--queue <name>", "the queue", "bench.queue")
    .option("--producers <n>", "connections that push", wholeNumber(1, MAX_CONNECTIONS), 8)
    .option("--consumers <n>", "connections that pull", wholeNumber(0, MAX_CONNECTIONS), 8)
    .option("--prefetch <n>", "jobs that each consumer holds", wholeNumber(1, MAX_PREFETCH), 64)
    .option("--in-flight <n>", "pushes under way on each connection", wholeNumber(1, 65_536), 256)
    .option("--size <bytes>", "bytes of each payload", wholeNumber(0, 64 * 1024 ** 2), 128)
    .option("--seconds <s>", "how long", seconds, 5)
    .option("--jobs <n>", "how many jobs, instead of how long", wholeNumber(1))
    .option("--idle", "one job at a time, by one producer and one consumer")
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLES)
    .action((options: QueueOptions) => benchQueue(options, context));
}

async function benchQueue(given: QueueOptions, { io }: CliContext): Promise<void> {
  const options = given.idle ? { ...given, producers: 1, consumers: 1, inFlight: 1 } : given;
  const { runQueueLoad } = await import("./queue_load.ts");
  const { queue, producers, consumers, prefetch, inFlight, size: sizeBytes, jobs } = options;
  await checkEmpty(options, io);
  const result = await Progress.of(io, (show) =>
    runQueueLoad({
      server: serverUrl(options, io),
      queue,
      producers,
      consumers,
      prefetch,
      inFlight,
      sizeBytes,
      seconds: jobs === undefined ? options.seconds : Infinity,
      jobs,
      oneAtATime: options.idle ?? false,
      onProgress: (done) => show(`${count(done)} jobs`),
    }));
  if (options.json) io.stdout.write(JSON.stringify(resultJson(options, result)) + "\n");
  else table(io, resultRows(options, result));
}

/** What is in the queue already would be pulled, and counted as done. */
async function checkEmpty(options: QueueOptions, io: CliIo): Promise<void> {
  const { queue, server } = options;
  const jobs = await withClient({ server, timeout: TIMEOUT_MS }, io, async (client) => {
    try {
      const { ready, delayed, leased, blocked } = await client.queue(queue).info();
      return ready + delayed + leased + blocked;
    } catch (error) {
      // It comes into being with its first job.
      if (error instanceof ParleyError && error.code === ErrorCode.NOT_FOUND) return 0;
      throw error;
    }
  });
  if (jobs === 0) return;
  throw new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot measure with queue "${printable(queue)}": it has ${countOf(jobs, "job")}`,
    { accepted: `an empty queue, as after: parley queue purge ${printable(queue)}` },
  );
}

function resultRows(options: QueueOptions, result: QueueResult): (readonly string[])[] {
  const { producers, consumers, inFlight, prefetch, size } = options;
  const load = [
    `${countOf(producers, "producer")} with ${inFlight} in flight`,
    consumers === 0 ? "no consumers" : `${countOf(consumers, "consumer")} with ${prefetch}`,
    `${size} B`,
  ];
  return [
    ["load", load.join(", ")],
    ["jobs", `${count(result.pushed)} in ${result.seconds.toFixed(2)} s`],
    ["pushed", `${count(result.pushesPerSecond)}/s`],
    ...consumers === 0 ? [] : [["done", `${count(result.donePerSecond)}/s`]],
    ...durationRows("delay", result.delayMs),
    ["level", AckLevel[result.level]],
  ];
}

function resultJson(options: QueueOptions, result: QueueResult) {
  const { queue, producers, consumers, inFlight, prefetch, size } = options;
  return {
    queue,
    producers,
    consumers,
    prefetch,
    in_flight: inFlight,
    size_bytes: size,
    pushed: result.pushed,
    done: result.done,
    seconds: result.seconds,
    pushed_per_second: result.pushesPerSecond,
    done_per_second: result.donePerSecond,
    delay_ms: result.delayMs,
    level: AckLevel[result.level],
  };
}
