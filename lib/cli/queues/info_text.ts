/**
 * What is known of a queue, as rows for people and as JSON. Pure: times of now are arguments.
 *
 * Names come from others and are escaped here.
 */
import { printable } from "../../base/printable.ts";
import type { QueueInfo, QueueSettings } from "../../client/mod.ts";
import { byteSize, count, countOf } from "../terminal/summary.ts";

/** The rows of `queue info`: a label and a value each. */
export function infoRows(info: QueueInfo, nowMs: number): (readonly [string, string])[] {
  const { oldest, settings } = info;
  const { maxDeliveries, backoffMinMs, backoffMaxMs, bind } = settings;
  const sinceStart = [
    `${count(info.pushed)} pushed`,
    `${count(info.done)} done`,
    `${count(info.redelivered)} delivered again`,
  ];
  const often = maxDeliveries === 0 ? "without a limit" : `at most ${times(maxDeliveries)}`;
  const full = settings.whenFull === "drop_oldest" ? "drops the oldest" : "refuses more";
  return [
    ["queue", printable(info.name)],
    ["state", info.paused ? "paused: takes jobs, hands none out" : "hands out jobs"],
    ["ready", count(info.ready)],
    ["delayed", count(info.delayed)],
    ["leased", count(info.leased)],
    ["blocked", count(info.blocked)],
    ...rowsIf(!info.name.endsWith(".dead"), "dead", count(info.dead)),
    ["size", byteSize(info.bytes)],
    [
      "oldest",
      oldest === null ? "-" : `${ageText(oldest, nowMs)} ago, ${oldest.toISOString()}`,
    ],
    ["consumers", count(info.consumers)],
    ["so far", `${sinceStart.join(", ")} since the server started`],
    ["lease", durationText(settings.leaseMs)],
    ["delivers", `${often}, again after ${span(backoffMinMs, backoffMaxMs)}`],
    [
      "holds",
      settings.maxJobs === 0
        ? "what comes, without a limit"
        : `at most ${countOf(settings.maxJobs, "job")} and ${
          byteSize(settings.maxBytes)
        }, then ${full}`,
    ],
    ["ordered", settings.ordered ? "jobs of one key run one after the other" : "no"],
    ...rowsIf(bind.length > 0, "bound to", bind.map((each) => printable(each)).join(" ")),
  ];
}

function rowsIf(condition: boolean, label: string, value: string): (readonly [string, string])[] {
  return condition ? [[label, value]] : [];
}

function times(value: number): string {
  return value === 1 ? "once" : `${count(value)} times`;
}

function span(leastMs: number, mostMs: number): string {
  return leastMs === mostMs
    ? durationText(leastMs)
    : `${durationText(leastMs)}, doubling to ${durationText(mostMs)}`;
}

/** What is known of a queue, for a line of JSON. */
export function infoJson(info: QueueInfo) {
  return {
    queue: info.name,
    ready: info.ready,
    delayed: info.delayed,
    leased: info.leased,
    blocked: info.blocked,
    dead: info.dead,
    bytes: info.bytes,
    oldest: info.oldest?.toISOString() ?? null,
    consumers: info.consumers,
    paused: info.paused,
    pushed: info.pushed,
    done: info.done,
    redelivered: info.redelivered,
    settings: settingsJson(info.settings),
  };
}

function settingsJson(settings: QueueSettings) {
  return {
    lease_ms: settings.leaseMs,
    max_deliveries: settings.maxDeliveries || null,
    max_jobs: settings.maxJobs || null,
    max_bytes: settings.maxBytes || null,
    when_full: settings.whenFull.replace("_", "-"),
    ordered: settings.ordered,
    bind: settings.bind,
    backoff_min_ms: settings.backoffMinMs,
    backoff_max_ms: settings.backoffMaxMs,
  };
}

/** How long ago a time was: `35 s`, `12 min`; `-` when there is none. */
export function ageText(time: Date | null, nowMs: number): string {
  if (time === null) return "-";
  const seconds = Math.max(0, (nowMs - time.getTime()) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return countOf(Math.floor(seconds / 86_400), "day");
}

/** A time that somebody set, in the largest unit that says it exactly: `1500 ms`, `30 s`, `5 min`. */
export function durationText(ms: number): string {
  const units = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1000, "s"]] as const;
  for (const [unit, name] of units) if (ms > 0 && ms % unit === 0) return `${ms / unit} ${name}`;
  return `${ms} ms`;
}
