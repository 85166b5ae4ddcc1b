/**
 * `parley topic policies|keep|unkeep`: by which policies a running server keeps topics, and setting them while it runs.
 */
import { type Command, InvalidArgumentError } from "commander";
import { durationMs } from "../../base/duration.ts";
import { printable } from "../../base/printable.ts";
import { callMethod } from "../../client/mod.ts";
import { type KeepPolicy, Topics } from "../../gen/parley/v1/topic_pb.ts";
import {
  type CliContext,
  type ServerOptions,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import { columnLines } from "../terminal/columns.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { originJson, originText } from "../server/policy_origin.ts";
import { byteSize, count } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";

interface KeepOptions extends ServerOptions {
  readonly maxEvents?: number;
  readonly maxAge?: number;
  readonly maxBytes?: number;
  readonly forgetAfter?: number;
}

const KEEP_HELP = `
Example:
  parley topic keep 'orders.>' --max-age 7d --max-events 1000000

It is stored, and counts from now on, whatever the configuration says, until \`parley topic unkeep\` takes it
back. A policy of the same pattern in the configuration is replaced; any other is asked after it.`;

/** Adds the commands below `topic`. */
export function addKeep(topic: Command, context: CliContext): void {
  withServerOptions(topic.command("policies"))
    .description("list by which policies topics are kept, and where each comes from")
    .action((options: ServerOptions) => listPolicies(options, context));
  withServerOptions(topic.command("keep"))
    .description("keep topics from now on, without a restart")
    .argument("<pattern>", "which ones, like 'orders.>'")
    .option("--max-events <n>", "the most events of each topic", wholeNumber(1))
    .option("--max-age <duration>", "the greatest age of an event, like 7d", milliseconds)
    .option("--max-bytes <n>", "the most bytes of all events of each topic", wholeNumber(1))
    .option(
      "--forget-after <duration>",
      "how long a topic is empty before its name is forgotten",
      milliseconds,
    )
    .addHelpText("after", KEEP_HELP)
    .action((pattern: string, options: KeepOptions) => keep(pattern, options, context));
  withServerOptions(topic.command("unkeep"))
    .description("take back what was set with keep; the configuration decides again")
    .argument("<pattern>", "the pattern of the policy")
    .addHelpText(
      "after",
      "\nTopics that no policy is for are kept no longer; what they hold stays.",
    )
    .action((pattern: string, options: ServerOptions) => unkeep(pattern, options, context));
}

/** A duration as it is written in configurations. */
export function milliseconds(text: string): number {
  const ms = durationMs(text);
  if (ms !== null && ms > 0) return ms;
  throw new InvalidArgumentError(
    "It must be a number with ms, s, m, h or d behind it, like 30s or 7d.",
  );
}

async function listPolicies(options: ServerOptions, { io }: CliContext): Promise<void> {
  const { policies } = await withClient(
    options,
    io,
    (client) => callMethod(client, Topics.method.policies, {}),
  );
  const out = io.stdout;
  if (options.json) {
    return void out.write(policies.map((each) => jsonLine(policyJson(each))).join(""));
  }
  const right = (title: string) => ({ title, side: "right" as const });
  const columns = [
    { title: "pattern" },
    ...["events", "age", "size", "forget after"].map(right),
    { title: "origin" },
  ];
  const rows = policies.map((policy) => [
    printable(policy.pattern),
    bound(policy.maxEvents, count),
    bound(policy.maxAgeMs, durationText),
    bound(policy.maxBytes, byteSize),
    bound(policy.forgetAfterMs, durationText),
    originText(policy),
  ]);
  const [heading, ...lines] = columnLines(columns, rows, out.isTerminal ? out.columns : Infinity);
  out.write([styled("bold", heading, out), ...lines].map((line) => `${line}\n`).join(""));
}

async function keep(pattern: string, options: KeepOptions, { io }: CliContext): Promise<void> {
  const { maxEvents = 0, maxAge = 0, maxBytes = 0, forgetAfter = 0, ...server } = options;
  const policy = {
    pattern,
    maxEvents: BigInt(maxEvents),
    maxAgeMs: BigInt(maxAge),
    maxBytes: BigInt(maxBytes),
    forgetAfterMs: BigInt(forgetAfter),
  };
  const answer = await withClient(
    server,
    io,
    (client) => callMethod(client, Topics.method.keep, { policy }),
  );
  if (options.json) io.stdout.write(jsonLine(policyJson(answer.policy!)));
  else io.stdout.write(`topics that match ${printable(pattern)} are kept from now on\n`);
}

async function unkeep(pattern: string, options: ServerOptions, { io }: CliContext): Promise<void> {
  await withClient(options, io, (client) => callMethod(client, Topics.method.unkeep, { pattern }));
  if (options.json) io.stdout.write(jsonLine({ pattern }));
  else io.stdout.write(`taken back: what was set for ${printable(pattern)}\n`);
}

function policyJson(policy: KeepPolicy): Record<string, unknown> {
  return {
    pattern: policy.pattern,
    maxEvents: Number(policy.maxEvents),
    maxAgeMs: Number(policy.maxAgeMs),
    maxBytes: Number(policy.maxBytes),
    forgetAfterMs: Number(policy.forgetAfterMs),
    ...originJson(policy),
  };
}

function bound(value: bigint, text: (value: number) => string): string {
  return value === 0n ? "-" : text(Number(value));
}

/** A duration in the largest unit that it is whole in. */
function durationText(ms: number): string {
  const units: [number, string][] = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "m"], [
    1000,
    "s",
  ]];
  const [size, name] = units.find(([size]) => ms % size === 0) ?? [1, "ms"];
  return `${ms / size}${name}`;
}
