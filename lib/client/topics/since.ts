/**
 * Where in the history of kept topics a subscription begins, as programs say it and as the wire does.
 *
 * Ages are turned into times once, when the subscription is made: it begins at the same place however
 * often it is asked for anew.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { invalidArgument } from "../program_error.ts";
import type { StartSchema } from "../../gen/parley/v1/event_pb.ts";

/**
 * Where a subscription begins: with the first event there is (`all`), with what is published from now on
 * (`new`), with a seq (for a pattern without wildcards), with the first event that is not older than a time
 * (a Date, microseconds since 1970 as a bigint, or an age in milliseconds as a number), or with the last so
 * many events of each topic.
 */
export type Since =
  | "all"
  | "new"
  | { readonly seq: number | bigint }
  | { readonly time: Date | bigint | number }
  | { readonly last: number };

/** The wire's form: Start.since, whose absence is "new". */
export type StartSince = NonNullable<MessageInitShape<typeof StartSchema>["since"]>;

/** Begins with what is new. */
export const FROM_NEW: StartSince = Object.freeze({ case: undefined });
/** Begins with the first event there is. */
export const FROM_ALL: StartSince = Object.freeze({ case: "all", value: true });

const MAX_LAST = 0xffffffff;

/** The wire's form of `since`; `nowMs` is the wall clock. Raises INVALID_ARGUMENT for what is none. */
export function startSince(since: Since, nowMs: number): StartSince {
  if (since === "new") return FROM_NEW;
  if (since === "all") return FROM_ALL;
  if (typeof since === "object" && since !== null) {
    if ("seq" in since) return { case: "seq", value: checkedSeq(since.seq) };
    if ("last" in since) return { case: "last", value: checkedLast(since.last) };
    if ("time" in since) return { case: "timeUnixMicros", value: microsOf(since.time, nowMs) };
  }
  throw refused(String(since), '"all", "new", { seq }, { time } or { last }');
}

function checkedSeq(seq: number | bigint): bigint {
  const isWhole = typeof seq === "bigint" || Number.isSafeInteger(seq);
  if (isWhole && seq >= 0 && seq <= Number.MAX_SAFE_INTEGER) return BigInt(seq);
  throw refused(`seq ${seq}`, "a whole number from 0");
}

function checkedLast(last: number): number {
  if (Number.isInteger(last) && last >= 1 && last <= MAX_LAST) return last;
  throw refused(`last ${last}`, `a whole number from 1 to ${MAX_LAST}`);
}

function microsOf(time: Date | bigint | number, nowMs: number): bigint {
  if (typeof time === "bigint" && time >= 0n) return time;
  const ms = time instanceof Date ? time.getTime() : typeof time === "number" ? nowMs - time : NaN;
  const isAge = typeof time !== "number" || time >= 0;
  // Older than 1970 is older than everything.
  if (isAge && (Number.isFinite(ms) || time === Infinity)) {
    return BigInt(Math.floor(Math.max(0, ms))) * 1000n;
  }
  throw refused(`time ${time}`, "a Date, microseconds since 1970 as a bigint, or an age in ms");
}

function refused(what: string, accepted: string): Error {
  return invalidArgument(`cannot begin a subscription at ${what}`, { accepted });
}
