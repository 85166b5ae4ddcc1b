/**
 * `parley pub TOPIC [DATA|-]`: publishes DATA, or each line of standard input as it arrives.
 *
 * Every event is acknowledged, but none is waited for: many are under way at once, in their order. The
 * first failure ends it, names its line, and says how many were published.
 */
import type { Command } from "commander";
import { ParleyError } from "../base/errors.ts";
import type { Client } from "../client/mod.ts";
import {
  type CliContext,
  duration,
  header,
  type ServerOptions,
  UsageError,
  wholeNumber,
  withClient,
  withServerOptions,
} from "./command.ts";
import type { CliIo } from "./io.ts";
import { linesOf } from "./lines.ts";
import { Progress } from "./progress.ts";
import { KeptSummary } from "./pub_kept.ts";
import { parsePublication, type Publication } from "./pub_input.ts";
import { StopSignals } from "./stop_signals.ts";
import { count, countOf } from "./summary.ts";

interface PubOptions extends ServerOptions {
  readonly type?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly count?: number;
  readonly interval?: number;
  readonly jsonLines?: boolean;
}

/** An event, and what to call it when it fails: nothing, or its line. */
interface Source {
  readonly publication: Publication;
  readonly place: string;
}

const EXAMPLES = `
Examples:
  parley pub orders.eu.created '{"id": 7}' --type acme.v1.OrderCreated
  tail -f app.log | parley pub logs.app            each line is an event
  parley pub tick now --count 60 --interval 1s
  parley sub 'orders.>' --json | parley pub --json-lines --server parley://other

A line of JSON has payload (text), payload_json or payload_base64, and may have topic, type, headers and
message_id; what it does not say comes from the arguments.`;

// The largest frame that can be configured; a smaller limit is the server's to state.
const MAX_LINE_BYTES = 64 * 1024 * 1024;
/** Events under way at once: enough to fill any link, and few enough to know soon that one failed. */
const MAX_UNDER_WAY = 1024;
/** A run shorter than this shows no progress. */
const QUIET_MS = 1000;

/** Adds the command. */
export function addPub(program: Command, context: CliContext): void {
  withServerOptions(program.command("pub"))
    .description("publish events")
    .argument("[topic]", "where; --json-lines can do without")
    .argument("[data]", "the payload; - or nothing: one event for each line of standard input")
    .option("--type <type>", "the type of the payload, like acme.v1.OrderCreated")
    .option("--header <name=value>", "a header; may be repeated", header)
    .option("--count <n>", "how many: DATA again and again, or so many lines", wholeNumber(1))
    .option("--interval <duration>", "how long to wait between events, like 100ms", duration)
    .option("--json-lines", "each line of standard input is a JSON object")
    .addHelpText("after", EXAMPLES)
    .action((topic: string | undefined, data: string | undefined, options: PubOptions) =>
      pub(topic, data, options, context)
    );
}

async function pub(
  topic: string | undefined,
  data: string | undefined,
  options: PubOptions,
  { io, outcome }: CliContext,
): Promise<void> {
  const fromInput = data === undefined || data === "-";
  if (topic === undefined && !options.jsonLines) {
    throw new UsageError("missing required argument 'topic'");
  }
  if (options.jsonLines && !fromInput) {
    throw new UsageError("--json-lines: the events come from standard input, not from an argument");
  }
  const event: Publication = {
    topic: topic ?? "",
    payload: data ?? "",
    type: options.type ?? "",
    headers: options.header ?? {},
    messageId: "",
  };
  using signals = new StopSignals();
  const run = new PublishRun(io, options, signals.signal);
  await withClient(options, io, async (client) => {
    if (fromInput && io.stdin.isTerminal) io.stderr.write("one event a line; Ctrl-D ends\n");
    await run.publishAll(client, fromInput ? fromLines(event, options, io) : repeated(event));
  }, { signal: signals.signal });
  outcome.exitCode = signals.exitCode;
  const { published, deliveries, kept } = run;
  io.stdout.write(
    options.json
      ? JSON.stringify({ published, deliveries, ...kept.json() }) + "\n"
      : `published ${countOf(published, "event")}, ${
        countOf(deliveries, "delivery", "deliveries")
      }${kept.text()}\n`,
  );

  function* repeated(publication: Publication): Generator<Source> {
    for (let left = options.count ?? 1; left > 0; left--) yield { publication, place: "" };
  }
}

