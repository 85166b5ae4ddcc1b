/**
 * The event bus of one server: who subscribed to what, and the way of an event to all of them.
 *
 * Invariants: a session gets an event once, however many of its plain subscriptions match; of each group
 * one member gets it; events of one publisher reach each subscriber in the order they were published. A
 * session that leaves is forgotten at once, and what its groups' share had not sent is handed on.
 * Delivery is in memory: an event for which there is no room is dealt with by the subscription's policy.
 */
import { assert, ErrorCode, ParleyError } from "../base/errors.ts";
import { pickMember } from "../logic/group_balance.ts";
import type { Group } from "../logic/group_balance.ts";
import type { Match } from "../logic/subscription.ts";
import { TopicTrie } from "../logic/topic_trie.ts";
import { Fanout } from "../wire/fanout.ts";
import { FrameWalk } from "../wire/frame_walk.ts";
import type { Outbox } from "../wire/outbox.ts";
import { PayloadScan } from "../wire/payload_scan.ts";
import { BusSubscription, type SubscriptionRequest } from "./bus_subscription.ts";
import { OverflowPolicies } from "./overflow.ts";
import type { Publisher, RememberedMatch } from "./publisher.ts";
import type { Session } from "./session.ts";
import type { SessionHost } from "./session_host.ts";

/** Bytes of an outbox whose group events are still to be handed on. */
interface HandOn {
  readonly leaver: Session;
  readonly frames: Uint8Array;
  /** So many bytes at the front were sent. */
  readonly sent: number;
}

/** Subscriptions and deliveries. */
export class Bus {
  /** The scan of the event or call in hand. */
  readonly scan: PayloadScan;
  readonly #host: SessionHost;
  readonly #trie = new TopicTrie<BusSubscription>();
  readonly #fanout: Fanout<BusSubscription>;
  /** How many subscriptions end after a number of events. */
  #counted = 0;
  readonly #walk = new FrameWalk();
  readonly #toHandOn: HandOn[] = [];
  #handingOn = false;
  /** The number of the turn in hand: all that one turn publishes has the same time. */
  #turn = 0;

  /** Whose event a member is being chosen for; a field, so that a choice allocates nothing. */
  #choosingFor: Session | null = null;
  readonly #loadFor = (member: BusSubscription): number =>
    member.owner === this.#choosingFor && !member.echo ? Infinity : loadOf(member);

  constructor(host: SessionHost) {
    this.#host = host;
    this.scan = new PayloadScan(host.limits);
    const policies = new OverflowPolicies(host, this.#trie);
    this.#fanout = new Fanout<BusSubscription>(
      host.limits.maxOutboxBytes,
      host.budget,
      (subscription, frames, length) => policies.apply(subscription, frames, length),
    );
  }

  /** How many events were delivered, without those that an overflow policy let through. */
  get deliveredEvents(): number {
    return this.#fanout.deliveredEvents;
  }

  /** How many bytes these deliveries were. */
  get deliveredBytes(): number {
    return this.#fanout.deliveredBytes;
  }

  /** How many subscriptions there are. */
  get subscriptions(): number {
    return this.#trie.size;
  }

