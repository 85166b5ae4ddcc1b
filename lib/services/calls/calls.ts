/**
 * Services of one server: which connection answers a method, and the way of a call and of its answer.
 *
 * Invariants: a call comes back exactly once, as an Answer or an Error; one that nobody serves is refused
 * at once; an answer counts only from the connection that was given the call, and only until the deadline.
 * Calls and answers are handed on as bytes. Methods that begin with `parley.` are the server's own.
 */
import { BucketCounts, TIME_BOUNDS_MS } from "../../ports/bucket_counts.ts";
import { guard } from "../../base/defects.ts";
import { assert, ErrorCode, ParleyError } from "../../base/errors.ts";
import { type CallRecord, RequestTable } from "../../logic/calls/request_table.ts";
import { MethodTable } from "../../logic/calls/method_table.ts";
import type { CallEndpoint } from "../../logic/calls/call_lists.ts";
import type { Entry } from "../../ports/entry.ts";
import { putVarint53, varintSize } from "../../wire/varint.ts";
import { copyBytes } from "../../wire/frame_writer.ts";
import { ID_TAG } from "../../wire/message_scan.ts";
import { countRefusal } from "../connection/counters.ts";
import { errorReply } from "../connection/reply.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { RequestId } from "../../base/request_id.ts";
import { type CallEnd, countsOfMethod, knownCountsOf } from "./method_counts.ts";
import { callsOf, knownCallsOf } from "./peer_calls.ts";
import { MAX_ID_BYTES, putId } from "../../wire/request_id.ts";

/** Methods with this beginning cannot be registered. */
export const OWN_METHODS = "parley.";
/** The time between two looks at the deadlines of the calls under way. */
const EXPIRE_INTERVAL_MS = 10;

