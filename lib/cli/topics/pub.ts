/**
 * `parley pub TOPIC [DATA|-]`: publishes DATA, or each line of standard input as it arrives.
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
import { KeptSummary } from "./pub_kept.ts";
import { parsePublication, type Publication } from "./pub_input.ts";
import { fromLines, repeated, SendRun } from "../terminal/send_run.ts";
import { StopSignals } from "../terminal/stop_signals.ts";
import { countOf } from "../terminal/summary.ts";

interface PubOptions extends ServerOptions {
  readonly type?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly count?: number;
  readonly interval?: number;
  readonly jsonLines?: boolean;
}

const EXAMPLES = `
Examples:
  parley pub orders.eu.created '{"id": 7}' --type acme.v1.OrderCreated
  tail -f app.log | parley pub logs.app            each line is an event
  parley pub tick now --count 60 --interval 1s
  parley sub 'orders.>' --json | parley pub --json-lines --server parley://other

A line of JSON has payload (text), payload_json or payload_base64, and may have topic, type, headers and
message_id; what it does not say comes from the arguments.`;

/** Adds the command. */
export function addPub(program: Command, context: CliContext): void {
  withServerOptions(program.command("pub"))
    .description("publish events")
    .argument("[topic]", "where; --json-lines can do without")
    .argument("[data]", "the payload; - or nothing: one event for each line of standard input")
    .option("--type <type>", "the type of the payload, like acme.v1.OrderCreated")
    .option("--header <name=value>", "a header; may be repeated", header)
    .option("--count <n>", "how many: DATA again and again, or so many lines", wholeNumber(1))
    .option("--interval <duration>", "how long to wait between events, like 100ms", interval)
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
  const run = new SendRun(io, {
    noun: "event",
    done: "published",
    intervalMs: options.interval,
    stop: signals.signal,
  });
  const kept = new KeptSummary();
  let deliveries = 0;
  await withClient(options, io, async (client) => {
    if (fromInput && io.stdin.isTerminal) io.stderr.write("one event a line; Ctrl-D ends\n");
    const parse = options.jsonLines ? parsePublication : withPayload;
    const events = fromInput
      ? fromLines(io, event, parse, { most: options.count, skipBlank: options.jsonLines })
      : repeated(event, options.count);
    await run.sendAll(events, async ({ topic, payload, ...more }) => {
      const ack = await client.publish(topic, payload, more);
      deliveries += ack.receivers;
      kept.add(topic, ack);
    });
  }, { signal: signals.signal, onStatus: run.onStatus });
  outcome.exitCode = signals.exitCode;
  const published = run.sent;
  io.stdout.write(
    options.json
      ? JSON.stringify({ published, deliveries, ...kept.json() }) + "\n"
      : `published ${countOf(published, "event")}, ${
        countOf(deliveries, "delivery", "deliveries")
      }${kept.text()}\n`,
  );
}

function withPayload(line: Uint8Array, event: Publication): Publication {
  return { ...event, payload: line };
}
