/**
 * `parley record FILE PATTERN...` and `parley play FILE`: topics into a file, and back with their times.
 *
 * A recording is lines of JSON, as `parley sub --json` prints them, in the order in which the events came. It is only ever made anew, and
 * is on the disk when the command ends. What is played has new senders, seqs and times; its message ids only when that is wanted, because a
 * server that has seen them takes the events for repeats.
 */
import { type Command, InvalidArgumentError } from "commander";
import { printable } from "../../base/printable.ts";
import { decodeText } from "../../base/utf8_text.ts";
import { quote } from "../../base/quote.ts";
import type { Gap, ReceivedEvent, Since } from "../../client/mod.ts";
import {
  type CliContext,
  duration,
  type ServerOptions,
  UsageError,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import { MessageTypes } from "../../logic/types/message_types.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { linesOf } from "../terminal/lines.ts";
import { LinkNotices } from "../terminal/link_notices.ts";
import { PayloadTypes } from "../terminal/payload_types.ts";
import { SendRun, type Source } from "../terminal/send_run.ts";
import { StopSignals } from "../terminal/stop_signals.ts";
import { countOf } from "../terminal/summary.ts";
import { eventJson } from "./event_text.ts";
import { parsePublication, type Publication } from "./pub_input.ts";
import { since } from "./since.ts";

interface RecordOptions extends ServerOptions {
  readonly type?: string;
  readonly since?: Since;
  readonly count?: number;
  readonly for?: number;
  readonly force?: boolean;
}

interface PlayOptions extends ServerOptions {
  /** How many times as fast as it was recorded; Infinity for as fast as it goes. */
  readonly rate: number;
  readonly prefix: string;
  readonly keepIds?: boolean;
}

/** Payloads are kept as they are: nothing of them is shown by its type. */
const NO_TYPES = new PayloadTypes(MessageTypes.none());
/** Lines that have gathered are written at once past this length. */
const FLUSH_CHARACTERS = 64 * 1024;
/** The longest line: a message of the largest size that can be configured, in base64. */
const MAX_LINE_BYTES = 96 * 1024 * 1024;
const MAX_DURATION_MS = 30 * 86_400_000;

const RECORD_EXAMPLES = `
Examples:
  parley record orders.jsonl 'orders.>'                    until Ctrl-C
  parley record all.jsonl '>' --for 10m
  parley record yesterday.jsonl 'orders.>' --since 24h --count 1000`;

const PLAY_EXAMPLES = `
Examples:
  parley play orders.jsonl                                 as it happened
  parley play orders.jsonl --rate 10x --prefix test.
  parley play orders.jsonl --rate max --server parley://other`;

/** Adds the commands. */
export function addRecord(program: Command, context: CliContext): void {
  withServerOptions(program.command("record"))
    .description("write events into a file, to play them again")
    .argument("<file>", "where; it must not be there")
    .argument("<pattern...>", "which topics")
    .option("--type <type>", "only events of this type")
    .option("--since <where>", "begin in the history of kept topics, as sub does", since)
    .option("--count <n>", "stop after so many events", wholeNumber(1))
    .option("--for <duration>", "stop after so long, like 10m", duration(1, MAX_DURATION_MS))
    .option("--force", "also when the file is there, which is lost then")
    .addHelpText("after", RECORD_EXAMPLES)
    .action((file: string, patterns: string[], options: RecordOptions) =>
      record(file, patterns, options, context)
    );
  withServerOptions(program.command("play"))
    .description("publish the events of a file, with the times between them")
    .argument("<file>", "what record wrote; - for standard input")
    .option("--rate <rate>", "how fast, like 2x or 0.5x, or max", rate, 1)
    .option("--prefix <text>", "put in front of each topic, like 'test.'", "")
    .option(
      "--keep-ids",
      "with their message ids: a server that has seen one takes it for a repeat",
    )
    .addHelpText("after", PLAY_EXAMPLES)
    .action((file: string, options: PlayOptions) => play(file, options, context));
}

function rate(text: string): number {
  if (text === "max") return Infinity;
  const value = Number(/^(\d+(?:\.\d+)?)x?$/.exec(text)?.[1]);
  if (value > 0 && value <= 1e6) return value;
  throw new InvalidArgumentError("It must be like 2x or 0.5x, up to 1000000x, or max.");
}

async function record(
  path: string,
  patterns: readonly string[],
  options: RecordOptions,
  { io }: CliContext,
): Promise<void> {
  using signals = new StopSignals();
  using file = openNew(path, options.force ?? false);
  const notices = new LinkNotices(io);
  const recording = new Recording(file, options.count ?? Infinity);
  await withClient(options, io, async (client) => {
    const { type, since: start } = options;
    const onGap = (gap: Gap) => notices.onGap(gap);
    const subscriptions = await Promise.all(
      [...new Set(patterns)].map((pattern) =>
        client.subscribe(pattern, { type, since: start, onGap }, (event) => recording.add(event))
      ),
    );
    notices.say(`recording ${patterns.map((pattern) => printable(pattern)).join(" ")}`);
    const ended = subscriptions.map((each) => each.closed);
    const stopped = new Promise<void>((resolve) => signals.onFirst(resolve));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => {
      if (options.for !== undefined) timer = setTimeout(resolve, options.for);
    });
    try {
      await Promise.race([recording.whole, stopped, over, Promise.all(ended)]);
    } finally {
      clearTimeout(timer);
      recording.end();
    }
    notices.close();
  }, {
    reconnect: {},
    onStatus: notices.onStatus,
    onError: notices.onError,
    signal: signals.signal,
  });
  const { events, topics } = recording;
  const summary = `recorded ${countOf(events, "event")} of ${countOf(topics, "topic")}`;
  io.stdout.write(options.json ? jsonLine({ events, topics, file: path }) : `${summary}\n`);
}