  /** Subscribes; asking again for the same pattern, type and group replaces the options. */
  subscribe(session: Session, request: SubscriptionRequest): void {
    const key = subscriptionKey(request.pattern, request.type, request.group);
    const own = session.subscriptions ??= new Map<string, BusSubscription>();
    const limit = this.#host.limits.maxSubscriptions;
    if (!own.has(key) && own.size >= limit) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot subscribe: this connection has ${own.size} subscriptions`,
        { accepted: `at most ${limit} subscriptions a connection` },
      );
    }
    this.#fanout.flushRun();
    const subscription = new BusSubscription(session, request);
    const former = this.#trie.add(subscription);
    if (former !== null && former.remaining !== Infinity) this.#counted--;
    own.set(key, subscription);
    if (request.group !== "") session.outbox.keepUnsent = true;
  }

  /** Ends a subscription, at once or after that many more events. Raises NOT_FOUND when there is none. */
  unsubscribe(
    session: Session,
    request: Pick<SubscriptionRequest, "pattern" | "type" | "group">,
    afterEvents: number,
  ): void {
    const key = subscriptionKey(request.pattern, request.type, request.group);
    const subscription = session.subscriptions?.get(key);
    if (subscription === undefined) {
      throw new ParleyError(
        ErrorCode.NOT_FOUND,
        "cannot unsubscribe: this connection has no such subscription",
        { accepted: "the pattern, type and group of one of its subscriptions" },
      );
    }
    this.#fanout.flushRun();
    if (afterEvents === 0) return this.#remove(session, key, subscription);
    if (subscription.remaining === Infinity) this.#counted++;
    subscription.remaining = afterEvents;
    // The same subscription again, so that what publishers remember is looked up anew.
    this.#trie.add(subscription);
  }

  /** Publishes the event from `start` to `end`; gives who gets it. It leaves with the turn's end. */
  publish(session: Session, bytes: Uint8Array, start: number, end: number): RememberedMatch {
    const { scan } = this;
    const host = this.#host;
    scan.scan(bytes, start, end, "text");
    const publisher = session.asPublisher();
    const remembered = publisher.match(bytes, scan, this.#trie, host.limits, this.#counted > 0);
    host.counters.eventsIn++;
    const { match } = remembered;
    if (match.receivers.length === 0 && match.groups.length === 0) return remembered;
    if (publisher.stampedTurn !== this.#turn) this.#stamp(publisher);
    const { stamps } = publisher;
    if (match.receivers.length > 0) {
      const receivers = this.#receivers(match, session);
      this.#fanout.add(receivers, session, bytes, start, end, stamps.bytes, stamps.length);
    }
    return remembered;
  }

  /** Hands the event of `publish` to the groups, and ends counted subscriptions; gives who was reached. */
  complete(
    session: Session,
    remembered: RememberedMatch,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    let reached = this.#fanout.flushRun();
    for (const group of remembered.match.groups) {
      if (this.#giveToGroup(group, session, bytes, start, end)) reached++;
    }
    if (remembered.counted) this.#count(remembered.match, session);
    return reached;
  }

  /** Hands out what gathered: before any other message takes its place in the order. */
  flushRun(): void {
    this.#fanout.flushRun();
  }

  /** Makes sure that the end of the turn flushes `outbox`. */
  touch(outbox: Outbox): void {
    this.#fanout.touch(outbox);
  }

  /** Ends a turn: everything leaves. Gives subscriptions whose connections are behind. */
  endTurn(): readonly BusSubscription[] {
    this.#turn++;
    return this.#fanout.endTurn();
  }

  /** Forgets a session; it gets nothing more from now on. */
  leave(session: Session): void {
    const { subscriptions } = session;
    if (subscriptions === null || subscriptions.size === 0) return;
    this.#fanout.flushRun();
    if (session.outbox.keepUnsent) {
      session.shared = [...subscriptions.values()].filter((one) => one.group !== "");
    }
    for (const [key, subscription] of subscriptions) this.#remove(session, key, subscription);
  }

  /** Hands on what the groups' share of a session that left had not sent. */
  handOn(session: Session): void {
    const { underWay, sentOfUnderWay, waiting } = session.outbox.takeUnsent(
      session.link.bytesWritten,
    );
    this.#handOn({ leaver: session, frames: underWay, sent: sentOfUnderWay });
    this.#handOn({ leaver: session, frames: waiting, sent: 0 });
    this.#fanout.endTurn();
  }

  /** The same for what waits in the outbox of a session that is being ended, while a write is under way. */
  handOnWaiting(session: Session): void {
    const { outbox } = session;
    const waiting = outbox.bytes.slice(0, outbox.length);
    outbox.rewind(0);
    this.#handOn({ leaver: session, frames: waiting, sent: 0 });
  }

  #stamp(publisher: Publisher): void {
    publisher.stampedTurn = this.#turn;
    publisher.stamps.setTime(this.#host.clock.wallMs());
  }

  /**
   * The receivers of a match as they matter to `publisher`: of its own subscriptions one that wants its
   * own events stands for all, if there is one.
   */
  #receivers(match: Match<BusSubscription>, publisher: Session): readonly BusSubscription[] {
    if (match.all === null || publisher.subscriptions === null) return match.receivers;
    const first = match.receivers.findIndex((one) => one.owner === publisher);
    if (first < 0 || match.receivers[first].echo) return match.receivers;
    const echoing = match.all.find((one) => one.owner === publisher && one.echo);
    return echoing === undefined ? match.receivers : match.receivers.with(first, echoing);
  }

  #giveToGroup(
    group: Group<BusSubscription>,
    publisher: Session,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const stamps = publisher.publisher?.stamps;
    this.#choosingFor = publisher;
    assert(stamps !== undefined, "a publisher has stamps");
    for (;;) {
      const member = pickMember(group, this.#loadFor);
      if (member === null) return false;
      assert(member.stamp !== null, "a member of a group has the group's stamp");
      const { bytes: stampBytes, length } = stamps;
      if (this.#fanout.addForMember(member, bytes, start, end, stampBytes, length, member.stamp)) {
        if (member.remaining !== Infinity) this.#countOne(member);
        return true;
      }
      // One that was ended hands its turn on; one that is there has dropped the event, and counted it.
      if (member.owner.takesDeliveries) return false;
    }
  }

  /** Counts an event for the plain subscriptions of a match, and ends those that have had enough. */
  #count(match: Match<BusSubscription>, publisher: Session): void {
    for (const one of match.all ?? match.receivers) {
      if (one.remaining === Infinity || (one.owner === publisher && !one.echo)) continue;
      this.#countOne(one);
    }
  }

  #countOne(subscription: BusSubscription): void {
    if (--subscription.remaining > 0) return;
    const { pattern, type, group } = subscription;
    this.#remove(subscription.owner, subscriptionKey(pattern, type, group), subscription);
  }

  #remove(session: Session, key: string, subscription: BusSubscription): void {
    // Handing an event out can end the very session whose subscription is then counted down.
    if (!this.#trie.remove(subscription)) return;
    session.subscriptions?.delete(key);
    if (subscription.remaining !== Infinity) this.#counted--;
  }

  /**
   * Hands on the group events among some frames. It can end another member, whose share is then handed on
   * as well: one after the other, not from within, however many there are.
   */
  #handOn(frames: HandOn): void {
    this.#toHandOn.push(frames);
    if (this.#handingOn) return;
    this.#handingOn = true;
    try {
      for (let next = this.#toHandOn.shift(); next; next = this.#toHandOn.shift()) {
        this.#handOnFrames(next);
      }
    } finally {
      this.#handingOn = false;
    }
  }

  #handOnFrames({ leaver, frames, sent }: HandOn): void {
    const walk = this.#walk;
    walk.open(frames, frames.length);
    while (walk.next()) {
      if (walk.end <= sent || !walk.isEvent) continue;
      walk.readEvent();
      if (walk.group !== "") this.#handOnEvent(leaver, frames.slice(walk.start, walk.end));
    }
  }

  /** Hands one event, which `#walk` has read, to another member of the group that it was for. */
  #handOnEvent(leaver: Session, frame: Uint8Array): void {
    const { topic, type, group: name, sender } = this.#walk;
    const load = (member: BusSubscription) =>
      !member.echo && member.owner.sessionId === sender ? Infinity : loadOf(member);
    const shared = leaver.shared.filter((one) => one.group === name);
    for (;;) {
      // Groups of one name are apart by their patterns.
      const group = this.#trie.match(topic, type).groups.find((one) =>
        one.name === name &&
        (shared.length === 0 || shared.some(({ pattern }) => pattern === one.pattern))
      );
      const member = group === undefined ? null : pickMember(group, load);
      if (member === null) return;
      if (this.#fanout.addFrame(member, frame)) {
        if (member.remaining !== Infinity) this.#countOne(member);
        return;
      }
      if (member.owner.takesDeliveries) return;
    }
  }
}

/** The load of a group's member; Infinity when it gets nothing more. */
function loadOf(member: BusSubscription): number {
  return member.owner.takesDeliveries ? member.outbox.size : Infinity;
}

function subscriptionKey(pattern: string, type: string, group: string): string {
  return `${pattern}\n${type}\n${group}`;
}