/** The calls under way, and who answers what. */
export class Calls {
  /** How the calls that are over have ended: answered, answered with an error, or not at all. */
  readonly ended: Record<CallEnd, number> = {
    answered: 0,
    failed: 0,
    expired: 0,
    cancelled: 0,
    abandoned: 0,
  };
  /** The time from each call to its answer, in milliseconds. */
  readonly durationsMs = new BucketCounts(TIME_BOUNDS_MS);
  readonly methods: MethodTable<CallEndpoint<Peer>>;
  readonly #requests: RequestTable<Peer>;
  readonly #context: ServerContext;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(context: ServerContext) {
    this.#context = context;
    const { limits } = context;
    this.methods = new MethodTable({
      get maxMethodsPerResponder() {
        return limits.maxMethodsPerConnection;
      },
    });
    this.#requests = new RequestTable({
      get maxCalls() {
        return limits.maxCalls;
      },
      get maxCallsPerCaller() {
        return limits.maxCallsPerConnection;
      },
    });
  }

  /** The number of calls under way. */
  get size(): number {
    return this.#requests.size;
  }

  /** The calls under way one by one, with nulls in between at which others may have their turn. */
  underWay(): Iterable<CallRecord<Peer> | null> {
    return this.#requests.places();
  }

  /**
   * Enters a call of `caller` under its own id, 0 for none, and gives its record. Raises UNAVAILABLE when
   * nobody answers the method or its responders are overloaded, and the errors of RequestTable.ask.
   */
  ask(
    caller: Peer,
    callerId: RequestId,
    method: string,
    timeoutMs: number,
  ): CallRecord<Peer> {
    // What a node hands on was to be answered here: from node to node to node it would never end.
    const responder = this.methods.pick(method, caller.isNode);
    if (responder === null) {
      throw new ParleyError(
        ErrorCode.UNAVAILABLE,
        `cannot call "${method}": nobody answers it now`,
        { accepted: "a method that a connection has registered" },
      );
    }
    const { limits, budget, clock } = this.#context;
    if (responder.owner.outbox.size > Math.min(limits.maxOutboxBytes, budget.thresholdBytes)) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot call "${method}": the one who answers does not keep up`,
        { retryable: true },
      );
    }
    const nowMs = clock.monotonicMs();
    const { endpoint } = callsOf(caller);
    const record = this.#requests.ask(endpoint, callerId, responder, nowMs + timeoutMs);
    record.askedMs = nowMs;
    const offered = this.methods.find(method);
    if (offered !== null) {
      const counts = countsOfMethod(offered);
      counts.underWay++;
      record.counts = counts;
    }
    record.span = this.#context.takeSpan();
    this.#arm();
    return record;
  }

  /** Ends the call that `responder` answers, `failed` with an error; null when it has no such call, or no longer. */
  take(id: RequestId, responder: Peer, failed: boolean): CallRecord<Peer> | null {
    const record = this.#requests.take(id, callsOf(responder).endpoint);
    if (record === null) return null;
    record.span?.end(failed ? "it was answered with an error" : undefined);
    this.#count(record, failed ? "failed" : "answered");
    // What is read in one go is dealt with at one time.
    const tookMs = Math.max(0, this.#context.turns.lookedMs - record.askedMs);
    this.durationsMs.add(tookMs);
    knownCountsOf(record)?.took(tookMs);
    record.caller.owner.answered();
    return record;
  }

  /** Ends the call that `caller` gives up, and tells its responder. */
  cancel(caller: Peer, callerId: RequestId): void {
    const record = this.#requests.cancel(callsOf(caller).endpoint, callerId);
    if (record !== null) this.#cancelled(record);
  }

  /** Gives a session no more calls; those that it was to answer are UNAVAILABLE. */
  stopAnswering(session: Peer): void {
    const calls = knownCallsOf(session);
    if (calls === null) return;
    const { endpoint } = calls;
    this.methods.removeResponder(endpoint);
    while (endpoint.answering !== null) {
      const record = this.#requests.take(endpoint.answering.id, endpoint);
      assert(record !== null, "a call that is to be answered is under way");
      this.#responderGone(record);
    }
  }

  /** Forgets a session: its calls are given up, and those it was to answer are UNAVAILABLE. */
  leave(session: Peer): void {
    const calls = knownCallsOf(session);
    if (calls === null) return;
    const { endpoint } = calls;
    this.methods.removeResponder(endpoint);
    this.#requests.removeEndpoint(
      endpoint,
      (record) => this.#cancelled(record),
      (record) => this.#responderGone(record),
    );
    if (this.#requests.size === 0) this.close();
  }

  /** Stops the timer. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Looks at the deadlines again soon, as long as there are calls. */
  #arm(): void {
    if (this.#timer !== undefined || this.#requests.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const nowMs = this.#context.clock.monotonicMs();
      this.#requests.expire(nowMs, (record) => {
        guard("end a call that is overdue", () => this.#expired(record));
      });
      this.#arm();
    }, EXPIRE_INTERVAL_MS);
  }

  /** Notes how a call has ended. */
  #count(record: CallRecord<Peer>, end: CallEnd): void {
    this.ended[end]++;
    const counts = knownCountsOf(record);
    if (counts === null) return;
    counts.underWay--;
    counts.ended[end]++;
  }

  #cancelled(record: CallRecord<Peer>): void {
    record.span?.end("the caller gave it up");
    this.#count(record, "cancelled");
    this.#tellCancelled(record);
  }

  #expired(record: CallRecord<Peer>): void {
    record.span?.end("the answer did not come before the deadline");
    this.#count(record, "expired");
    this.#refuse(
      record,
      new ParleyError(ErrorCode.DEADLINE_EXCEEDED, "the answer did not come before the deadline", {
        retryable: true,
      }),
    );
    this.#tellCancelled(record);
  }

  #responderGone(record: CallRecord<Peer>): void {
    record.span?.end("the one who was to answer is gone");
    this.#count(record, "abandoned");
    this.#refuse(
      record,
      new ParleyError(
        ErrorCode.UNAVAILABLE,
        "the connection that was to answer is gone; the call may or may not have been carried out",
      ),
    );
  }

  /** Answers a call with an error of the server's own. */
  #refuse(record: CallRecord<Peer>, error: ParleyError): void {
    const caller = record.caller.owner;
    countRefusal(this.#context, error, caller);
    if (record.callerId !== 0 && caller.takesDeliveries) {
      caller.sendWithId(errorReply(error), record.callerId);
      caller.outbox.flush();
    }
    caller.answered();
  }

  /** Tells the responder that nobody waits any more. */
  #tellCancelled(record: CallRecord<Peer>): void {
    const responder = record.responder.owner;
    if (!responder.takesDeliveries) return;
    responder.sendWithId({ case: "cancel", value: {} }, record.id);
    responder.outbox.flush();
  }
}

/**
 * Puts a message with one member, of this tag and with the body and the stamps of `entry`, into the outbox of
 * `session`; `id` 0 is left out. The message leaves with the end of the turn.
 */
export function forward(session: Peer, tag: number, entry: Entry, id: RequestId): void {
  const { bytes, start, end, stamps, stampsLength } = entry;
  const body = end - start + stampsLength;
  const length = 1 + varintSize(body) + body;
  const idBytes = id === 0 ? 0 : putId(idScratch, 1, id);
  let at = session.begin(length + idBytes);
  const out = session.outbox.bytes;
  out[at++] = tag;
  at = putVarint53(out, at, body);
  at = copyBytes(out, at, bytes, start, end);
  for (let index = 0; index < stampsLength; index++) out[at++] = stamps[index];
  if (id !== 0) copyBytes(out, at, idScratch, 0, idBytes);
  session.touch();
}

const idScratch = new Uint8Array(MAX_ID_BYTES);
idScratch[0] = ID_TAG;
