/**
 * `parley queue push NAME [DATA|-]`: pushes DATA, or each line of standard input as it arrives.
 *
 * A job counts as pushed when the server has acknowledged it, which is once it is on disk where the server has
 * a data directory. Many are under way at once; the first failure ends the run and says how many were pushed.
 */
import { type Command, InvalidArgumentError } from "commander";
import type { Client } from "../../client/mod.ts";
import {
  type CliContext,
  duration,
  header,
  type ServerOptions,
  UsageError,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import type { CliIo } from "../io.ts";
import { MAX_DELAY_MS, MAX_PRIORITY, moment, parseJob, type PushedJob } from "./push_input.ts";
import { PushSummary } from "./push_summary.ts";
import { payloadTypes, type ProtoOption, withProto } from "../terminal/payload_types.ts";
import { fromLines, fromWhole, repeated, SendRun, type Source } from "../terminal/send_run.ts";
import { StopSignals } from "../terminal/stop_signals.ts";
import { missing } from "../wrong_use.ts";

interface PushOptions extends ServerOptions, ProtoOption {
  readonly quiet?: boolean;
  readonly encode?: boolean;
  readonly type?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly id?: string;
  readonly priority: number;
  readonly key?: string;
  readonly delay?: number;
  readonly at?: Date;
  readonly count?: number;
  readonly lines?: boolean;
  readonly jsonLines?: boolean;
  readonly whole?: boolean;
}

const EXAMPLES = `
Examples:
  parley queue push emails '{"to": "ann"}' --type acme.v1.Email
  parley queue push reports monthly --at 2026-02-01T06:00
  parley queue push payments pay --id order-7           a second push of order-7 changes nothing
  find . -name '*.png' | parley queue push thumbnails   each line is a job
  parley queue push scans --whole < page.tiff
  parley queue peek emails.dead --json | parley queue push --json-lines emails.checked

A line of JSON has payload (text), payload_json or payload_base64, and may have queue, type, headers,
message_id, priority, key, and delay_ms or run_at; what it does not say comes from the arguments. A queue that
is named as an argument is where all go.`;

/** Adds the command below `queue`. */
export function addQueuePush(queue: Command, context: CliContext): void {
  withProto(withServerOptions(queue.command("push")))
    .description("push jobs into a queue")
    .argument("[name]", "which one; --json-lines can do without")
    .argument("[data]", "the payload; - or nothing: one job for each line of standard input")
    .option("--type <type>", "the type of the payload, like acme.v1.Email")
    .option("--encode", "payloads are JSON, and sent as messages of their type")
    .option("-H, --header <name=value>", "a header; may be repeated", header)
    .option("--id <id>", "a job with this id is pushed once, however often it is tried", notEmpty)
    .option(
      "--priority <n>",
      "higher ones are handed out first, up to 9",
      wholeNumber(0, MAX_PRIORITY),
      0,
    )
    .option("--key <key>", "in an ordered queue, jobs of one key run one after the other")
    .option(
      "--delay <duration>",
      "how long it waits before it is handed out, like 5s or 2d",
      duration(0, MAX_DELAY_MS),
    )
    .option(
      "--at <time>",
      "when it is handed out, like 2026-01-20T15:00 (local time; Z for UTC)",
      moment,
    )
    .option("-n, --count <n>", "how many: DATA again and again, or so many lines", wholeNumber(1))
    .option("-q, --quiet", "say nothing when all went well")
    .option("--lines", "each line of standard input is a job, as it arrives (the default)")
    .option("--json-lines", "each line of standard input is a JSON object")
    .option("--whole", "all of standard input is one job")
    .addHelpText("after", EXAMPLES)
    .action((
      name: string | undefined,
      data: string | undefined,
      options: PushOptions,
      command: Command,
    ) => {
      if (name === undefined && !options.jsonLines) throw missing(command, "name");
      return push(name, data, options, context);
    });
}

function notEmpty(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It must not be empty.");
}

async function push(
  name: string | undefined,
  data: string | undefined,
  options: PushOptions,
  { io, outcome }: CliContext,
): Promise<void> {
  checkUse(data, options);
  const job: PushedJob = {
    queue: name ?? "",
    payload: data ?? "",
    type: options.type ?? "",
    headers: options.header ?? {},
    messageId: options.id ?? "",
    priority: options.priority,
    key: options.key ?? "",
    delayMs: options.delay,
    runAt: options.at,
  };
  using signals = new StopSignals();
  const run = new SendRun(io, { noun: "job", done: "pushed", stop: signals.signal });
  const summary = new PushSummary();
  await withClient(options, io, async (client) => {
    const types = options.encode ? await payloadTypes(client, options) : null;
    const encoded = (each: PushedJob): PushedJob =>
      types === null ? each : { ...each, payload: types.encode(each.type, each.payload) };
    const sources = sourcesOf(job, data, options, io);
    await run.sendAll(sources, (each) => pushOne(client, encoded(each), summary));
  }, { signal: signals.signal, onStatus: run.onStatus });
  outcome.exitCode = signals.exitCode;
  if (options.quiet) return;
  io.stdout.write(options.json ? JSON.stringify(summary.json()) + "\n" : summary.text());
}

/** The options that say what standard input holds. */
const SOURCES = [["whole", "--whole"], ["lines", "--lines"], [
  "jsonLines",
  "--json-lines",
]] as const;

function checkUse(data: string | undefined, options: PushOptions): void {
  const isFromInput = data === undefined || data === "-";
  const given = SOURCES.filter(([option]) => options[option]).map(([, flag]) => flag);
  if (given.length > 0 && !isFromInput) {
    throw new UsageError(`${given[0]}: jobs come from standard input then, not from an argument`);
  }
  if (given.length > 1) throw new UsageError(`${given[0]} and ${given[1]} exclude each other`);
  if (options.delay !== undefined && options.at !== undefined) {
    throw new UsageError("--delay and --at exclude each other");
  }
  if (options.id === undefined || options.whole) return;
  if (isFromInput || options.count !== undefined) {
    throw new UsageError("--id is for one job: with DATA and without --count, or with --whole");
  }
}

/** What is to be pushed. */
function sourcesOf(
  job: PushedJob,
  data: string | undefined,
  options: PushOptions,
  io: CliIo,
): Iterable<Source<PushedJob>> | AsyncIterable<Source<PushedJob>> {
  const { count, jsonLines, whole } = options;
  const fromText = (payload: Uint8Array, defaults: PushedJob) => ({ ...defaults, payload });
  if (whole) return fromWhole(io, (bytes) => fromText(bytes, job), count);
  if (data !== undefined && data !== "-") return repeated(job, count);
  if (io.stdin.isTerminal) io.stderr.write("one job a line; Ctrl-D ends\n");
  const parse = jsonLines ? parseJob : fromText;
  return fromLines(io, job, parse, { most: count, skipBlank: jsonLines });
}

async function pushOne(client: Client, job: PushedJob, summary: PushSummary): Promise<void> {
  const { queue, payload, ...options } = job;
  summary.add(queue, await client.queue(queue).push(payload, options));
}
