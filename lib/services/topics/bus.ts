/**
 * The event bus of one server: who subscribed to what, and the way of an event to all of them.
 *
 * Invariants: a session gets an event once, however many of its plain subscriptions match; of each group
 * one member gets it; events of one publisher reach each subscriber in the order they were published. A
 * session that leaves is forgotten at once, and what its groups' share had not sent is handed on.
 * Delivery is in memory: an event for which there is no room is dealt with by the subscription's policy.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import type { Match } from "../../logic/topics/subscription.ts";
import { TopicTallies } from "../../logic/topics/tallies.ts";
import { TopicTrie } from "../../logic/topics/trie.ts";
import { Entry } from "../../ports/entry.ts";
import type { StoreTopic } from "../../ports/store.ts";
import { EVENT_TAG, Fanout, FLUSHED_AT_ONCE } from "../../wire/fanout.ts";
import { copyBytes } from "../../wire/frame_writer.ts";
import { putVarint, varintSize } from "../../wire/varint.ts";
import type { Outbox } from "../../wire/outbox.ts";
import { BusSubscription, subscriptionKey, type SubscriptionRequest } from "./bus_subscription.ts";
import { GroupDelivery } from "./group_delivery.ts";
import { GroupHandOn } from "./group_hand_on.ts";
import { OverflowPolicies } from "./overflow.ts";
import { LiveReceivers } from "./live_receivers.ts";
import { Measures } from "./measures.ts";
import { NodeEvents } from "./node_events.ts";
import { OwnEvents } from "./own_events.ts";
import type { Publisher, RememberedMatch, Routes } from "./publisher.ts";
import { publisherOf, subscriptionsOf, topicsOf } from "./peer_topics.ts";
import type { BusHooks, EventRange, InterestHooks, KeptEvent } from "./hooks.ts";
import { NO_HOOKS } from "./hooks.ts";
import type { mayReceive } from "../access/checks.ts";
import { checkSubscriptions } from "../access/usage.ts";
import { checkNotReserved } from "./reserved.ts";
import { LaterTurns } from "../connection/later_turns.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";

const NO_STAMPS = new Uint8Array(0);

/** Subscriptions and deliveries. */
export class Bus {
  readonly #context: ServerContext;
  readonly #trie = new TopicTrie<BusSubscription>();
  readonly #fanout: Fanout<BusSubscription>;
  readonly #policies: OverflowPolicies;
  readonly #live: LiveReceivers;
  readonly #handOn: GroupHandOn;
  /** What was published on which topic. */
  readonly tallies: TopicTallies;
  /** Who measures which topics. */
  readonly measures: Measures;
  /** The number of the turn in hand: all that one turn publishes has the same time. */
  #turn = 0;

  #hooks: BusHooks = NO_HOOKS;

  /** The routes that publishers look up; `counted` changes with the subscriptions. */
  readonly #routes: { -readonly [K in keyof Routes]: Routes[K] };
  /** The event on its way to a group; one object, filled again for each. */
  readonly #event = new Entry();
  readonly #groups: GroupDelivery;
  /** The events that other nodes hand on, and those of the server itself. */
  readonly nodes: NodeEvents;
  readonly own: OwnEvents;
  /** Told of the subscriptions of this server; null without a cluster. */
  interest: InterestHooks | null = null;
  #nodeSubscriptions = 0;

