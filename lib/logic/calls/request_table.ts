/**
 * The calls under way: who asked, who is to answer, and until when.
 *
 * Invariants: a call ends once, by `take`, `cancel`, `expire` or `removeEndpoint`, and is gone from every list
 * when its ending is told; an answer counts only when it comes from the responder that has the call; ids
 * are never used again. Asking, finding and ending cost the same however many calls there are, and a call
 * allocates its one record. Callbacks may ask and end other calls.
 * Non-goals: choosing a responder (method_table), messages, and the clock: time is an argument.
 */
import { assert, ErrorCode, ParleyError } from "../../base/errors.ts";
import { CallEndpoint, CallRecord, linkEndpoints, unlinkEndpoints } from "./call_lists.ts";
import { DeadlineWheel } from "./deadline_wheel.ts";
import type { RequestId } from "../../base/request_id.ts";

export { CallEndpoint, CallRecord } from "./call_lists.ts";

/** The bounds of a request table, which are looked at whenever they matter. */
interface RequestTableOptions {
  /** Calls under way in all. Default: 262,144. */
  readonly maxCalls?: number;
  /** Calls under way that one connection asked. Default: 4,096. */
  readonly maxCallsPerCaller?: number;
}

const FIRST_PLACES = 1024;

/** The calls under way of one server. */
export class RequestTable<O> {
  readonly #options: RequestTableOptions;
  readonly #deadlines = new DeadlineWheel<O>();
  /** A call stands at the low bits of its id. At most half is in use, so a free place is near. */
  #places = new Array<CallRecord<O> | null>(FIRST_PLACES).fill(null);
  #nextId = 1;
  #size = 0;

  constructor(options: RequestTableOptions = {}) {
    this.#options = options;
  }

  /** How many calls are under way. */
  get size(): number {
    return this.#size;
  }

  /**
   * Enters a call that `responder` is to answer until `deadlineMs`, monotonic. `callerId` is the caller's
   * own id of it, 0 when it wants no answer. Raises RESOURCE_EXHAUSTED when there are too many calls, and
   * ALREADY_EXISTS when the caller has one under way with this id.
   */
  ask(
    caller: CallEndpoint<O>,
    callerId: RequestId,
    responder: CallEndpoint<O>,
    deadlineMs: number,
  ): CallRecord<O> {
    assert(Number.isFinite(deadlineMs), "a call has a deadline");
    this.#checkRoom(caller, callerId);
    if (2 * (this.#size + 1) > this.#places.length) this.#grow();
    const record = new CallRecord(this.#freeId(), caller, callerId, responder);
    record.deadlineMs = deadlineMs;
    this.#places[this.#placeOf(record.id)] = record;
    this.#size++;
    if (callerId !== 0) (caller.byCallerId ??= new Map()).set(callerId, record);
    linkEndpoints(record);
    this.#deadlines.add(record);
    return record;
  }

  /** The call with this id of the server's, or null: any number may be asked for. */
  get(id: RequestId): CallRecord<O> | null {
    // Ids of the server's own are numbers.
    if (typeof id !== "number") return null;
    const record = this.#places[this.#placeOf(id)];
    return record !== null && record.id === id ? record : null;
  }

  /**
   * The places of calls one by one, null for one that is free, so that others may have their turn in between. Calls that
   * begin meanwhile may be left out; one that has ended by then is.
   */
  *places(): Generator<CallRecord<O> | null> {
    for (const record of this.#places) {
      yield record !== null && this.get(record.id) === record ? record : null;
    }
  }

  /** Ends the call that `responder` answers and gives it; null when it has no such call, or no longer. */
  take(id: RequestId, responder: CallEndpoint<O>): CallRecord<O> | null {
    const record = this.get(id);
    if (record === null || record.responder !== responder) return null;
    this.#end(record);
    return record;
  }

  /** Ends the call that `caller` gives up and gives it; null when it has none with this id of its own. */
  cancel(caller: CallEndpoint<O>, callerId: RequestId): CallRecord<O> | null {
    const record = caller.byCallerId?.get(callerId) ?? null;
    if (record !== null) this.#end(record);
    return record;
  }

  /** Ends the calls whose deadline is at or before `nowMs`, tells each, and gives how many there were. */
  expire(nowMs: number, expired: (record: CallRecord<O>) => void): number {
    const due = this.#deadlines.takeDue(nowMs);
    if (due === null) return 0;
    for (const record of due) this.#forget(record);
    for (const record of due) expired(record);
    return due.length;
  }

  /**
   * Ends all calls of a connection that is gone: tells `asked` of those it asked, which nobody waits for
   * any more, and `answering` of those that it leaves unanswered. A call to itself counts as asked.
   */
  removeEndpoint(
    endpoint: CallEndpoint<O>,
    asked: (record: CallRecord<O>) => void,
    answering: (record: CallRecord<O>) => void,
  ): void {
    const ended: CallRecord<O>[] = [];
    while (endpoint.asked !== null) ended.push(this.#end(endpoint.asked));
    while (endpoint.answering !== null) ended.push(this.#end(endpoint.answering));
    for (const record of ended) {
      if (record.caller === endpoint) asked(record);
      else answering(record);
    }
  }

  #checkRoom(caller: CallEndpoint<O>, callerId: RequestId): void {
    const { maxCalls = 262_144, maxCallsPerCaller = 4096 } = this.#options;
    if (this.#size >= maxCalls) {
      throw exhausted(`the server has ${this.#size} calls under way`, maxCalls);
    }
    if (!caller.isNode && caller.askedCount >= maxCallsPerCaller) {
      const reason = `this connection has ${caller.askedCount} calls under way`;
      throw exhausted(reason, maxCallsPerCaller);
    }
    if (callerId !== 0 && caller.byCallerId?.has(callerId)) {
      throw new ParleyError(
        ErrorCode.ALREADY_EXISTS,
        `cannot call with id ${callerId}: this connection has a call with that id under way`,
        { accepted: "an id that no call of this connection has now" },
      );
    }
  }

  #end(record: CallRecord<O>): CallRecord<O> {
    this.#deadlines.remove(record);
    this.#forget(record);
    return record;
  }

  /** Takes `record` out of everything but the deadlines. */
  #forget(record: CallRecord<O>): void {
    this.#places[this.#placeOf(record.id)] = null;
    this.#size--;
    if (record.callerId !== 0) record.caller.byCallerId?.delete(record.callerId);
    unlinkEndpoints(record);
  }

  /** The next id whose place is free. Long calls are stepped over at most once in a round of ids. */
  #freeId(): number {
    while (this.#places[this.#placeOf(this.#nextId)] !== null) this.#nextId++;
    return this.#nextId++;
  }

  #placeOf(id: number): number {
    // `&` takes any number modulo 2³², which keeps the low bits of every id there can be.
    return id & (this.#places.length - 1);
  }

  #grow(): void {
    const former = this.#places;
    this.#places = new Array<CallRecord<O> | null>(2 * former.length).fill(null);
    // Ids that differed in fewer low bits differ in more of them.
    for (const record of former) {
      if (record !== null) this.#places[this.#placeOf(record.id)] = record;
    }
  }
}

function exhausted(reason: string, most: number): ParleyError {
  return new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, `cannot call: ${reason}`, {
    accepted: `at most ${most} calls under way`,
    limit: "calls",
    retryable: true,
  });
}
