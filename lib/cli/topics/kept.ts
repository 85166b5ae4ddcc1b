/**
 * `parley topic ls|info|trim|rm`: which topics there are, how much is published and kept, for how many subscribers, dropping
 * the oldest events, and removing topics.
 *
 * The last two are for good: how far trimming goes has no default, and removing is asked for once more.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import { callMethod, type Client } from "../../client/mod.ts";
import { type KeepPolicy, type TopicInfo, Topics } from "../../gen/parley/v1/topic_pb.ts";
import { checkCanAsk, isMeant } from "../terminal/confirm.ts";
import { columnLines } from "../terminal/columns.ts";
import {
  type CliContext,
  type ServerOptions,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import { isoTime } from "./event_text.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { byteSize, count, countOf } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";

interface ListOptions extends ServerOptions {
  readonly kept?: boolean;
}

interface TrimOptions extends ServerOptions {
  readonly before: number;
}

interface RemoveOptions extends ServerOptions {
  readonly yes?: boolean;
}

const LIST_HELP = `
Rates are those of the last five to ten seconds, as the server counts. Topics that are not kept are there once
something was published on them since the server started; it counts some thousands of them one by one.`;

const REMOVE_HELP = `
Examples:
  parley topic rm orders.4711
  parley topic rm 'orders.>' --yes

A topic that events come for meanwhile stays, and so does a room with people in it. One that is published
on again counts on: no number of an event is ever given twice.`;

/** Adds the commands below `topic`. */
export function addKeptTopic(topic: Command, context: CliContext): void {
  withServerOptions(topic.command("ls"))
    .description("list topics: what is published and kept, and how many subscribe")
    .argument("[pattern]", "only those that match, like 'orders.>'", "")
    .option("--kept", "only those that are kept")
    .addHelpText("after", LIST_HELP)
    .action((pattern: string, options: ListOptions) => listTopics(pattern, options, context));
  withServerOptions(topic.command("info"))
    .description("tell what is published and kept on a topic, and how many subscribe")
    .argument("<topic>", "which one")
    .action((name: string, options: ServerOptions) => topicInfo(name, options, context));
  withServerOptions(topic.command("trim"))
    .description("drop the oldest events of a topic, for good")
    .argument("<topic>", "which one")
    .requiredOption("--before <seq>", "drop the events before this seq", wholeNumber(1))
    .addHelpText("after", "\nExample:\n  parley topic trim orders.eu --before 1000")
    .action((name: string, options: TrimOptions) => trimTopic(name, options, context));
  withServerOptions(topic.command("rm"))
    .description("remove topics with all their events, for good")
    .argument("<pattern>", "which ones: a topic, or a pattern like 'orders.>'")
    .option("--yes", "do not ask; needed where nobody can be asked")
    .addHelpText("after", REMOVE_HELP)
    .action((pattern: string, options: RemoveOptions) => removeTopics(pattern, options, context));
}

async function listTopics(pattern: string, options: ListOptions, { io }: CliContext) {
  const plain = !options.kept;
  const topics = await withClient(options, io, (client) => allTopics(client, pattern, plain));
  const out = io.stdout;
  if (options.json) return out.write(topics.map((each) => jsonLine(infoJson(each))).join(""));
  if (topics.length === 0) return out.write(plain ? "no topics\n" : "no topics are kept\n");
  const columns = [
    { title: "topic" },
    ...["events/s", "bytes/s", "subs", "last seq", "kept", "size"]
      .map((title) => ({ title, side: "right" as const })),
    { title: "newest" },
    { title: "policy" },
  ];
  const rows = topics.map((info) => [
    printable(info.topic),
    perSecond(info.eventsPerSecond),
    byteSize(info.bytesPerSecond),
    count(Number(info.subscribers)),
    ...isKept(info)
      ? [
        String(info.lastSeq),
        count(Number(info.events)),
        byteSize(Number(info.bytes)),
        isoTime(info.lastTimeUnixMicros),
        printable(info.policy?.pattern ?? "none any more"),
      ]
      : ["-", "-", "-", "-", "-"],
  ]);
  const [heading, ...lines] = columnLines(columns, rows, out.isTerminal ? out.columns : Infinity);
  out.write([styled("bold", heading, out), ...lines].map((line) => `${line}\n`).join(""));
}

/** Whether anything is kept of a topic, or would be. */
function isKept({ policy, lastSeq }: TopicInfo): boolean {
  return policy !== undefined || lastSeq > 0n;
}

/** A rate with as many digits as say something. */
function perSecond(rate: number): string {
  return rate >= 100 ? count(Math.round(rate)) : rate.toFixed(rate === 0 ? 0 : 1);
}

/** All pages of the list; `plain` are topics that are not kept, too. */
export async function allTopics(
  client: Client,
  pattern: string,
  plain = false,
): Promise<TopicInfo[]> {
  const topics: TopicInfo[] = [];
  for (let more = true; more;) {
    const request = { pattern, plain, after: topics.at(-1)?.topic ?? "" };
    const page = await callMethod(client, Topics.method.list, request);
    topics.push(...page.topics);
    more = page.more && page.topics.length > 0;
  }
  return topics;
}

