/**
 * The records that request_table keeps, and the lists that link them: by deadline, by who asked and by
 * who answers.
 *
 * The links are fields of the records, so that a call costs one object, and leaving any list costs the same
 * wherever it stands. Invariant: a record is in a list exactly while its links there are set by it; only
 * request_table moves them. Non-goal: order; lists are in the order of entering, from the newest on.
 */

import type { RequestId } from "../../base/request_id.ts";

/** The span of a call, as far as it is told here. */
interface CallSpan {
  end(failure?: string): void;
}

/** One call under way. */
export class CallRecord<O> {
  // Links; only the lists of this file touch them.
  nextDue: CallRecord<O> | null = null;
  previousDue: CallRecord<O> | null = null;
  dueSlot = 0;
  nextAsked: CallRecord<O> | null = null;
  previousAsked: CallRecord<O> | null = null;
  nextAnswered: CallRecord<O> | null = null;
  previousAnswered: CallRecord<O> | null = null;

  /** When the caller is told that it took too long, in monotonic milliseconds. Only request_table writes it. */
  deadlineMs = 0;
  /** When it was asked, in monotonic milliseconds. */
  askedMs = 0;
  /** Where calls of its method are counted; null where nobody does. */
  counts: object | null = null;
  /** Told how the call ended, when it is traced. */
  span: CallSpan | null = null;

  constructor(
    /** The server's id of the call: what the responder answers to. */
    readonly id: number,
    /** Who asked. */
    readonly caller: CallEndpoint<O>,
    /** The caller's own id of the call; 0 when it wants no answer. */
    readonly callerId: RequestId,
    /** Who is to answer. */
    readonly responder: CallEndpoint<O>,
  ) {}
}

/** One connection as the calls see it: what it asked, and what it is to answer. */
export class CallEndpoint<O> {
  /** The newest call that it asked. Only request_table writes it. */
  asked: CallRecord<O> | null = null;
  /** The newest call that it is to answer. Only request_table writes it. */
  answering: CallRecord<O> | null = null;
  /** How many calls it asked that are under way. Only request_table writes it. */
  askedCount = 0;
  /** How many calls it has in hand: its load. Only request_table writes it. */
  answeringCount = 0;
  /** The calls it asked, by its own ids; null until the first. Only request_table writes it. */
  byCallerId: Map<RequestId, CallRecord<O>> | null = null;

  constructor(
    /** The connection. */
    readonly owner: O,
    /** Whether it stands for all connections of another node: it is asked last, and may ask any number of calls. */
    readonly isNode = false,
  ) {}
}

/** Puts `record` into the lists of its two endpoints. */
export function linkEndpoints<O>(record: CallRecord<O>): void {
  const { caller, responder } = record;
  record.nextAsked = caller.asked;
  if (caller.asked !== null) caller.asked.previousAsked = record;
  caller.asked = record;
  caller.askedCount++;
  record.nextAnswered = responder.answering;
  if (responder.answering !== null) responder.answering.previousAnswered = record;
  responder.answering = record;
  responder.answeringCount++;
}

/** Takes `record` out of the lists of its two endpoints. */
export function unlinkEndpoints<O>(record: CallRecord<O>): void {
  const { caller, responder } = record;
  if (record.previousAsked === null) caller.asked = record.nextAsked;
  else record.previousAsked.nextAsked = record.nextAsked;
  if (record.nextAsked !== null) record.nextAsked.previousAsked = record.previousAsked;
  caller.askedCount--;
  if (record.previousAnswered === null) responder.answering = record.nextAnswered;
  else record.previousAnswered.nextAnswered = record.nextAnswered;
  if (record.nextAnswered !== null) record.nextAnswered.previousAnswered = record.previousAnswered;
  responder.answeringCount--;
  record.nextAsked = record.previousAsked = null;
  record.nextAnswered = record.previousAnswered = null;
}
