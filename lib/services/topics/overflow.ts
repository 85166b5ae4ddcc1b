/**
 * What happens to events that do not fit into a subscriber's outbox, by the subscription's policy.
 *
 * DISCONNECT ends the session with SLOW_CONSUMER. DROP_NEWEST keeps what fits and drops the rest.
 * DROP_OLDEST makes room among what waits; events of the same connection that another policy protects
 * are not touched, and bytes already handed to the system cannot be taken back. What was dropped is
 * counted by topic, exactly, and told in Missed notices as soon as the peer reads again.
 */
import { detached } from "../../base/detached.ts";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { OverflowPolicy } from "../../gen/parley/v1/event_pb.ts";
import { matchesPattern } from "../../logic/topics/pattern.ts";
import { FrameWalk } from "../../wire/frame_walk.ts";
import type { Outbox, Piece } from "../../wire/outbox.ts";
import type { BusSubscription } from "./bus_subscription.ts";
import type { HistoryReaders } from "./hooks.ts";
import { topicsOf } from "./peer_topics.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";

const log = logger("connection");

/** Topics whose losses are counted apart for one connection; what is beyond them is counted as ">". */
export const MAX_MISSED_TOPICS = 256;
/** The name under which the losses of further topics are counted. */
const OTHER_TOPICS = ">";

/** The content of one run: it goes to many receivers, and those who do not read lose all of it. */
interface RunTally {
  /** The number of events of each topic. */
  readonly events: ReadonlyMap<string, number>;
  /** The size of the smallest frame. */
  readonly smallest: number;
}

/** Applies the overflow policies of one server. */
export class OverflowPolicies {
  /** The sessions that read history; null without a store. */
  readers: HistoryReaders | null = null;
  readonly #context: ServerContext;
  readonly #touch: (outbox: Outbox) => void;
  readonly #walk = new FrameWalk();
  /** The run that was looked at last, and what is in it. */
  #run: Uint8Array | null = null;
  #tally: RunTally = { events: new Map(), smallest: 0 };

  /** `touch` has an outbox flushed at the end of the turn. */
  constructor(context: ServerContext, touch: (outbox: Outbox) => void) {
    this.#context = context;
    this.#touch = touch;
  }

  /**
   * Decides about the first `length` bytes of `frames`, an array made for this run alone; gives whether any
   * of them were kept.
   */
  apply(subscription: BusSubscription, frames: Uint8Array, length: number): boolean {
    const session = subscription.owner;
    if (!session.takesDeliveries) return false;
    switch (subscription.overflow) {
      case OverflowPolicy.DROP_NEWEST:
        return this.#keepWhatFits(session, frames, length, this.#limit());
      case OverflowPolicy.DROP_OLDEST:
        return this.#makeRoom(session, frames, length, this.#limit());
      case OverflowPolicy.DISCONNECT:
        this.#disconnect(session);
        return false;
      default:
        if (subscription.group === "" && this.#catchUp(session, frames, length)) return false;
        this.#disconnect(session);
        return false;
    }
  }

  /** Lets the session read from the history what does not fit; false when it is in none. */
  #catchUp(session: Peer, frames: Uint8Array, length: number): boolean {
    const { readers } = this;
    if (readers === null) return false;
    const walk = this.#walk;
    walk.open(frames, length);
    while (walk.next()) {
      walk.readEvent();
      if (walk.seq === 0 || !readers.divert(session, walk.topic, walk.seq)) return false;
    }
    return true;
  }

  /** Forgets what it remembers of the turn. */
  endTurn(): void {
    this.#run = null;
  }

  #limit(): number {
    return Math.min(this.#context.limits.maxOutboxBytes, this.#context.budget.thresholdBytes);
  }