async function topicInfo(topic: string, options: ServerOptions, { io }: CliContext) {
  const { info } = await withClient(
    options,
    io,
    (client) => callMethod(client, Topics.method.info, { topic }),
  );
  if (info === undefined) return;
  const out = io.stdout;
  if (options.json) return out.write(jsonLine(infoJson(info)));
  const { policy } = info;
  const kept = [
    ["kept", count(Number(info.events))],
    [
      "seq",
      info.events === 0n ? `none, last ${info.lastSeq}` : `${info.firstSeq} to ${info.lastSeq}`,
    ],
    ["size", byteSize(Number(info.bytes))],
    ["oldest", isoTime(info.firstTimeUnixMicros)],
    ["newest", isoTime(info.lastTimeUnixMicros)],
    ["policy", policy === undefined ? "none any more" : printable(policy.pattern)],
    ["keeps", policy === undefined ? "what is there" : boundsText(policy)],
  ];
  const { publishedEvents, publishedBytes, eventsPerSecond, bytesPerSecond } = info;
  const rows = [
    ["topic", printable(info.topic)],
    ["subscribers", count(Number(info.subscribers))],
    [
      "published",
      `${countOf(Number(publishedEvents), "event")}, ${byteSize(Number(publishedBytes))}`,
    ],
    ["rate", `${perSecond(eventsPerSecond)} events/s, ${byteSize(bytesPerSecond)}/s`],
    ...isKept(info) ? kept : [["kept", "nothing: no policy keeps it"]],
  ];
  for (const [label, value] of rows) {
    out.write(`${styled("dim", label.padEnd(13), out)}${value}\n`);
  }
}

/** How much a policy keeps, in words. */
export function boundsText({ maxEvents, maxAgeMs, maxBytes, forgetAfterMs }: KeepPolicy): string {
  const bounds = [
    ...(maxEvents > 0n ? [countOf(Number(maxEvents), "event")] : []),
    ...(maxAgeMs > 0n ? [age(Number(maxAgeMs))] : []),
    ...(maxBytes > 0n ? [byteSize(Number(maxBytes))] : []),
    ...(forgetAfterMs > 0n ? [`its name for ${age(Number(forgetAfterMs))} when it is empty`] : []),
  ];
  return bounds.join(", ") || "everything";
}

async function trimTopic(topic: string, options: TrimOptions, { io }: CliContext) {
  const { dropped, info } = await withClient(
    options,
    io,
    (client) =>
      callMethod(client, Topics.method.trim, { topic, beforeSeq: BigInt(options.before) }),
  );
  const left = Number(info?.events ?? 0n);
  io.stdout.write(
    options.json
      ? jsonLine({ topic, dropped: Number(dropped), ...(info === undefined ? {} : infoJson(info)) })
      : `dropped ${countOf(Number(dropped), "event")}, ${count(left)} left\n`,
  );
}

async function removeTopics(
  pattern: string,
  options: RemoveOptions,
  { io, outcome }: CliContext,
) {
  checkCanAsk("removing", options.yes, io);
  const result = { removed: 0, dropped: 0, kept: [] as string[] };
  const meant = await withClient(options, io, async (client) => {
    const meant = options.yes || await isMeant(await removeQuestion(client, pattern), io);
    if (!meant) return false;
    for (let more = true; more;) {
      const answer = await callMethod(client, Topics.method.remove, { pattern });
      result.removed += Number(answer.removed);
      result.dropped += Number(answer.dropped);
      result.kept = answer.kept;
      // When none of them goes, asking again would remove none either.
      more = answer.more && answer.removed > 0n;
    }
    return true;
  });
  if (!meant || result.kept.length > 0) outcome.exitCode = 1;
  if (!meant) return io.stderr.write("nothing was removed\n");
  if (options.json) return io.stdout.write(jsonLine({ pattern, ...result }));
  const { removed, dropped, kept } = result;
  io.stdout.write(`removed ${countOf(removed, "topic")} with ${countOf(dropped, "event")}\n`);
  for (const name of kept) io.stdout.write(`${printable(name)} stays: it is in use\n`);
}

async function removeQuestion(client: Client, pattern: string): Promise<string> {
  const topics = await allTopics(client, pattern);
  const events = topics.reduce((sum, topic) => sum + Number(topic.events), 0);
  return `remove ${countOf(topics.length, "topic")} with ${countOf(events, "event")} for good?`;
}

function infoJson(info: TopicInfo) {
  const { policy } = info;
  return {
    topic: info.topic,
    first_seq: Number(info.firstSeq),
    last_seq: Number(info.lastSeq),
    events: Number(info.events),
    bytes: Number(info.bytes),
    subscribers: Number(info.subscribers),
    published_events: Number(info.publishedEvents),
    published_bytes: Number(info.publishedBytes),
    events_per_second: info.eventsPerSecond,
    bytes_per_second: info.bytesPerSecond,
    oldest: info.firstTimeUnixMicros === 0n ? null : isoTime(info.firstTimeUnixMicros),
    newest: info.lastTimeUnixMicros === 0n ? null : isoTime(info.lastTimeUnixMicros),
    policy: policy === undefined ? null : {
      pattern: policy.pattern,
      max_events: Number(policy.maxEvents) || null,
      max_age_ms: Number(policy.maxAgeMs) || null,
      max_bytes: Number(policy.maxBytes) || null,
      forget_after_ms: Number(policy.forgetAfterMs) || null,
    },
  };
}

/** An age in the largest unit that says it exactly. */
function age(ms: number): string {
  const units: [number, string][] = [[86_400_000, "day"], [3_600_000, "hour"], [60_000, "minute"]];
  for (const [unit, name] of units) if (ms % unit === 0) return countOf(ms / unit, name);
  return `${count(ms / 1000)} s`;
}
