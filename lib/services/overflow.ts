/**
 * What happens to events that do not fit into a subscriber's outbox, by the subscription's policy.
 *
 * DISCONNECT ends the session with SLOW_CONSUMER. DROP_NEWEST keeps what fits and drops the rest.
 * DROP_OLDEST makes room among what waits; events of the same connection that another policy protects
 * are not touched, and bytes already handed to the system cannot be taken back. What was dropped is
 * counted by topic, exactly, and told in Missed notices as soon as the peer reads again.
 */
import { CloseReason, ErrorCode, ParleyError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { OverflowPolicy } from "../gen/parley/v1/event_pb.ts";
import type { TopicTrie } from "../logic/topic_trie.ts";
import { FrameWalk } from "../wire/frame_walk.ts";
import type { BusSubscription } from "./bus_subscription.ts";
import type { Session } from "./session.ts";
import type { SessionHost } from "./session_host.ts";

const log = logger("connection");

/** Topics whose losses are counted apart for one connection; what is beyond them is counted as ">". */
export const MAX_MISSED_TOPICS = 256;
/** The name under which the losses of further topics are counted. */
const OTHER_TOPICS = ">";

/** Applies the overflow policies of one server. */
export class OverflowPolicies {
  readonly #host: SessionHost;
  readonly #trie: TopicTrie<BusSubscription>;
  readonly #walk = new FrameWalk();

  constructor(host: SessionHost, trie: TopicTrie<BusSubscription>) {
    this.#host = host;
    this.#trie = trie;
  }

  /** Decides about the first `length` bytes of `frames`; gives whether any of them were kept. */
  apply(subscription: BusSubscription, frames: Uint8Array, length: number): boolean {
    const session = subscription.owner;
    if (!session.takesDeliveries) return false;
    switch (subscription.overflow) {
      case OverflowPolicy.DROP_NEWEST:
        return this.#keepWhatFits(session, frames, length, this.#limit());
      case OverflowPolicy.DROP_OLDEST: {
        const limit = this.#limit();
        const outbox = session.outbox;
        const underWay = outbox.size - outbox.length;
        // What is under way cannot be dropped; were it to count in full, one large write would keep
        // everything newer out, which is the opposite of what this policy promises.
        const room = Math.max(limit - underWay, limit >>> 1);
        if (outbox.length + length > room) this.#dropOldest(session, outbox.length + length - room);
        return this.#keepWhatFits(session, frames, length, room + underWay);
      }
      default:
        this.#disconnect(session);
        return false;
    }
  }

  #limit(): number {
    return Math.min(this.#host.limits.maxOutboxBytes, this.#host.budget.thresholdBytes);
  }

  /** Puts the frames that fit below `limit`, and counts the others. */
  #keepWhatFits(session: Session, frames: Uint8Array, length: number, limit: number): boolean {
    const { outbox } = session;
    const walk = this.#walk;
    let kept = false;
    walk.open(frames, length);
    while (walk.next()) {
      const size = walk.end - walk.start;
      if (outbox.size + size <= limit) {
        outbox.append(frames.subarray(walk.start, walk.end), size);
        this.#host.counters.eventsOut++;
        this.#host.counters.bytesOut += size;
        kept = true;
      } else {
        walk.readEvent();
        this.#missed(session, walk.topic);
      }
    }
    if (kept) this.#host.bus.touch(outbox);
    return kept;
  }

  /** Drops waiting events of DROP_OLDEST subscriptions, the oldest first, until `bytes` bytes are free. */
  #dropOldest(session: Session, bytes: number): void {
    const { outbox } = session;
    const walk = this.#walk;
    // A little more than needed, so that a flood does not walk over all that waits for each event.
    const wanted = Math.max(bytes, outbox.length >>> 3);
    let freed = 0;
    let kept = 0;
    walk.open(outbox.bytes, outbox.length);
    while (walk.next()) {
      const size = walk.end - walk.start;
      if (freed < wanted && walk.isEvent && this.#mayDrop(session, walk)) {
        freed += size;
        this.#missed(session, walk.topic);
        continue;
      }
      if (kept !== walk.start) outbox.bytes.copyWithin(kept, walk.start, walk.end);
      kept += size;
    }
    outbox.rewind(kept);
  }

  /** Whether the waiting event is the session's by a subscription that says DROP_OLDEST. */
  #mayDrop(session: Session, walk: FrameWalk): boolean {
    walk.readEvent();
    const match = this.#trie.match(walk.topic, walk.type);
    const candidates = walk.group === ""
      ? match.receivers
      : match.groups.find((group) => group.name === walk.group)?.members ?? [];
    const subscription = candidates.find((one) => one.owner === session);
    // Without a subscription any more, nobody waits for it.
    return subscription === undefined || subscription.overflow === OverflowPolicy.DROP_OLDEST;
  }

  #missed(session: Session, topic: string): void {
    const { counters } = this.#host;
    counters.eventsDropped++;
    const first = session.missed === null;
    const missed = session.missed ??= new Map<string, number>();
    const name = missed.has(topic) || missed.size < MAX_MISSED_TOPICS ? topic : OTHER_TOPICS;
    missed.set(name, (missed.get(name) ?? 0) + 1);
    if (first) void this.#tellWhenRead(session);
  }

  /** Tells what was missed once half of what waited has left. */
  async #tellWhenRead(session: Session): Promise<void> {
    await session.outbox.whenAtMost(this.#host.limits.maxOutboxBytes >>> 2);
    const missed = session.missed;
    session.missed = null;
    if (missed === null || !session.takesDeliveries) return;
    for (const [topic, count] of missed) {
      session.send({ case: "missed", value: { topic, count: BigInt(count) } });
    }
    session.outbox.flush();
  }

  #disconnect(session: Session): void {
    this.#host.counters.slowCloses++;
    log.info("connection ended: it reads more slowly than its subscriptions deliver", {
      connection: session.number,
      peer: session.link.peer,
      waiting: session.outbox.size,
    });
    session.endUnread(
      new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        "the connection read too slowly: its outbox is full",
        { closeReason: CloseReason.SLOW_CONSUMER, retryable: true },
      ),
    );
  }
}
