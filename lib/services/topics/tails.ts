/**
 * The live tails of one server: what is published from now on, a sample of it, for those who only want to look.
 *
 * A session names its tails by numbers of its own and asks for what came, again and again. A tail that is not asked for any
 * more, or whose session is gone or may not read that any more, ends. Bounded: `MAX_TAILS` a session.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import type { TailTopicsRequest } from "../../gen/parley/v1/topic_pb.ts";
import { checkSubscription } from "../../logic/topics/pattern.ts";
import { mayAll } from "../access/checks.ts";
import { checkSubscriptions } from "../access/usage.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { Bus } from "./bus.ts";
import { subscriptionsOf } from "./peer_topics.ts";
import { type Tailed, type TailFilter, TailPeer } from "./tail_peer.ts";

/** The most tails of one session. */
export const MAX_TAILS = 4;
/** The most events a second that a tail gives, and how many it does when nobody says. */
export const MAX_TAILED_A_SECOND = 200;
const USUAL_TAILED_A_SECOND = 50;
/** The longest text that is looked for. */
const MAX_CONTAINS_BYTES = 256;
/** A tail that was not asked for so long ends. */
export const TAIL_IDLE_MS = 10_000;

/** What came, or nothing where a tail has only begun. */
export interface TailAnswer {
  readonly began: boolean;
  readonly tailed: Tailed | null;
}

/** All tails. */
export class Tails {
  readonly #context: ServerContext;
  readonly #bus: Bus;
  readonly #bySession = new Map<Peer, Map<bigint, TailPeer>>();

  constructor(context: ServerContext, bus: Bus) {
    this.#context = context;
    this.#bus = bus;
  }

  /** The number of tails. */
  get size(): number {
    let size = 0;
    for (const tails of this.#bySession.values()) size += tails.size;
    return size;
  }

  /** Gives what came for a tail of `session`, and begins or ends it. Raises INVALID_ARGUMENT and RESOURCE_EXHAUSTED. */
  ask(session: Peer, request: TailTopicsRequest): TailAnswer {
    const filter = filterOf(session, request);
    const nowMs = this.#context.clock.monotonicMs();
    const known = this.#bySession.get(session)?.get(request.tail);
    if (known !== undefined && (request.end || isSame(known.filter, filter))) {
      if (request.end) this.#end(session, request.tail, known);
      return { began: false, tailed: known.take(nowMs) };
    }
    if (request.end) return { began: false, tailed: null };
    if (known !== undefined) this.#end(session, request.tail, known);
    this.#begin(session, request.tail, new TailPeer(session, filter, nowMs));
    return { began: true, tailed: null };
  }

  /** Ends the tails of a session that is gone. */
  leave(session: Peer): void {
    for (const [number, tail] of this.#bySession.get(session) ?? []) {
      this.#end(session, number, tail);
    }
  }

  /** Ends the tails of a session that it may not have any more. */
  revise(session: Peer): void {
    const tails = this.#bySession.get(session);
    if (tails === undefined) return;
    // What matched before was decided with other permissions.
    this.#bus.forgetMatches();
    for (const [number, tail] of tails) {
      const { pattern, type } = tail.filter;
      if (!mayAll(session, "subscribe", pattern, type)) this.#end(session, number, tail);
    }
  }

  /** Ends tails that nobody asks for any more. */
  sweep(): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (const [session, tails] of this.#bySession) {
      for (const [number, tail] of tails) {
        if (nowMs - tail.askedMs >= TAIL_IDLE_MS) this.#end(session, number, tail);
      }
    }
  }

  #begin(session: Peer, number: bigint, tail: TailPeer): void {
    const { pattern } = tail.filter;
    const tails = this.#bySession.get(session) ?? new Map<bigint, TailPeer>();
    if (tails.size >= MAX_TAILS) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot follow ${quote(pattern)}: this connection has ${tails.size} live tails`,
        { accepted: `at most ${MAX_TAILS} live tails a connection` },
      );
    }
    checkSubscriptions(session, pattern, subscriptionsOf);
    this.#bus.subscribe(tail, tail.subscription);
    tails.set(number, tail);
    this.#bySession.set(session, tails);
  }

  #end(session: Peer, number: bigint, tail: TailPeer): void {
    this.#bus.leave(tail);
    tail.close();
    const tails = this.#bySession.get(session);
    tails?.delete(number);
    if (tails?.size === 0) this.#bySession.delete(session);
  }
}

/** What a request looks for. Raises INVALID_ARGUMENT. */
function filterOf(session: Peer, request: TailTopicsRequest): TailFilter {
  const { tail, type, contains, eventsPerSecond } = request;
  const { limits } = session.context;
  if (tail === 0n) {
    throw invalidArgument("cannot follow topics: the live tail has no number", {
      accepted: "a number of your own that is not 0",
    });
  }
  const pattern = checkSubscription(
    { pattern: request.pattern, type, group: "" },
    limits,
    "follow",
  );
  const text = new TextEncoder().encode(contains);
  if (text.length > MAX_CONTAINS_BYTES) {
    throw invalidArgument(`cannot follow events with a text of ${text.length} bytes`, {
      accepted: `at most ${MAX_CONTAINS_BYTES} bytes`,
    });
  }
  if (eventsPerSecond > MAX_TAILED_A_SECOND) {
    throw invalidArgument(`cannot follow ${eventsPerSecond} events a second`, {
      accepted: `at most ${MAX_TAILED_A_SECOND}; of more a sample is given`,
    });
  }
  return { pattern, type, text, perSecond: eventsPerSecond || USUAL_TAILED_A_SECOND };
}

function isSame(one: TailFilter, other: TailFilter): boolean {
  return one.pattern === other.pattern && one.type === other.type &&
    one.perSecond === other.perSecond && one.text.length === other.text.length &&
    one.text.every((byte, index) => byte === other.text[index]);
}
