/**
 * What a program says when it pushes a job, checked and in bytes.
 */
import { invalidArgument } from "../program_error.ts";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { checkHeaders, payloadBytes } from "../arguments.ts";
import { encodeRequest } from "../connection/requests.ts";
import { checkText } from "../connection/well_formed.ts";
import type { RequestOptions } from "../settings.ts";

/** The options of `push`. */
export interface PushOptions extends RequestOptions {
  /** The full protobuf name of the payload, or any name that its readers agree on. */
  type?: string;
  /** Passed through as they are. */
  headers?: Record<string, string>;
  /** A job whose `messageId` was seen in its queue a short while ago is not queued again. */
  messageId?: string;
  /** From 0, which is usual, to 9; higher ones are handed out first. */
  priority?: number;
  /** In an ordered queue, jobs of one key run one after the other, in the order of their pushes. */
  key?: string;
  /** The job is not handed out before so many milliseconds have passed. Only one of this and `runAt`. */
  delayMs?: number;
  /** The job is not handed out before that time; one that has passed means at once. */
  runAt?: Date;
}

/** What the server said of a push. */
export interface PushAck {
  /** The number of the job in its queue. */
  readonly id: bigint;
  /** How safe the job is. */
  readonly level: AckLevel;
  /** Whether a job with this `messageId` was there already, with this id: it was not queued again. */
  readonly duplicate: boolean;
}

const MAX_PRIORITY = 9;

/** Encodes a push. Raises INVALID_ARGUMENT for what cannot be pushed. */
export function encodePush(
  queue: string,
  data: Uint8Array | string,
  options: PushOptions,
): Uint8Array {
  const { type = "", headers = {}, messageId = "", priority = 0, key = "" } = options;
  checkText(queue, "push to a queue named by");
  if (!Number.isInteger(priority) || priority < 0 || priority > MAX_PRIORITY) {
    throw invalidArgument(`cannot push to "${queue}" with priority ${priority}`, {
      accepted: `a whole number from 0 to ${MAX_PRIORITY}`,
    });
  }
  checkHeaders(headers, "push");
  const payload = payloadBytes(data, "push");
  const when = timeOf(queue, options);
  const value = { queue, payload, type, headers, messageId, priority, key, ...when };
  return encodeRequest({ case: "job", value });
}

function timeOf(
  queue: string,
  { delayMs, runAt }: PushOptions,
): { delayMs?: bigint; runAtUnixMicros?: bigint } {
  if (delayMs !== undefined && runAt !== undefined) {
    throw invalidArgument(`cannot push to "${queue}" with both delayMs and runAt`, {
      accepted: "one of the two",
    });
  }
  if (delayMs !== undefined) {
    if (delayMs >= 0 && delayMs <= Number.MAX_SAFE_INTEGER) {
      return { delayMs: BigInt(Math.ceil(delayMs)) };
    }
    throw invalidArgument(`cannot push to "${queue}" with delayMs ${delayMs}`, {
      accepted: "a number of milliseconds from 0",
    });
  }
  if (runAt === undefined) return {};
  const ms = runAt.getTime();
  if (Number.isNaN(ms)) {
    throw invalidArgument(`cannot push to "${queue}" with a runAt that is no time`, {
      accepted: "a valid Date",
    });
  }
  return { runAtUnixMicros: BigInt(Math.max(0, ms)) * 1000n };
}
