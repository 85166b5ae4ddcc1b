/**
 * `parley queue pull NAME`: takes jobs, and prints them or runs a program for each.
 *
 * A job is acknowledged after it was printed, or when its program ended with 0; one whose program failed goes
 * back to be tried again. The first Ctrl-C finishes what runs and gives the rest back, the second ends at once,
 * and then the server gives back what was held. What is printed goes to standard output, what there is to
 * say to standard error.
 */
import type { Command } from "commander";
import { detached } from "../../base/detached.ts";
import {
  type CliContext,
  type ServerOptions,
  UsageError,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import { LinkNotices } from "../terminal/link_notices.ts";
import { untilDrained } from "./drain.ts";
import { type JobTaker, PullRun } from "./pull_run.ts";
import { ExecutedJobs } from "./pull_exec.ts";
import { PrintedJobs } from "./pull_print.ts";
import { endPrograms } from "../programs/shell.ts";
import { StopSignals } from "../terminal/stop_signals.ts";
import { countOf } from "../terminal/summary.ts";
import { payloadTypes, type ProtoOption, withProto } from "../terminal/payload_types.ts";

/** What `queue pull` was asked to do. */
export interface PullOptions extends ServerOptions, ProtoOption {
  readonly count?: number;
  readonly prefetch?: number;
  readonly drain?: boolean;
  readonly exec?: string;
  readonly concurrency: number;
  readonly rejectExit?: number;
  readonly raw?: boolean;
  readonly full?: boolean;
}

const EXAMPLES = `
Examples:
  parley queue pull emails                              prints each job, which is done then
  parley queue pull emails --count 1 --raw              one payload, nothing else
  parley queue pull thumbnails --exec 'convert "$(cat)" out/$PARLEY_JOB_ID.png' --concurrency 4
  parley queue pull emails --exec ./send --drain        does what is there, then ends
To look at jobs without taking them: parley queue peek.

The program of --exec is run by the shell, once for each job: the payload is its standard input. It finds
PARLEY_QUEUE, PARLEY_JOB_ID, PARLEY_ATTEMPT, PARLEY_REDELIVERED, PARLEY_TYPE, PARLEY_KEY, PARLEY_PRIORITY,
PARLEY_MESSAGE_ID, PARLEY_TOPIC, PARLEY_PUSHED_AT and PARLEY_HEADERS (JSON) in its environment. When it ends
with 0 the job is done; otherwise it is tried again later, until the queue gives it up, and the last line of
its standard error is kept with it. What it prints is printed, with the job's id before each line when several
run at once; with --json it goes to standard error, and a line for each job to standard output. It may run as
long as it likes: the lease is extended meanwhile. When the lease is lost all the same, it is ended.

The first Ctrl-C waits for what runs and gives the rest back; the second ends at once.`;

const DEFAULT_PREFETCH = 64;
const MAX_PREFETCH = 10_000;
const MAX_CONCURRENCY = 1024;

/** Adds the command below `queue`. */
export function addQueuePull(queue: Command, context: CliContext): void {
  withProto(withServerOptions(queue.command("pull")))
    .description("take jobs: print them, or run a program for each")
    .argument("<name>", "which queue")
    .option("--exec <command>", "run this command of the shell for each job")
    .option("--concurrency <n>", "programs at once", wholeNumber(1, MAX_CONCURRENCY), 1)
    .option("-n, --count <n>", "stop after so many jobs", wholeNumber(1))
    .option("--drain", "stop when no job is ready any more; those that wait for a time stay")
    .option(
      "--prefetch <n>",
      `how many jobs to hold at once (default: ${DEFAULT_PREFETCH}, with --exec as many as run)`,
      wholeNumber(1, MAX_PREFETCH),
    )
    .option(
      "--reject-exit <code>",
      "a program that ends with this code makes its job a dead letter at once",
      wholeNumber(1, 255),
    )
    .option("--raw", "print payloads only, byte for byte (escaped on a terminal)")
    .option("--full", "print payloads in full length")
    .addHelpText("after", EXAMPLES)
    .action((name: string, options: PullOptions) => pull(name, options, context));
}

async function pull(name: string, options: PullOptions, { io }: CliContext): Promise<void> {
  checkUse(options);
  using signals = new StopSignals(endPrograms);
  const notices = new LinkNotices(io);
  const taker: JobTaker = options.exec === undefined
    ? new PrintedJobs(io, options, notices)
    : new ExecutedJobs(io, options.exec, options, notices);
  await withClient(options, io, async (client) => {
    if (taker instanceof PrintedJobs && !options.raw) {
      taker.types = await payloadTypes(client, options);
    }
    const run = new PullRun(taker, options.count);
    const worker = client.queue(name).work((job) => run.take(job), bounds(options));
    run.onEnough(() => detached(worker.stop(), "take no more jobs"));
    notices.say(`pulling ${name}`);
    const over = new AbortController();
    const ends: Promise<unknown>[] = [worker.done, run.enough];
    ends.push(new Promise<void>((resolve) => signals.onFirst(resolve)));
    if (options.drain) ends.push(untilDrained(client, name, run, over.signal));
    try {
      await Promise.race(ends);
    } finally {
      over.abort();
      if (signals.signal.aborted && run.inHand > 0) {
        notices.say(`${countOf(run.inHand, "job")} in hand; Ctrl-C again ends at once`);
      }
      await worker.stop();
    }
    for (const line of taker.summary()) notices.say(line);
    notices.close();
    run.throwIfFailed();
  }, {
    reconnect: {},
    onStatus: notices.onStatus,
    onError: notices.onError,
    signal: signals.signal,
  });
}

function checkUse(options: PullOptions): void {
  const { exec } = options;
  if (options.raw && options.json) throw new UsageError("--raw and --json exclude each other");
  if (exec === undefined) {
    if (options.rejectExit !== undefined) throw new UsageError("--reject-exit is for --exec");
    if (options.concurrency > 1) throw new UsageError("--concurrency is for --exec");
  } else if (options.raw || options.full) {
    throw new UsageError("--raw and --full are for printing jobs, not for --exec");
  }
}

/** How many jobs are taken at once. What is printed is done at once, so as many as are there. */
function bounds({ exec, concurrency, prefetch, count = Infinity }: PullOptions) {
  const held = prefetch ?? (exec === undefined ? DEFAULT_PREFETCH : concurrency);
  const useful = Math.min(held, count);
  return { prefetch: useful, concurrency: exec === undefined ? useful : concurrency };
}
