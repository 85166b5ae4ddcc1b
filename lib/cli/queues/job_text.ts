/**
 * Shows jobs: for a person at a terminal, as one line for a pipe, or as JSON.
 *
 * Nothing of a job reaches the output unescaped, whichever way it goes. `jobJson` gives what
 * `parley queue push --json-lines` takes.
 */
import { printable } from "../../base/printable.ts";
import type { JobDeath } from "../../client/queues/job_record.ts";
import { clockTime } from "../topics/event_text.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { payloadJson, payloadText } from "../terminal/payload_text.ts";
import { PayloadTypes } from "../terminal/payload_types.ts";
import { countOf } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";

/** What is shown of a job; the client library's JobRecord is one. */
export interface ShownJob {
  readonly queue: string;
  readonly id: bigint;
  readonly type: string;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly messageId: string;
  readonly priority: number;
  readonly key: string;
  readonly pushedAt: Date;
  readonly attempt: number;
  readonly redelivered: boolean;
  readonly topic: string;
  readonly death: JobDeath | null;
}

/** Where a job stands that was looked at: its state, and until when if that is known. */
interface JobPlace {
  readonly state: string;
  readonly until: Date | null;
}

/** How jobs are shown. */
interface JobView {
  /** For a person: several lines a job. */
  readonly lines: boolean;
  readonly colors: boolean;
  /** Payloads in full length. */
  readonly full: boolean;
  /** The types that are known. Default: Parley's own. */
  readonly types?: PayloadTypes;
}

/** The job with its line feed; `place` for one that was looked at and not delivered. */
export function jobText(job: ShownJob, view: JobView, place: JobPlace | null = null): string {
  const { bytes, why } = (view.types ?? PayloadTypes.OWN).shown(job.type, job.payload);
  const payload = payloadText(bytes, view);
  const reason = why === "" ? [] : [`(${printable(why)})`];
  const state = place === null ? [] : [placeText(place)];
  const deliveries = place === null
    ? `attempt ${job.attempt}${job.redelivered ? ", redelivered" : ""}`
    : deliveredText(job.attempt);
  if (!view.lines) {
    const more = moreOf(job);
    return [
      timeText(job.pushedAt),
      `#${job.id}`,
      ...state,
      printable(job.type) || "-",
      deliveries,
      ...(Object.keys(more).length === 0 ? [] : [jsonLine(more).trimEnd()]),
      payload,
      ...reason,
    ].join("  ") + "\n";
  }
  const style = (name: "bold" | "dim" | "cyan", text: string) => styled(name, text, view);
  const first = [
    style("dim", clockTime(BigInt(job.pushedAt.getTime()) * 1000n)),
    style("bold", `#${job.id}`),
    ...state,
    ...(job.type === "" ? [] : [style("cyan", printable(job.type))]),
    style("dim", deliveries),
  ].join("  ");
  const details = detailsOf(job).map((line) => style("dim", line));
  const body = job.payload.length === 0 ? [style("dim", "(empty)")] : payload.split("\n");
  const whole = [...details, ...body, ...reason.map((text) => style("dim", text))];
  return [first, ...whole.map((line) => `  ${line}`)].join("\n") + "\n";
}

/** The job as one line of JSON; `place` as above. */
export function jobJson(
  job: ShownJob,
  place: JobPlace | null = null,
  types = PayloadTypes.OWN,
): string {
  return jsonLine({
    time: timeText(job.pushedAt),
    queue: job.queue,
    id: Number(job.id),
    ...(place === null ? {} : { state: place.state }),
    ...(place === null || place.until === null ? {} : { until: timeText(place.until) }),
    ...(job.type === "" ? {} : { type: job.type }),
    attempt: job.attempt,
    ...(place === null ? { redelivered: job.redelivered } : {}),
    ...moreOf(job),
    ...payloadJson(job.payload),
    ...types.decoded(job.type, job.payload),
  });
}

/** Members that few jobs have. */
function moreOf({ death, ...job }: ShownJob): Record<string, unknown> {
  return {
    ...(job.priority === 0 ? {} : { priority: job.priority }),
    ...(job.key === "" ? {} : { key: job.key }),
    ...(job.topic === "" ? {} : { topic: job.topic }),
    ...(job.messageId === "" ? {} : { message_id: job.messageId }),
    ...(Object.keys(job.headers).length === 0 ? {} : { headers: job.headers }),
    ...(death === null ? {} : {
      death: {
        reason: death.reason,
        attempts: death.attempts,
        last_error: death.lastError,
        time: timeText(death.time),
        queue: death.queue,
        id: Number(death.id),
      },
    }),
  };
}

/** The details of a job for a person, one line each. */
function detailsOf(job: ShownJob): string[] {
  const told = [
    ...(job.death === null ? [] : [["died", deathText(job.death)]]),
    ...(job.priority === 0 ? [] : [["priority", String(job.priority)]]),
    ...(job.key === "" ? [] : [["key", job.key]]),
    ...(job.topic === "" ? [] : [["topic", job.topic]]),
    ...(job.messageId === "" ? [] : [["message id", job.messageId]]),
    ...Object.entries(job.headers),
  ];
  return told.map(([name, value]) => `${printable(name)}: ${printable(value)}`);
}

function deathText({ reason, attempts, lastError, queue, id, time }: JobDeath): string {
  const why = reason === "rejected"
    ? "rejected"
    : `given up after ${countOf(attempts, "delivery", "deliveries")}`;
  const error = lastError === "" ? "" : `: ${lastError}`;
  return `${why} at ${timeText(time)}, was #${id} of ${queue}${error}`;
}

function deliveredText(times: number): string {
  return times === 0 ? "never delivered" : `delivered ${times === 1 ? "once" : `${times} times`}`;
}

function placeText({ state, until }: JobPlace): string {
  return until === null ? printable(state) : `${printable(state)} until ${timeText(until)}`;
}

function timeText(time: Date): string {
  return Number.isNaN(time.getTime()) ? "-" : time.toISOString();
}
