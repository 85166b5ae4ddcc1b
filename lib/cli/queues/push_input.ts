/**
 * What `parley queue push` pushes: the jobs that options and lines of JSON stand for.
 *
 * Pure. A line that is wrong raises with what would be accepted; the caller adds which line it was.
 */
import { InvalidArgumentError } from "commander";
import {
  checkKeys,
  type Fields,
  fieldsOf,
  headersOf,
  PAYLOAD_KEYS,
  payloadOf,
  textOf,
  wholeNumberOf,
} from "../terminal/json_fields.ts";
import { momentOf } from "../terminal/moment.ts";

/** A job to be pushed. */
export interface PushedJob {
  readonly queue: string;
  readonly payload: Uint8Array | string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly messageId: string;
  readonly priority: number;
  readonly key: string;
  /** Not handed out before so many milliseconds have passed. Not together with `runAt`. */
  readonly delayMs?: number;
  /** Not handed out before this moment. */
  readonly runAt?: Date;
}

/** The most that a job can wait before it is handed out. */
export const MAX_DELAY_MS = 366 * 86_400_000;
/** The highest priority. */
export const MAX_PRIORITY = 9;

const KEYS = [
  ...["queue", "type", "headers", "message_id", "priority", "key", "delay_ms", "run_at"],
  ...PAYLOAD_KEYS,
];
/**
 * What `queue pull --json` and `queue peek --json` add and only the server may set: passed over, so that their
 * lines can be pushed.
 */
const STAMPS = [
  "time",
  "id",
  "state",
  "until",
  "attempt",
  "redelivered",
  "topic",
  "death",
  "decoded",
  "decode_error",
];
const EXAMPLE = '{"queue": "emails", "payload": "text"}';

/**
 * Reads a line of JSON; what it does not say comes from `defaults`, headers one by one. A queue in `defaults` is
 * stronger: what was pulled from one queue says so, and is most often meant for another.
 */
export function parseJob(line: Uint8Array, defaults: PushedJob): PushedJob {
  const fields = fieldsOf(line, EXAMPLE);
  checkKeys(fields, KEYS, STAMPS);
  const named = textOf(fields, "queue") ?? "";
  const queue = defaults.queue === "" ? named : defaults.queue;
  if (queue === "") throw new Error('it has no "queue", and none was given as an argument');
  return {
    queue,
    type: textOf(fields, "type") ?? defaults.type,
    payload: payloadOf(fields),
    headers: { ...defaults.headers, ...headersOf(fields.headers) },
    messageId: textOf(fields, "message_id") ?? defaults.messageId,
    priority: wholeNumberOf(fields, "priority", 0, MAX_PRIORITY) ?? defaults.priority,
    key: textOf(fields, "key") ?? defaults.key,
    ...whenOf(fields, defaults),
  };
}

/** A line that says when stands above the options, as a whole. */
function whenOf(fields: Fields, defaults: PushedJob): Pick<PushedJob, "delayMs" | "runAt"> {
  const delayMs = wholeNumberOf(fields, "delay_ms", 0, MAX_DELAY_MS);
  const text = textOf(fields, "run_at");
  if (delayMs !== undefined && text !== undefined) {
    throw new Error("it has both delay_ms and run_at; accepted: one of them");
  }
  if (delayMs === undefined && text === undefined) {
    return { delayMs: defaults.delayMs, runAt: defaults.runAt };
  }
  if (text === undefined) return { delayMs };
  const runAt = momentOf(text);
  if (runAt === null) throw new Error('"run_at" must be a moment like 2026-01-20T15:48:41Z');
  return { runAt };
}

/** Reads when a job is to be done, like `2026-01-20T15:00`: the time here, unless it says another zone. */
export function moment(text: string): Date {
  const value = momentOf(text);
  if (value !== null) return value;
  throw new InvalidArgumentError(
    "It must be a day or moment of the calendar like 2026-01-20T15:00 (local time), or 2026-01-20T15:00:00Z for UTC.",
  );
}
