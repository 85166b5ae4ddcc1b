/**
 * One live tail: a subscriber of the bus that is no connection, and that keeps a sample of what comes, and counts of all of it.
 *
 * To the bus it is a peer that stands for the session that asked: with the identity of that session at each moment, so what is
 * delivered is decided as for every subscriber, and with an outbox of its own, whose bytes go into the sample instead of a
 * socket. Nobody waits for it: what comes faster than it is looked at is dropped and counted. Bounded: the outbox as all are,
 * the sample in number and bytes, payloads by their beginning, and the bytes that are searched for a text by a rate.
 */
import { CloseReason } from "../../base/errors.ts";
import { OverflowPolicy } from "../../gen/parley/v1/event_pb.ts";
import type { Identity } from "../../logic/access/accounts.ts";
import { TokenBucket } from "../../logic/access/token_bucket.ts";
import { indexOfBytes } from "../../logic/find_bytes.ts";
import { EventSample } from "../../logic/topics/event_sample.ts";
import { FrameWalk } from "../../wire/frame_walk.ts";
import { Outbox } from "../../wire/outbox.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import { LateAnswers } from "../connection/late_answers.ts";
import { type Peer, PeerSlots, type SessionState } from "../connection/peer.ts";
import type { Reply } from "../connection/reply.ts";
import type { SubscriptionRequest } from "./bus_subscription.ts";
import { tailedEvent } from "./tailed_event.ts";

/** The most bytes of a sample, however large a message may be. */
const MAX_SAMPLE_BYTES = 512 * 1024;
/** The bytes of events that one tail searches for a text in a second. */
const SEARCHED_BYTES_A_SECOND = 32 * 1024 * 1024;
/** Looking at so many events, or searching so many bytes, costs as much as a small message, as powers of two. */
const UNIT_EVENTS_LOG2 = 3;
const UNIT_BYTES_LOG2 = 13;

/** What a tail looks for. */
export interface TailFilter {
  readonly pattern: string;
  readonly type: string;
  /** Bytes that an event has somewhere; empty for any. */
  readonly text: Uint8Array;
  readonly perSecond: number;
}

/** What came since the answer before; its numbers are exact. */
export interface Tailed {
  /** Encoded messages TailedEvent. */
  readonly events: readonly Uint8Array[];
  /** The number of events that came, of those that fit, of those that were not searched, and of those that were dropped. */
  readonly came: number;
  readonly fit: number;
  readonly unsearched: number;
  readonly dropped: number;
  readonly elapsedMs: number;
}

/** One tail of one session. */
export class TailPeer implements Peer {
  readonly isNode = false;
  readonly rights = 0;
  readonly outbox: Outbox;
  readonly late = new LateAnswers();
  readonly callsTurn: TurnTaker;
  readonly slots = new PeerSlots();
  readonly endReason = "";
  readonly closeReason = CloseReason.UNSPECIFIED;
  readonly filter: TailFilter;
  /** When it was asked last, by the monotonic clock. */
  askedMs: number;
  readonly #session: Peer;
  readonly #sample: EventSample;
  readonly #searched: TokenBucket;
  readonly #walk = new FrameWalk();
  #isOver = false;
  #came = 0;
  #unsearched = 0;
  #dropped = 0;

  constructor(session: Peer, filter: TailFilter, nowMs: number) {
    const { context } = session;
    this.#session = session;
    this.filter = filter;
    this.askedMs = nowMs;
    const maxBytes = Math.min(MAX_SAMPLE_BYTES, context.limits.maxFrameBytes >>> 1);
    const bounds = { perSecond: filter.perSecond, maxBytes };
    this.#sample = new EventSample(bounds, nowMs, Math.random);
    this.#searched = new TokenBucket(SEARCHED_BYTES_A_SECOND, SEARCHED_BYTES_A_SECOND, nowMs);
    this.callsTurn = context.turns.join();
    this.outbox = new Outbox((batch) => this.#look(batch), context.pool, context.budget);
  }

  /** What it subscribes to. */
  get subscription(): SubscriptionRequest {
    const { pattern, type } = this.filter;
    return { pattern, type, group: "", echo: true, overflow: OverflowPolicy.DROP_NEWEST };
  }

  get context() {
    return this.#session.context;
  }

  get link() {
    return this.#session.link;
  }

  get number(): number {
    return this.#session.number;
  }

  get sessionId(): string {
    return this.#session.sessionId;
  }

  get identity(): Identity | null {
    return this.#session.identity;
  }

  get client() {
    return this.#session.client;
  }

  get state(): SessionState {
    return this.#isOver ? "closed" : this.#session.state;
  }

  get takesDeliveries(): boolean {
    return !this.#isOver && this.#session.takesDeliveries;
  }

  /** Gives what came since the last time. */
  take(nowMs: number): Tailed {
    const { events, offered } = this.#sample.take(nowMs);
    const tailed: Tailed = {
      events,
      came: this.#came,
      fit: offered,
      unsearched: this.#unsearched,
      dropped: this.#dropped,
      elapsedMs: nowMs - this.askedMs,
    };
    this.#came = this.#unsearched = this.#dropped = 0;
    this.askedMs = nowMs;
    return tailed;
  }

  /** Takes nothing more. Whoever calls it has taken it from the bus. */
  close(): void {
    this.#isOver = true;
    this.outbox.fail(new Error("the tail has ended"));
  }

  /** Looks at a batch of what would leave on a connection. */
  async #look(batch: Uint8Array): Promise<void> {
    await this.callsTurn.admit();
    const { text } = this.filter;
    const walk = this.#walk;
    const allowed = text.length === 0
      ? Infinity
      : this.#searched.available(this.context.clock.monotonicMs());
    let searched = 0;
    let events = 0;
    walk.open(batch, batch.length);
    while (walk.next()) {
      if (!walk.isEvent) continue;
      events++;
      const start = walk.eventBegin();
      if (text.length > 0) {
        if (searched >= allowed) {
          this.#unsearched++;
          continue;
        }
        searched += walk.end - start;
        if (indexOfBytes(batch.subarray(start, walk.end), text) < 0) continue;
      }
      const place = this.#sample.offer();
      if (place >= 0) this.#sample.put(place, tailedEvent(batch, start, walk.end));
    }
    this.#came += events;
    if (searched > 0) this.#searched.spend(searched);
    this.context.turns.spend((events >>> UNIT_EVENTS_LOG2) + searched / 2 ** UNIT_BYTES_LOG2);
  }

  /** Notes what was dropped. Nothing else is said to a tail. */
  send(reply: Reply): void {
    if (reply.case !== "missed") return;
    const count = Number(reply.value.count);
    this.#came += count;
    this.#dropped += count;
  }

  touch(): void {}
  sendWithId(): void {}
  answer(): void {}
  answered(): void {}
  become(): void {}
  hold(): void {}
  endUnread(): void {}
  end(): void {}

  begin(): number {
    return 0;
  }

  endIfFull(): boolean {
    return false;
  }
}
