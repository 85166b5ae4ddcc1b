/**
 * `parley pub TOPIC [DATA|-]`: publishes DATA, or what standard input holds: all of it as one event, or with
 * `--lines` each line as it arrives.
 *
 * Every event is acknowledged, but none is waited for: many are under way at once, in their order. The
 * first failure ends it, names its line, and says how many were published.
 */
import type { Command } from "commander";
import {
  type CliContext,
  header,
  interval,
  type ServerOptions,
  UsageError,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import type { CliIo } from "../io.ts";
import { KeptSummary } from "./pub_kept.ts";
import { parsePublication, type Publication } from "./pub_input.ts";
import { payloadTypes, type ProtoOption, withProto } from "../terminal/payload_types.ts";
import { fromLines, fromWhole, repeated, SendRun, type Source } from "../terminal/send_run.ts";
import { filled, hasTemplates } from "./templates.ts";
import { StopSignals } from "../terminal/stop_signals.ts";
import { countOf } from "../terminal/summary.ts";
import { missing } from "../wrong_use.ts";

interface PubOptions extends ServerOptions, ProtoOption {
  readonly encode?: boolean;
  readonly type?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly count?: number;
  readonly interval?: number;
  readonly lines?: boolean;
  readonly jsonLines?: boolean;
  readonly literal?: boolean;
  readonly quiet?: boolean;
}

const EXAMPLES = `
Examples:
  parley pub orders.eu.created '{"id": 7}' --type acme.v1.OrderCreated
  parley pub orders.eu.created < order.json          all of it is one event
  parley pub orders.eu '{"id": "7"}' --type acme.v1.Order --encode --proto types.binpb
  tail -f app.log | parley pub logs.app --lines      each line is an event
  parley pub tick now --count 60 --interval 1s
  parley pub load '{"n": {{Count}}, "at": "{{Time}}", "load": {{Random 0 100}}}' -n 1000
  parley sub 'orders.>' --json | parley pub --json-lines --server parley://other

A line of JSON has payload (text), payload_json or payload_base64, and may have topic, type, headers and
message_id; what it does not say comes from the arguments.`;

/** Adds the command. */
export function addPub(program: Command, context: CliContext): void {
  withProto(withServerOptions(program.command("pub").alias("publish")))
    .description("publish events")
    .argument("[topic]", "where; --json-lines can do without")
    .argument("[data]", "the payload; - or nothing: all of standard input")
    .option("--type <type>", "the type of the payload, like acme.v1.OrderCreated")
    .option("--encode", "payloads are JSON, and sent as messages of their type")
    .option("-H, --header <name=value>", "a header; may be repeated", header)
    .option("-n, --count <n>", "how many: DATA again and again, or so many lines", wholeNumber(1))
    .option("--interval <duration>", "how long to wait between events, like 100ms", interval)
    .option("--lines", "each line of standard input is an event, as it arrives")
    .option("--json-lines", "each line of standard input is a JSON object")
    .option("--literal", "leave {{Count}}, {{Time}} and {{Random N M}} in DATA as they are")
    .option("-q, --quiet", "say nothing when all went well")
    .addHelpText("after", EXAMPLES)
    .action((
      topic: string | undefined,
      data: string | undefined,
      options: PubOptions,
      command: Command,
    ) => {
      if (topic === undefined && !options.jsonLines) throw missing(command, "topic");
      return pub(topic, data, options, context);
    });
}

async function pub(
  topic: string | undefined,
  data: string | undefined,
  options: PubOptions,
  { io, outcome }: CliContext,
): Promise<void> {
  const fromInput = data === undefined || data === "-";
  const { lines, jsonLines } = options;
  if ((lines || jsonLines) && !fromInput) {
    const flag = lines ? "--lines" : "--json-lines";
    throw new UsageError(`${flag}: the events come from standard input, not from an argument`);
  }
  if (lines && jsonLines) throw new UsageError("--lines and --json-lines exclude each other");
  const event: Publication = {
    topic: topic ?? "",
    payload: data ?? "",
    type: options.type ?? "",
    headers: options.header ?? {},
    messageId: "",
  };
  using signals = new StopSignals();
  const run = new SendRun(io, {
    noun: "event",
    done: "published",
    intervalMs: options.interval,
    stop: signals.signal,
  });
  const kept = new KeptSummary();
  // Undefined as long as nobody has told how many there were.
  let deliveries: number | undefined;
  await withClient(options, io, async (client) => {
    const types = options.encode ? await payloadTypes(client, options) : null;
    const events = sourcesOf(event, fromInput, options, io);
    await run.sendAll(events, async ({ topic, payload, ...more }) => {
      const sent = types === null ? payload : types.encode(more.type, payload);
      const ack = await client.publish(topic, sent, more);
      if (ack.receivers !== undefined) deliveries = (deliveries ?? 0) + ack.receivers;
      kept.add(topic, ack);
    });
  }, { signal: signals.signal, onStatus: run.onStatus });
  outcome.exitCode = signals.exitCode;
  const published = run.sent;
  if (options.quiet) return;
  const delivered = deliveries === undefined
    ? ""
    : `, ${countOf(deliveries, "delivery", "deliveries")}`;
  io.stdout.write(
    options.json
      ? JSON.stringify({ published, deliveries, ...kept.json() }) + "\n"
      : `published ${countOf(published, "event")}${delivered}${kept.text()}\n`,
  );
}

/** What is to be published. */
function sourcesOf(
  event: Publication,
  fromInput: boolean,
  { count, lines, jsonLines, literal }: PubOptions,
  io: CliIo,
): Iterable<Source<Publication>> | AsyncIterable<Source<Publication>> {
  if (!fromInput) {
    const { payload } = event;
    const isTemplate = !literal && typeof payload === "string" && hasTemplates(payload);
    return isTemplate ? fromTemplate(event, payload, count) : repeated(event, count);
  }
  const each = lines || jsonLines;
  if (io.stdin.isTerminal) {
    io.stderr.write(each ? "one event a line; Ctrl-D ends\n" : "one event up to Ctrl-D\n");
  }
  if (!each) return fromWhole(io, (bytes) => withPayload(bytes, event), count);
  const parse = jsonLines ? parsePublication : withPayload;
  return fromLines(io, event, parse, { most: count, skipBlank: jsonLines });
}

/** Fills in the templates of a payload, anew for each event. */
function* fromTemplate(
  event: Publication,
  payload: string,
  count = 1,
): Generator<Source<Publication>> {
  for (let number = 1; number <= count; number++) {
    const values = { number, now: new Date(), random: Math.random };
    yield { item: { ...event, payload: filled(payload, values) }, place: "" };
  }
}

function withPayload(payload: Uint8Array, event: Publication): Publication {
  return { ...event, payload };
}