  constructor(context: ServerContext) {
    this.#context = context;
    this.tallies = new TopicTallies(context.clock.monotonicMs());
    this.measures = new Measures(context, () => this.#trie.forgetMatches());
    this.#routes = {
      trie: this.#trie,
      limits: context.limits,
      counted: 0,
      match: (topic, type) => this.#trie.match(topic, type),
      keep: (topic, by) => {
        checkNotReserved(topic);
        return this.#hooks.keep(topic, by);
      },
      bind: (topic) => this.#hooks.bind(topic),
      check: (topic) => this.#hooks.check(topic),
      tally: (topic) => this.tallies.of(topic),
      measure: (topic, type) => this.measures.of(topic, type),
    };
    this.#live = new LiveReceivers(this.#trie);
    const policies = this.#policies = new OverflowPolicies(context, (outbox) => this.touch(outbox));
    const later = new LaterTurns(context.turns, FLUSHED_AT_ONCE, () => this.#fanout.flushSome());
    this.#fanout = new Fanout<BusSubscription>(
      context,
      (subscription, frames, length) => policies.apply(subscription, frames, length),
      () => later.begin(),
    );
    const countOne = (one: BusSubscription) => this.#countOne(one);
    this.#handOn = new GroupHandOn(this.#trie, this.#fanout, countOne);
    this.#groups = new GroupDelivery(this.#fanout, countOne);
    const parts = {
      limits: context.limits,
      payload: context.payload,
      trie: this.#trie,
      fanout: this.#fanout,
      groups: this.#groups,
      tallies: this.tallies,
      measures: this.measures,
      counted: () => this.#routes.counted,
      count: (match: Match<BusSubscription>, publisher: Peer | null = null) =>
        this.#count(match, publisher, null),
      receivers: (match: Match<BusSubscription>, publisher: Peer) =>
        this.#receivers(match, publisher),
    };
    this.nodes = new NodeEvents(parts);
    this.own = new OwnEvents(parts);
  }

  /** Says what is built upon the bus; once, before the first session. */
  join(hooks: BusHooks): void {
    this.#hooks = hooks;
    this.#live.readers = this.#policies.readers = hooks.readers;
    this.#live.isShared = hooks.isShared;
  }

  /** The number of events that were delivered, without those that an overflow policy let through. */
  get deliveredEvents(): number {
    return this.#fanout.deliveredEvents;
  }

  /** The number of bytes of these deliveries. */
  get deliveredBytes(): number {
    return this.#fanout.deliveredBytes;
  }

  /** The number of subscriptions of this server. */
  get subscriptions(): number {
    return this.#trie.size - this.#nodeSubscriptions;
  }