  /** Puts the frames that fit below `limit`, and counts the others. */
  #keepWhatFits(session: Peer, frames: Uint8Array, length: number, limit: number): boolean {
    const { outbox } = session;
    const { events, smallest } = this.#tallyOf(frames, length);
    if (outbox.size + smallest > limit) {
      for (const [topic, count] of events) this.#missed(session, topic, count);
      return false;
    }
    const walk = this.#walk;
    walk.open(frames, length);
    while (walk.next()) {
      if (outbox.size + walk.end - walk.start <= limit) {
        this.#keep(session, frames.subarray(walk.start, walk.end), 1);
      } else this.#missed(session, walk.readTopic(), 1);
    }
    return true;
  }

  /** Puts the newest of the frames, as many as fit once the oldest of what waits have made room. */
  #makeRoom(session: Peer, frames: Uint8Array, length: number, limit: number): boolean {
    const { outbox } = session;
    const underWay = outbox.size - outbox.waitingBytes;
    // What is under way cannot be dropped; were it to count in full, one large write would keep
    // everything newer out, which is the opposite of what this policy promises.
    const room = Math.max(limit - underWay, limit >>> 1);
    const over = outbox.waitingBytes + length - room;
    if (over > 0) this.#dropOldest(session, over);
    const free = room - outbox.waitingBytes;
    const walk = this.#walk;
    walk.open(frames, length);
    let start = length;
    let events = 0;
    while (walk.next()) {
      if (length - walk.start > free) {
        this.#context.counters.traffic.eventsDroppedOldest++;
        this.#missed(session, walk.readTopic(), 1);
      } else {
        if (events === 0) start = walk.start;
        events++;
      }
    }
    if (events > 0) this.#keep(session, frames.subarray(start, length), events);
    return events > 0;
  }

  #keep(session: Peer, frames: Uint8Array, events: number): void {
    const { counters } = this.#context;
    session.outbox.append(frames, frames.length);
    counters.traffic.eventsOut += events;
    counters.traffic.bytesOut += frames.length;
    this.#touch(session.outbox);
  }

  /** Counts what is in a run, once for all that it goes to. */
  #tallyOf(frames: Uint8Array, length: number): RunTally {
    if (frames === this.#run) return this.#tally;
    const walk = this.#walk;
    const events = new Map<string, number>();
    let smallest = length;
    walk.open(frames, length);
    while (walk.next()) {
      const topic = walk.readTopic();
      events.set(topic, (events.get(topic) ?? 0) + 1);
      smallest = Math.min(smallest, walk.end - walk.start);
    }
    this.#run = frames;
    return this.#tally = { events, smallest };
  }

  /** Drops waiting events of DROP_OLDEST subscriptions, the oldest first, until `bytes` bytes are free. */
  #dropOldest(session: Peer, bytes: number): void {
    const { outbox } = session;
    const mayDrop = droppable(session);
    // A little more than needed, so that a flood does not walk over all that waits for each event.
    let wanted = Math.max(bytes, outbox.waitingBytes >>> 3);
    for (const piece of outbox.pieces) {
      if (wanted <= 0) break;
      wanted -= this.#dropFrom(session, piece, wanted, mayDrop);
    }
    outbox.shortened();
    if (wanted <= 0) return;
    // What gathers begins at 0, so it is moved there.
    const gathers = { bytes: outbox.bytes, start: 0, end: outbox.length, shared: null };
    this.#dropFrom(session, gathers, wanted, mayDrop);
    const { start, end } = gathers;
    if (start > 0) outbox.bytes.copyWithin(0, start, end);
    outbox.rewind(outbox.position - outbox.length + end - start);
  }

  /** Drops events of one piece; gives how many bytes that freed. Of what is shared only the beginning can go. */
  #dropFrom(session: Peer, piece: Piece, wanted: number, mayDrop: MayDrop): number {
    const walk = this.#walk;
    let freed = 0;
    /** Where the next frame that stays is moved to; -1 as long as none has to be. */
    let to = -1;
    walk.open(piece.bytes, piece.end, piece.start);
    while (freed < wanted && walk.next()) {
      const size = walk.end - walk.start;
      if (walk.isEvent && mayDrop(walk)) {
        freed += size;
        this.#context.counters.traffic.eventsDroppedOldest++;
        this.#missed(session, walk.readTopic(), 1);
        if (walk.start === piece.start) piece.start = walk.end;
        else if (to < 0) to = walk.start;
      } else if (piece.shared !== null) break;
      else if (to >= 0) {
        piece.bytes.copyWithin(to, walk.start, walk.end);
        to += size;
      }
    }
    if (to >= 0) {
      piece.bytes.copyWithin(to, walk.end, piece.end);
      piece.end -= walk.end - to;
    }
    return freed;
  }

  #missed(session: Peer, topic: string, count: number): void {
    this.#context.counters.traffic.eventsDropped += count;
    const topics = topicsOf(session);
    const first = topics.missed === null;
    const missed = topics.missed ??= new Map<string, number>();
    const name = missed.has(topic) || missed.size < MAX_MISSED_TOPICS ? topic : OTHER_TOPICS;
    missed.set(name, (missed.get(name) ?? 0) + count);
    if (!first) return;
    this.#context.notices?.loses(session, topic);
    detached(this.#tellWhenRead(session), "tell a subscriber what it missed");
  }

  /**
   * Tells what was missed once half of what waits now has left. Not half of the limit: that shrinks while
   * others hold much, and the notices themselves must not gather at a peer that does not read.
   */
  async #tellWhenRead(session: Peer): Promise<void> {
    await session.outbox.whenAtMost(session.outbox.size >>> 1);
    const topics = topicsOf(session);
    const { missed } = topics;
    topics.missed = null;
    if (missed === null || !session.takesDeliveries) return;
    for (const [topic, count] of missed) {
      session.send({ case: "missed", value: { topic, count: BigInt(count) } });
    }
    session.outbox.flush();
  }

  #disconnect(session: Peer): void {
    this.#context.counters.ends.slow++;
    log.info("connection ended: it reads more slowly than its subscriptions deliver", {
      connection: session.number,
      peer: session.link.peer,
      waiting: session.outbox.size,
    });
    session.endUnread(
      new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        "the connection read too slowly: its outbox is full",
        { closeReason: CloseReason.SLOW_CONSUMER, retryable: true, limit: "outbox_bytes" },
      ),
    );
  }
}

/** Whether a waiting event, the present one of a walk, may be dropped. */
type MayDrop = (walk: FrameWalk) => boolean;

/**
 * Says of waiting events whether they are the session's by a subscription that says DROP_OLDEST. Looks at
 * its own subscriptions alone, for a topic can have a hundred thousand others.
 */
function droppable(session: Peer): MayDrop {
  const own = [...topicsOf(session).subscriptions?.values() ?? []];
  if (own.every((one) => one.overflow === OverflowPolicy.DROP_OLDEST)) return () => true;
  own.sort((one, other) => one.order - other.order);
  const verdicts = new Map<string, boolean>();
  return (walk) => {
    walk.readEvent();
    const { topic, type, group } = walk;
    const key = `${topic}\n${type}\n${group}`;
    let verdict = verdicts.get(key);
    if (verdict === undefined) {
      const decides = own.find((one) =>
        one.group === group && (one.type === "" || one.type === type) &&
        matchesPattern(one.pattern, topic)
      );
      // Without a subscription any more, nobody waits for it.
      verdict = decides === undefined || decides.overflow === OverflowPolicy.DROP_OLDEST;
      verdicts.set(key, verdict);
    }
    return verdict;
  };
}