async function* fromLines(
  event: Publication,
  options: PubOptions,
  io: CliIo,
): AsyncGenerator<Source> {
  let left = options.count ?? Infinity;
  for await (const { number, bytes } of linesOf(io.stdin.chunks(), MAX_LINE_BYTES)) {
    const place = `line ${number} of standard input: `;
    if (!options.jsonLines) yield { publication: { ...event, payload: bytes }, place };
    else if (bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)) continue;
    else yield { publication: parseAt(place, bytes, event), place };
    if (--left <= 0) return;
  }
}

function parseAt(place: string, line: Uint8Array, defaults: Publication): Publication {
  try {
    return parsePublication(line, defaults);
  } catch (cause) {
    throw new Error(`${place}${(cause as Error).message}`, { cause });
  }
}

/** One run: counts what was acknowledged, and keeps the first failure. */
class PublishRun {
  published = 0;
  deliveries = 0;
  readonly kept = new KeptSummary();
  readonly #io: CliIo;
  readonly #options: PubOptions;
  readonly #stop: AbortSignal;
  readonly #stopped: Promise<"stopped">;
  #underWay = 0;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(io: CliIo, options: PubOptions, stop: AbortSignal) {
    this.#io = io;
    this.#options = options;
    this.#stop = stop;
    this.#stopped = new Promise((resolve) =>
      stop.addEventListener("abort", () => resolve("stopped"), { once: true })
    );
  }

  /** Publishes until the source ends, one fails or the user has enough; rejects with the failure. */
  async publishAll(
    client: Client,
    sources: Iterable<Source> | AsyncIterable<Source>,
  ): Promise<void> {
    const progress = new Progress(this.#io, QUIET_MS);
    const iterator = Symbol.asyncIterator in sources
      ? sources[Symbol.asyncIterator]()
      : sources[Symbol.iterator]();
    const shown = setInterval(() => progress.show(`${count(this.published)} events`), 200);
    try {
      for (let first = true; !this.#stop.aborted; first = false) {
        if (!first && this.#options.interval !== undefined) await this.#pause();
        const next = await Promise.race([iterator.next(), this.#stopped]);
        if (next === "stopped" || next.done) break;
        this.#publish(client, next.value);
        await this.#whenBelow(MAX_UNDER_WAY);
        if (this.#failure !== null) break;
      }
    } catch (error) {
      this.#failure ??= error as Error;
    } finally {
      clearInterval(shown);
      progress.clear();
    }
    await this.#whenBelow(1);
    if (this.#failure !== null) throw this.#explained(this.#failure);
  }

  #publish(client: Client, { publication, place }: Source): void {
    const { topic, payload, ...more } = publication;
    this.#underWay++;
    client.publish(topic, payload, more).then(
      (ack) => {
        this.published++;
        this.deliveries += ack.receivers;
        this.kept.add(topic, ack);
      },
      (error) => {
        const cause = ParleyError.from(error);
        const { code, accepted, retryable } = cause;
        this.#failure ??= new ParleyError(code, place + cause.message, {
          accepted,
          retryable,
          cause,
        });
      },
    ).finally(() => {
      this.#underWay--;
      this.#wake?.();
    });
  }

  /** Waits until fewer than `most` are under way. */
  async #whenBelow(most: number): Promise<void> {
    while (this.#underWay >= most) await new Promise<void>((resolve) => this.#wake = resolve);
    this.#wake = null;
  }

  async #pause(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const passed = new Promise((resolve) => timer = setTimeout(resolve, this.#options.interval));
    await Promise.race([passed, this.#stopped]);
    clearTimeout(timer);
  }

  /** The failure with what went well before it, for runs of more than one event. */
  #explained(failure: Error): Error {
    if (this.published === 0) return failure;
    const before = `; ${countOf(this.published, "event")} published all the same`;
    if (!(failure instanceof ParleyError)) {
      return new Error(failure.message + before, { cause: failure });
    }
    const { code, accepted, retryable } = failure;
    const message = failure.message + (accepted === "" ? "" : `; accepted: ${accepted}`) + before;
    return new ParleyError(code, message, { retryable, accepted, cause: failure });
  }
}