/** A file that is not there yet, unless it may be lost. Raises UsageError. */
function openNew(path: string, force: boolean): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, createNew: !force, create: force, truncate: force });
  } catch (cause) {
    const why = cause instanceof Deno.errors.AlreadyExists
      ? "it is there already; --force writes it anew"
      : (cause as Error).message;
    throw new UsageError(`cannot record into ${quote(path)}: ${why}`, { cause });
  }
}

/** The events that are written; called from the client's read loop. */
class Recording {
  events = 0;
  /** Resolves when there are enough of them; rejects when they cannot be written. */
  readonly whole: Promise<void>;
  readonly #file: Deno.FsFile;
  readonly #most: number;
  readonly #seen = new Set<string>();
  #resolve!: () => void;
  #reject!: (reason: unknown) => void;
  #last: ReceivedEvent | null = null;
  #text = "";
  #ended = false;

  constructor(file: Deno.FsFile, most: number) {
    this.#file = file;
    this.#most = most;
    this.whole = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The number of topics that there were events of; past 10,000 no more are counted. */
  get topics(): number {
    return this.#seen.size;
  }

  add(event: ReceivedEvent): void {
    // Subscriptions that match the same event get the same object, one right after the other.
    if (this.#ended || event === this.#last || this.events >= this.#most) return;
    this.#last = event;
    this.events++;
    if (this.#seen.size < 10_000) this.#seen.add(event.topic);
    this.#text += eventJson(event, NO_TYPES);
    if (this.#text.length >= FLUSH_CHARACTERS) this.#flush();
    if (this.events >= this.#most) this.#resolve();
  }

  /** Writes what has gathered, and has it on the disk. Raises when that fails. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#write();
    this.#file.syncSync();
  }

  #flush(): void {
    try {
      this.#write();
    } catch (error) {
      this.#ended = true;
      this.#reject(error);
    }
  }

  #write(): void {
    const bytes = new TextEncoder().encode(this.#text);
    this.#text = "";
    for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
  }
}

async function play(
  path: string,
  options: PlayOptions,
  { io, outcome }: CliContext,
): Promise<void> {
  using signals = new StopSignals();
  const run = new SendRun(io, { noun: "event", done: "published", stop: signals.signal });
  await withClient(options, io, async (client) => {
    const chunks = path === "-" ? io.stdin.chunks() : await chunksOf(path);
    const events = timed(chunks, options, signals.signal);
    await run.sendAll(events, async ({ topic, payload, ...more }) => {
      await client.publish(topic, payload, more);
    });
  }, { signal: signals.signal, onStatus: run.onStatus });
  outcome.exitCode = signals.exitCode;
  const played = run.sent;
  io.stdout.write(options.json ? jsonLine({ played }) : `played ${countOf(played, "event")}\n`);
}

async function chunksOf(path: string): Promise<AsyncIterable<Uint8Array>> {
  try {
    return (await Deno.open(path)).readable;
  } catch (cause) {
    throw new UsageError(`cannot play ${quote(path)}: ${(cause as Error).message}`, { cause });
  }
}

const NOTHING: Publication = { topic: "", payload: "", type: "", headers: {}, messageId: "" };

/** The events of a recording, each when its time has come. */
async function* timed(
  chunks: AsyncIterable<Uint8Array>,
  { rate, prefix, keepIds }: PlayOptions,
  stop: AbortSignal,
): AsyncGenerator<Source<Publication>> {
  const beganMs = performance.now();
  let firstMs = NaN;
  for await (const { number, bytes } of linesOf(chunks, MAX_LINE_BYTES)) {
    if (bytes.every((byte) => byte === 0x20)) continue;
    const place = `line ${number}: `;
    let item: Publication;
    let timeMs: number;
    try {
      item = parsePublication(bytes, NOTHING);
      timeMs = timeOf(bytes);
    } catch (cause) {
      throw new Error(`${place}${(cause as Error).message}`, { cause });
    }
    if (Number.isNaN(firstMs)) firstMs = timeMs;
    // An event without a time follows the one before at once.
    const dueMs = beganMs + (timeMs - firstMs) / rate;
    while (dueMs > performance.now() && !stop.aborted) await pauseUntil(dueMs, stop);
    if (stop.aborted) return;
    const messageId = keepIds ? item.messageId : "";
    yield { item: { ...item, topic: prefix + item.topic, messageId }, place };
  }
}

/** When an event happened, in milliseconds since 1970; NaN when it does not say. */
function timeOf(line: Uint8Array): number {
  const { time } = JSON.parse(decodeText(line));
  return typeof time === "string" ? Date.parse(time) : NaN;
}

function pauseUntil(dueMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      resolve();
    };
    // The longest that a timer can be set for; what is due later is waited for again.
    const timer = setTimeout(end, Math.min(dueMs - performance.now(), 2 ** 31 - 1));
    stop.addEventListener("abort", end);
  });
}
