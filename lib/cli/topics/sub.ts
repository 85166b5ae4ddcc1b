/**
 * `parley sub PATTERN...`: prints events until there were enough of them, or until Ctrl-C.
 *
 * Events go to standard output in the order they came, everything else to standard error: what is
 * subscribed to, a lost connection, and what was or may have been missed. While the reader of the output is
 * slow, nothing is read from the server, whose overflow policy then acts. An event that several of the
 * patterns match is printed once. Kept topics are followed from `--since` on, also through lost connections.
 */
import { type Command, Option } from "commander";
import { handled } from "../../base/detached.ts";
import { printable } from "../../base/printable.ts";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import type {
  Client,
  Gap,
  OverflowName,
  ReceivedEvent,
  Since,
  Subscription,
} from "../../client/mod.ts";
import {
  type CliContext,
  type ServerOptions,
  UsageError,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import { eventJson, eventText } from "./event_text.ts";
import type { CliIo } from "../io.ts";
import { LinkNotices } from "../terminal/link_notices.ts";
import { textOf } from "../terminal/payload_text.ts";
import {
  PayloadTypes,
  payloadTypes,
  type ProtoOption,
  withProto,
} from "../terminal/payload_types.ts";
import { since } from "./since.ts";
import { StopSignals } from "../terminal/stop_signals.ts";
import { terminalText } from "../terminal/terminal_text.ts";

interface SubOptions extends ServerOptions, ProtoOption {
  readonly type?: string;
  readonly group?: string;
  readonly echo?: boolean;
  readonly overflow: string;
  readonly since?: Since;
  readonly count?: number;
  readonly raw?: boolean;
  readonly full?: boolean;
  readonly headersOnly?: boolean;
  readonly quiet?: boolean;
}

const EXAMPLES = `
Examples:
  parley sub 'orders.>'                                 everything below orders
  parley sub 'orders.*.created' 'stock.>' --json        one JSON object a line
  parley sub --type acme.v1.OrderCreated                by type alone, wherever it is published
  parley sub 'jobs.>' --group workers                   shares the events with others of the group
  parley sub 'orders.>' --since 2h                      the last two hours, then what comes
  parley sub orders.eu --since last:10                  the last ten, then what comes
  parley sub 'orders.>' --count 1 --raw                 one payload, nothing else

A member of a group that ends by --count or Ctrl-C prints all that it was given. With several patterns that can
be more than --count, at most so many for each of them: what it has, no other member gets.

In a pattern * is one level and > the rest. Quote them: the shell knows both.`;

/** The policies as they are written on a command line. */
const OVERFLOW = ["catch-up", "disconnect", "drop-oldest", "drop-newest"];
/** Kept topics of which it is remembered what was printed; past it, an event may be printed twice. */
const MAX_TOPICS = 10_000;
/** Output that gathers in one turn is written at once past this length. */
const FLUSH_CHARACTERS = 64 * 1024;
const LINE_FEED = new Uint8Array([0x0a]);

/** Adds the command. */
export function addSub(program: Command, context: CliContext): void {
  withProto(withServerOptions(program.command("sub").alias("subscribe")))
    .description("print events as they are published")
    .argument("[pattern...]", "which topics; none with --type means all")
    .option("--type <type>", "only events of this type")
    .option("--group <name>", "share the events with the others of this group")
    .addOption(overflowOption().default("catch-up"))
    .option(
      "--since <where>",
      "begin in the history of kept topics: a seq, an age (2h), a day or moment (local time; Z for UTC), all, last or last:N",
      since,
    )
    .option("-n, --count <n>", "stop after so many events", wholeNumber(1))
    .option("--raw", "print payloads only, byte for byte (escaped on a terminal)")
    .option("--full", "print payloads in full length")
    .option("--headers-only", "print everything but payloads, and how long they are")
    .option("-q, --quiet", "print events only: nothing of what is subscribed to, lost or missed")
    .option("--echo", "also what this connection publishes (it publishes nothing by itself)")
    .addHelpText("after", EXAMPLES)
    .action((patterns: string[], options: SubOptions) => sub(patterns, options, context));
}

/** The option that says what happens when events come faster than they are taken. */
function overflowOption(): Option {
  return new Option("--overflow <policy>", "what happens when this side is too slow")
    .choices(OVERFLOW);
}

/** The client library's name of a policy. */
function overflowName(option: string): OverflowName {
  return option.replace("-", "_") as OverflowName;
}

async function sub(
  patterns: readonly string[],
  options: SubOptions,
  { io }: CliContext,
): Promise<void> {
  if (patterns.length === 0 && options.type === undefined) {
    throw new UsageError("missing a pattern: '>' for every topic, or --type");
  }
  if (options.raw && (options.json || options.headersOnly)) {
    const other = options.json ? "--json" : "--headers-only";
    throw new UsageError(`--raw and ${other} exclude each other`);
  }
  // What is given twice would be two subscriptions that are one to the server.
  const wanted = patterns.length === 0 ? [""] : [...new Set(patterns)];
  using signals = new StopSignals();
  const notices = new LinkNotices(io, options.quiet);
  const printer = new EventPrinter(io, options, wanted.length > 1);
  await withClient(
    options,
    io,
    async (client) => {
      if (!options.raw) printer.types = await payloadTypes(client, options);
      const subscriptions = await subscribeAll(client, wanted, options, { printer, notices });
      const ended = subscriptions.map((each) => each.closed);
      notices.say(`subscribed to ${describe(wanted, options)}`);
      const stopped = new Promise<void>((resolve) => signals.onFirst(resolve));
      await Promise.race([printer.finished, stopped, Promise.all(ended)]);
      // What a group's member was given before the server knew comes to nobody else: it is printed, too.
      if (options.group !== undefined) {
        await Promise.all(subscriptions.map((each) => each.unsubscribe()));
        printer.flush();
        const more = printer.beyondCount;
        if (more > 0) notices.say(`${more} more had been given to this member, and are printed`);
      }
      notices.close();
    },
    { reconnect: {}, onStatus: notices.onStatus, onError: notices.onError, signal: signals.signal },
  );
  printer.flush();
}

function subscribeAll(
  client: Client,
  patterns: readonly string[],
  options: SubOptions,
  { printer, notices }: { printer: EventPrinter; notices: LinkNotices },
): Promise<Subscription[]> {
  return Promise.all(patterns.map((pattern) =>
    client.subscribe(pattern, {
      type: options.type,
      group: options.group,
      echo: options.echo,
      overflow: overflowName(options.overflow),
      since: options.since,
      // With one pattern the server counts too, so that no event of a group is taken that is one too many;
      // with several, each of them brings as many at most, and what a group's member was given is printed.
      maxEvents: patterns.length === 1 || options.group !== undefined ? options.count : undefined,
      onGap: (gap: Gap) => {
        if (gap.kind === "history_lost") printer.forget();
        notices.onGap(gap);
      },
    }, (event) => printer.print(event))
  ));
}

function describe(patterns: readonly string[], options: SubOptions): string {
  const shown = patterns.map((pattern) => printable(pattern || ">")).join(" ");
  const type = options.type === undefined ? "" : `, type ${printable(options.type)}`;
  const group = options.group === undefined ? "" : `, group ${printable(options.group)}`;
  return shown + type + group;
}

/** Prints events; called from the client's read loop, where nothing may be raised. */
class EventPrinter {
  /** Resolves after the last event that is wanted; rejects when nobody reads the output any more. */
  readonly finished: Promise<void>;
  /** The types that payloads are shown by. */
  types = PayloadTypes.OWN;
  readonly #io: CliIo;
  readonly #options: SubOptions;
  #finish!: () => void;
  #fail!: (reason: unknown) => void;
  #left: number;
  #text = "";
  #scheduled = false;
  #broken = false;
  #last: ReceivedEvent | null = null;
  /** Whether there are several patterns. */
  readonly #several: boolean;
  /** The seq that was printed last of each kept topic. */
  readonly #printed = new Map<string, bigint>();

  constructor(io: CliIo, options: SubOptions, several: boolean) {
    this.#io = io;
    this.#several = several;
    this.#options = options;
    this.#left = options.count ?? Infinity;
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    // Whoever waits for something else first must not be surprised by it.
    handled(this.finished);
  }

  print(event: ReceivedEvent): void {
    // Subscriptions that match the same event get the same object, one right after the other.
    if (event === this.#last || this.#broken) return;
    if (this.#left <= 0 && event.group === "") return;
    if (this.#several && this.#wasPrinted(event)) return;
    this.#last = event;
    try {
      this.#add(event);
      if (this.#text.length >= FLUSH_CHARACTERS) this.flush();
      else this.#flushSoon();
      if (--this.#left > 0) return;
      this.flush();
      this.#finish();
    } catch (error) {
      this.#broken = true;
      this.#fail(error);
    }
  }

  /** How many events of a group were printed though there were enough. */
  get beyondCount(): number {
    return Math.max(0, -this.#left);
  }

  /** Seqs mean something else from now on. */
  forget(): void {
    this.#printed.clear();
  }

  /** Whether another pattern has brought this event: history comes again for each of them. */
  #wasPrinted({ topic, seq, group }: ReceivedEvent): boolean {
    if (seq === 0n || group !== "") return false;
    if (seq <= (this.#printed.get(topic) ?? 0n)) return true;
    if (this.#printed.size >= MAX_TOPICS) this.#printed.clear();
    this.#printed.set(topic, seq);
    return false;
  }

  /** Writes what has gathered. */
  flush(): void {
    const text = this.#text;
    this.#text = "";
    if (text !== "") this.#io.stdout.write(text);
  }

  #add(event: ReceivedEvent): void {
    const { isTerminal, colors } = this.#io.stdout;
    const { json, raw, full = false, headersOnly = false } = this.#options;
    if (raw) this.#addRaw(event.payload);
    else if (json) this.#text += eventJson(event, this.types, headersOnly);
    else {
      const view = { lines: isTerminal, colors, full, types: this.types, headersOnly };
      this.#text += eventText(event, view);
    }
  }

  #addRaw(payload: Uint8Array): void {
    const { stdout } = this.#io;
    if (stdout.isTerminal) {
      const text = decodeTextLeniently(payload);
      this.#text += terminalText(text, stdout) + "\n";
      return;
    }
    const text = textOf(payload);
    if (text !== null) {
      this.#text += text + "\n";
      return;
    }
    this.flush();
    stdout.write(payload);
    stdout.write(LINE_FEED);
  }

  /** Events that are read in one turn are written together. */
  #flushSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      try {
        this.flush();
      } catch (error) {
        this.#broken = true;
        this.#fail(error);
      }
    });
  }
}
