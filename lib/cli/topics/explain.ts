/**
 * `parley explain TOPIC`: what becomes of an event on a topic of a running server. Exit code 1 when whoever asks, or the
 * user that is asked about, may not publish there.
 */
import { printable } from "../../base/printable.ts";
import { callMethod } from "../../client/mod.ts";
import {
  type ExplainTopicResponse,
  type MatchingSubscription,
  Topics,
} from "../../gen/parley/v1/topic_pb.ts";
import { type CliContext, type ServerOptions, withClient } from "../command.ts";
import type { Output } from "../io.ts";
import { originJson, originText } from "../server/policy_origin.ts";
import { columnLines } from "../terminal/columns.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { byteSize, count, countOf } from "../terminal/summary.ts";
import { styled, terminalText } from "../terminal/terminal_text.ts";
import { boundsText } from "./kept.ts";

interface TopicOptions extends ServerOptions {
  readonly of?: string;
  readonly type?: string;
}

/** Asks the server, and prints what it says. */
export async function explainTopic(
  topic: string,
  { of: user = "", type = "", ...options }: TopicOptions,
  { io, outcome }: CliContext,
): Promise<void> {
  const found = await withClient(
    options,
    io,
    (client) => callMethod(client, Topics.method.explain, { topic, type, user }),
  );
  if (found.publish?.allowed !== true) outcome.exitCode = 1;
  const out = io.stdout;
  if (options.json) return void out.write(jsonLine(explanationJson(topic, found)));
  for (const [label, text] of rowsOf(found)) {
    out.write(`${styled("dim", label.padEnd(13), out)}${terminalText(text, out)}\n`);
  }
  if (found.subscriptions.length > 0) out.write(`\n${subscriptionLines(found, out)}`);
}

function rowsOf(found: ExplainTopicResponse): [label: string, text: string][] {
  const { matching, receivers, denied } = found;
  const refused = denied === 0n ? "" : `; ${count(Number(denied))} may not read it`;
  return [
    ["publishing", found.publish?.why ?? ""],
    ["reading", found.subscribe?.why ?? ""],
    [
      "receivers",
      `${count(Number(receivers))}, by ${countOf(Number(matching), "subscription")}${refused}`,
    ],
    ...keptRows(found),
    ["queues", found.queues.join(", ") || "none takes a copy"],
    ["type", typeText(found)],
  ];
}

function keptRows({ info }: ExplainTopicResponse): [label: string, text: string][] {
  if (info === undefined) return [["kept", "no: no policy is for it"]];
  const { policy } = info;
  const holds = `${countOf(Number(info.events), "event")}, ${
    byteSize(Number(info.bytes))
  }, last seq ${info.lastSeq}`;
  if (policy === undefined) {
    return [["kept", "no: no policy is for it any more; what is there stays"], ["holds", holds]];
  }
  return [
    ["kept", `${boundsText(policy)}, by the policy ${policy.pattern} (${originText(policy)})`],
    ["holds", holds],
  ];
}

function typeText({ checkedType, checkRejects, checkedTypeKnown }: ExplainTopicResponse): string {
  if (checkedType === "") return "none is checked";
  const known = checkedTypeKnown ? "" : ", which the server does not know";
  return `${checkedType}${known}: what is none is ${
    checkRejects ? "refused" : "taken, with a line in the log"
  }`;
}

function subscriptionLines(found: ExplainTopicResponse, out: Output): string {
  const columns = [
    ...["session", "user", "pattern", "type", "group"].map((title) => ({ title })),
    { title: "waiting", side: "right" as const },
    { title: "" },
  ];
  const rows = found.subscriptions.map((one) => [
    ...[one.sessionId, one.user, one.pattern, one.type, one.group].map((text) => printable(text)),
    count(Number(one.outboxBytes)),
    noteOf(one),
  ]);
  const width = out.isTerminal ? out.columns : Infinity;
  const [heading, ...lines] = columnLines(columns, rows, width);
  const left = found.matching - BigInt(found.subscriptions.length);
  const more = left > 0n ? [`and ${count(Number(left))} more`] : [];
  return [styled("bold", heading, out), ...lines, ...more].map((line) => `${line}\n`).join("");
}

function noteOf({ denied, readsHistory }: MatchingSubscription): string {
  return denied ? "may not read it" : readsHistory ? "reads the history" : "";
}

function explanationJson(topic: string, found: ExplainTopicResponse) {
  const { info, publish, subscribe } = found;
  const policy = info?.policy;
  return {
    topic,
    publish: { allowed: publish?.allowed === true, why: publish?.why ?? "" },
    subscribe: { allowed: subscribe?.allowed === true, why: subscribe?.why ?? "" },
    receivers: Number(found.receivers),
    matching: Number(found.matching),
    denied: Number(found.denied),
    subscriptions: found.subscriptions.map((one) => ({
      session: one.sessionId,
      user: one.user,
      pattern: one.pattern,
      type: one.type,
      group: one.group,
      denied: one.denied,
      reads_history: one.readsHistory,
      outbox_bytes: Number(one.outboxBytes),
    })),
    kept: info === undefined ? null : {
      events: Number(info.events),
      bytes: Number(info.bytes),
      last_seq: Number(info.lastSeq),
      policy: policy === undefined ? null : {
        pattern: policy.pattern,
        max_events: Number(policy.maxEvents) || null,
        max_age_ms: Number(policy.maxAgeMs) || null,
        max_bytes: Number(policy.maxBytes) || null,
        ...originJson(policy),
      },
    },
    queues: found.queues,
    type: found.checkedType === "" ? null : {
      name: found.checkedType,
      check: found.checkRejects ? "reject" : "warn",
      known: found.checkedTypeKnown,
    },
  };
}