  /** Subscribes; asking again for the same pattern, type and group replaces the options. */
  subscribe(session: Peer, request: SubscriptionRequest): void {
    const key = subscriptionKey(request.pattern, request.type, request.group);
    const own = topicsOf(session).subscriptions ??= new Map<string, BusSubscription>();
    const limit = session.isNode ? Infinity : this.#context.limits.maxSubscriptions;
    if (!own.has(key) && own.size >= limit) {
      const pattern = quote(request.pattern);
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot subscribe to ${pattern}: this connection has ${own.size} subscriptions`,
        { accepted: `at most ${limit} subscriptions a connection`, limit: "subscriptions" },
      );
    }
    if (!own.has(key)) checkSubscriptions(session, request.pattern, subscriptionsOf);
    this.#fanout.flushRun();
    const subscription = new BusSubscription(session, request);
    const former = this.#trie.add(subscription);
    if (former !== null && former.remaining !== Infinity) this.#routes.counted--;
    own.set(key, subscription);
    if (subscription.isNode) this.#nodeSubscriptions += former === null ? 1 : 0;
    else if (former === null) this.interest?.subscribed(subscription);
    if (request.group !== "") session.outbox.keepUnsent = true;
  }

  /** Ends a subscription, at once or after that many more events. Raises NOT_FOUND when there is none. */
  unsubscribe(
    session: Peer,
    request: Pick<SubscriptionRequest, "pattern" | "type" | "group">,
    afterEvents: number,
  ): void {
    const key = subscriptionKey(request.pattern, request.type, request.group);
    const subscription = topicsOf(session).subscriptions?.get(key);
    if (subscription === undefined) {
      const pattern = quote(request.pattern);
      throw new ParleyError(
        ErrorCode.NOT_FOUND,
        `cannot unsubscribe from ${pattern}: this connection has no such subscription`,
        { accepted: "the pattern, type and group of one of its subscriptions" },
      );
    }
    this.#fanout.flushRun();
    if (afterEvents === 0) return this.#remove(session, key, subscription);
    if (subscription.remaining === Infinity) this.#routes.counted++;
    subscription.remaining = afterEvents;
    // The same subscription again, so that what publishers remember is looked up anew.
    this.#trie.add(subscription);
  }

  /**
   * Publishes an event, which leaves with the turn's end; gives who gets it. One of a kept topic, or of
   * one that is bound to queues, is only stamped: the caller hands it to the store.
   */
  publish(session: Peer, event: EventRange): RememberedMatch {
    const { bytes, start, end } = event;
    const { payload, counters } = this.#context;
    payload.scan(bytes, start, end, "event");
    counters.traffic.eventsIn++;
    const publisher = publisherOf(session);
    const found = publisher.match(bytes, payload, this.#routes);
    const { match, kept, bound, measured } = found;
    if (found.check !== null) found.check.look(bytes, payload);
    found.tally.add(end - start);
    if (measured !== null) measured.add(payload.payloadEnd - payload.payloadStart);
    const wanted = match.receivers.length > 0;
    if (!wanted && match.groups.length === 0 && kept === null && bound === null) return found;
    this.stamp(publisher);
    if (!wanted || kept !== null || bound !== null) return found;
    return this.handOut(publisher, found, event);
  }

  /** Hands the event of `publish` to those who get it; gives who they were by then. */
  handOut(publisher: Publisher, found: RememberedMatch, event: EventRange): RememberedMatch {
    const { bytes, start, end } = event;
    const { stamps, peer } = publisher;
    while (found.match.receivers.length > 0) {
      const to = this.#receivers(found.match, peer);
      const taken = this.#fanout
        .add(to, peer, bytes, start, end, stamps.bytes, stamps.length);
      if (taken) break;
      // Who could not take the run before is gone by now.
      found = publisher.match(bytes, this.#context.payload, this.#routes);
    }
    return found;
  }

  /** Hands the event of `publish` to the groups, and ends counted subscriptions; gives who was reached. */
  complete(session: Peer, remembered: RememberedMatch, published: EventRange): number {
    let reached = this.#fanout.flushRun();
    for (const group of remembered.match.groups) {
      const { stamps } = publisherOf(session);
      const { bytes, start, end } = published;
      const event = this.#event.setBody(bytes, start, end).setStamps(stamps);
      if (this.#groups.give(group, session, event, false)) reached++;
    }
    if (remembered.counted) this.#count(remembered.match, session, null);
    return reached;
  }

  /** Hands out an event of a kept topic, as it was committed: with all its stamps. */
  deliverKept(
    topic: StoreTopic,
    type: string,
    publisher: Peer | null,
    committed: KeptEvent,
  ): void {
    const { bytes, start, end, isReceived } = committed;
    let match = this.#live.match(topic, type);
    // Who has no subscription cannot be a receiver, and need not end the run of another publisher.
    const from = publisher !== null && topicsOf(publisher).subscriptions !== null
      ? publisher
      : null;
    while (match.receivers.length > 0) {
      const to = this.#live.of(topic, this.#receivers(match, from));
      if (to.length === 0 || this.#fanout.add(to, from, bytes, start, end, NO_STAMPS, 0)) break;
      // Who could not take the run before reads the history now, or is gone.
      match = this.#live.match(topic, type);
    }
    // Handing out can end members, so it comes before the choice among them.
    const groups = this.#live.groups(isReceived);
    if (groups.length > 0) this.#fanout.flushRun();
    for (const group of groups) {
      const event = this.#event.setBody(bytes, start, end);
      this.#groups.give(group, publisher, event, !this.#live.isShared);
    }
    if (this.#routes.counted > 0) {
      this.#fanout.flushRun();
      this.#count(match, publisher, topic);
    }
  }

  /** Who subscribed to a topic and type, those too who may not have it. Its lists never change. */
  wanting(topic: string, type: string): Match<BusSubscription> {
    return this.#trie.wanting(topic, type);
  }

  /** Who subscribed to a topic, to any of its types. Its lists never change. */
  wantingAnyType(topic: string): Match<BusSubscription> {
    return this.#trie.wantingAnyType(topic);
  }

  /** Hands one event of a kept topic to one session, out of its history. */
  deliverTo(session: Peer, bytes: Uint8Array, start: number, end: number): void {
    const body = end - start;
    let at = session.begin(1 + varintSize(body) + body);
    const out = session.outbox.bytes;
    out[at++] = EVENT_TAG;
    at = putVarint(out, at, body);
    copyBytes(out, at, bytes, start, end);
    this.#context.counters.traffic.eventsOut++;
  }

  /** Counts an event that came out of the history for the subscriptions that it was for. */
  countFed(subscriptions: readonly BusSubscription[]): void {
    for (const one of subscriptions) if (one.remaining !== Infinity) this.#countOne(one);
  }

  /** Has publishers look up anew who gets their events, and where these are kept. */
  forgetMatches(): void {
    this.#trie.forgetMatches();
  }

  /** Has `may` decide who gets events of a topic and type; `types` are those that it tells apart. */
  decideBy(types: readonly string[], may: typeof mayReceive): void {
    this.#trie.decideBy(types, ({ owner }, topic, type) => may(owner, topic, type));
  }

  /** Hands out what gathered: before any other message takes its place in the order. */
  flushRun(): void {
    this.#fanout.flushRun();
  }

  /** Makes sure that the end of the turn flushes `outbox`. */
  touch(outbox: Outbox): void {
    this.#fanout.touch(outbox);
  }

  /** Ends a turn: queues hand out, and everything leaves. Gives subscriptions whose connections are behind. */
  endTurn(): readonly BusSubscription[] {
    this.#hooks.endTurn();
    this.#turn++;
    this.#policies.endTurn();
    return this.#fanout.endTurn();
  }

  /** Forgets a session; it gets nothing more from now on. */
  leave(session: Peer): void {
    const topics = topicsOf(session);
    const { subscriptions } = topics;
    // Feeds can be there without a subscription, while what an Unsubscribe left is swept.
    if (subscriptions === null) return;
    this.#fanout.flushRun();
    this.#hooks.readers?.leave(session);
    if (session.outbox.keepUnsent) {
      topics.shared = [...subscriptions.values()].filter((one) => one.group !== "");
    }
    for (const [key, subscription] of subscriptions) this.#remove(session, key, subscription);
  }

  /** Hands on what the groups' share of a session that left had not sent. */
  handOn(session: Peer): void {
    const { underWay, sentOfUnderWay, waiting } = session.outbox.takeUnsent(
      session.link.bytesWritten,
    );
    this.#handOn.handOn(session, underWay, sentOfUnderWay);
    this.#handOn.handOn(session, waiting, 0);
    this.#fanout.endTurn();
  }

  /** Hands on the groups' share of what waits in the outbox of a session that is being ended, during a write. */
  handOnWaiting(session: Peer): void {
    const { outbox } = session;
    this.#handOn.handOn(session, outbox.takeWaiting(), 0);
  }

  /** Brings the stamps of a publisher up to the present turn. */
  stamp(publisher: Publisher): void {
    if (publisher.stampedTurn === this.#turn) return;
    publisher.stampedTurn = this.#turn;
    publisher.stamps.setTime(this.#context.clock.wallMs());
  }

  /**
   * The receivers of a match as they matter to `publisher`: of its own subscriptions one that wants its
   * own events stands for all, if there is one.
   */
  #receivers(match: Match<BusSubscription>, publisher: Peer | null): readonly BusSubscription[] {
    if (match.all === null || publisher === null || topicsOf(publisher).subscriptions === null) {
      return match.receivers;
    }
    const first = match.receivers.findIndex((one) => one.owner === publisher);
    if (first < 0 || match.receivers[first].echo) return match.receivers;
    const echoing = match.all.find((one) => one.owner === publisher && one.echo);
    return echoing === undefined ? match.receivers : match.receivers.with(first, echoing);
  }

  /** Counts an event for the plain subscriptions of a match, and ends those that have had enough. */
  #count(match: Match<BusSubscription>, publisher: Peer | null, topic: StoreTopic | null): void {
    for (const one of match.all ?? match.receivers) {
      if (one.remaining === Infinity || (one.owner === publisher && !one.echo)) continue;
      if (this.#live.passesBy(one, topic)) continue;
      this.#countOne(one);
    }
  }

  #countOne(subscription: BusSubscription): void {
    if (--subscription.remaining > 0) return;
    const { pattern, type, group } = subscription;
    this.#remove(subscription.owner, subscriptionKey(pattern, type, group), subscription);
  }

  #remove(session: Peer, key: string, subscription: BusSubscription): void {
    // Handing an event out can end the very session whose subscription is then counted down.
    if (!this.#trie.remove(subscription)) return;
    topicsOf(session).subscriptions?.delete(key);
    if (subscription.isNode) this.#nodeSubscriptions--;
    else this.interest?.unsubscribed(subscription);
    this.#hooks.readers?.unsubscribed(session, subscription);
    if (subscription.remaining !== Infinity) this.#routes.counted--;
  }
}
