/**
 * Subscribers that read a kept topic's history: from where they asked to begin, or because they could not
 * keep up with what is new.
 *
 * A feed is one session on one topic. While it lasts, live events of the topic pass that session by; it
 * ends in the very moment in which its next seq is the next that will be committed, so that there is
 * neither gap nor duplicate. Bounded: a start of a pattern makes feeds only for the topics that it has come
 * to (pattern_start), a few at a time; all feeds together are bounded, and past that the session with the most
 * goes. Whatever has to look at many topics or feeds does so in turns. Non-goals: reading (feed_pump).
 */
import { guard } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { matchesPattern } from "../../base/matches_pattern.ts";
import type { Store, StoreTopic } from "../../ports/store.ts";
import type { Bus } from "../topics/bus.ts";
import type { HistoryReaders } from "../topics/hooks.ts";
import type { BusSubscription } from "../topics/bus_subscription.ts";
import { mayRead } from "../access/checks.ts";
import { topicsOf } from "../topics/peer_topics.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";
import { FeedPump } from "./feed_pump.ts";
import type { PatternStart, Position } from "./pattern_start.ts";
import { type Feed, feedsOf, SessionFeeds, wants } from "./session_feeds.ts";

const log = logger("connection");

/** The number of topics, or of feeds times subscriptions, that are looked at in one go. */
const LOOKED_AT_ONCE = 256;
/** The most starts of patterns that one session has under way before its next message is read. */
export const MAX_STARTS = 256;

/** The position of a topic of which only what is live is wanted. */
const NOWHERE: Position = { seq: Infinity, sinceMs: Infinity };

/** All feeds of a server. */
export class Feeds implements HistoryReaders {
  readonly #context: ServerContext;
  readonly #store: Store;
  readonly #pump: FeedPump;
  /** The number of feeds of each topic. */
  readonly #counts = new Map<StoreTopic, number>();
  readonly #sessions = new Set<SessionFeeds>();
  #count = 0;
  /** The number of starts of patterns that are under way. */
  #starting = 0;
  #version = 0;
  #shedding = false;

  constructor(context: ServerContext, bus: Bus, store: Store) {
    this.#context = context;
    this.#store = store;
    this.#pump = new FeedPump(context, bus, store, {
      end: (feeds, feed) => this.#end(feeds, feed),
      comeToTopics: (feeds, most) => this.#comeToTopics(feeds, most),
    });
  }

  /** The number of feeds, and of starts whose topics were not all come to; tests look at it. */
  get count(): number {
    return this.#count + this.#starting;
  }

  /** Changes whenever a feed begins or ends. */
  get version(): number {
    return this.#version;
  }

  /** Whether live events of `topic` pass anybody by. */
  anyOf(topic: StoreTopic): boolean {
    return this.#starting > 0 || this.#count > 0 && this.#counts.has(topic);
  }

  /** Whether anybody has a feed of `topic`. One that a start has still to come to is not kept by that. */
  isFed(topic: StoreTopic): boolean {
    return this.#counts.has(topic);
  }

  /** Whether the live event of `topic` that was committed just now passes `session` by. */
  has(session: Peer, topic: StoreTopic): boolean {
    const feeds = feedsOf(session);
    if (feeds === null) return false;
    if (feeds.byTopic.has(topic)) return true;
    const start = feeds.awaits(topic);
    if (start === null) return false;
    // So many events before the end are counted from before this one.
    if (start.isLast) {
      const { seq, sinceMs } = start.positionOf(topic) ?? NOWHERE;
      start.pass(topic);
      const before = Math.min(seq, topic.lastSeq + 1) - 1;
      this.#enter(feeds, topic, { seq: Math.max(before, topic.firstSeq), sinceMs });
    }
    return true;
  }

  /** Feeds `session` with `topic` from there on; a feed that is there already goes back as far as that. */
  begin(session: Peer, topic: StoreTopic, position: Position): void {
    const feeds = this.#feedsOf(session);
    this.#enter(feeds, topic, position);
    this.#pumpOn(feeds);
  }

  divert(session: Peer, name: string, seq: number): boolean {
    const topic = this.#store.topic(name);
    if (topic === null) return false;
    this.begin(session, topic, { seq, sinceMs: Infinity });
    return true;
  }

  /** Feeds `session` with all topics of a pattern: the first at once, the others as they are come to. */
  beginPattern(session: Peer, start: PatternStart): void {
    const feeds = this.#feedsOf(session);
    for (const former of feeds.starts) start.follow(former);
    for (let looked = 0; looked < LOOKED_AT_ONCE && !start.isDone; looked++) {
      this.#comeToNext(feeds, start);
    }
    if (!start.isDone) {
      feeds.starts.push(start);
      this.#starting++;
      this.#version++;
      if (feeds.starts.length >= MAX_STARTS) session.hold(feeds.whenFewerStarts(MAX_STARTS));
    }
    this.#pumpOn(feeds);
  }

  /** Ends the feeds of topics that nothing of `session` matches now that `subscription` is gone. */
  unsubscribed(session: Peer, subscription: BusSubscription): void {
    const feeds = feedsOf(session);
    if (feeds === null || feeds.isEmpty || subscription.group !== "") return;
    const { pattern } = subscription;
    const others = topicsOf(session).subscriptions?.size ?? 0;
    if (feeds.starts.length === 0 && feeds.byTopic.size * (others + 1) <= LOOKED_AT_ONCE) {
      for (const feed of feeds.byTopic.values()) this.#endUnwanted(feeds, feed, pattern);
    } else {
      // What is subscribed afterwards must find nothing left of this.
      session.hold(this.#sweep(feeds, pattern));
    }
  }

  /** Forgets the feeds of a session that left. */
  leave(session: Peer): void {
    const feeds = feedsOf(session);
    if (feeds === null) return;
    session.slots.feeds = null;
    this.#sessions.delete(feeds);
    this.#starting -= feeds.starts.length;
    feeds.starts.length = 0;
    feeds.wake();
    this.#count -= feeds.byTopic.size;
    this.#version++;
    detached(this.#endAll(feeds), "forget the feeds of a connection");
  }

  async #endAll(feeds: SessionFeeds): Promise<void> {
    let ended = 0;
    for (const topic of feeds.byTopic.keys()) {
      this.#countOf(topic, -1);
      if (++ended % LOOKED_AT_ONCE === 0) await feeds.turn.did(LOOKED_AT_ONCE);
    }
    feeds.byTopic.clear();
  }

  #feedsOf(session: Peer): SessionFeeds {
    let feeds = feedsOf(session);
    if (feeds === null) {
      session.slots.feeds = feeds = new SessionFeeds(session);
      this.#sessions.add(feeds);
    }
    return feeds;
  }

  #enter(feeds: SessionFeeds, topic: StoreTopic, { seq, sinceMs }: Position): void {
    const former = feeds.byTopic.get(topic);
    if (former !== undefined) {
      former.next = Math.min(former.next, seq);
      former.sinceMs = Math.min(former.sinceMs, sinceMs);
    } else if (sinceMs !== Infinity || seq <= topic.lastSeq) {
      feeds.byTopic.set(topic, { topic, next: seq, sinceMs });
      this.#count++;
      this.#countOf(topic, 1);
      this.#shedLater();
    }
  }

  #pumpOn(feeds: SessionFeeds): void {
    if (feeds.pumping || feeds.isEmpty) return;
    detached(this.#pump.pump(feeds), "feed a subscriber");
  }

  /** Comes to one topic more. */
  #comeToNext(feeds: SessionFeeds, start: PatternStart): void {
    const topic = start.next();
    if (topic === null) return;
    this.#version++;
    const position = start.positionOf(topic);
    if (position === null || !mayRead(feeds.session, topic.name)) return;
    // Its subscription may have ended meanwhile.
    if (wants(feeds.session, topic.name)) this.#enter(feeds, topic, position);
  }

  /** Has the first start come to further topics, until there are `most` feeds or it is through. */
  async #comeToTopics(feeds: SessionFeeds, most: number): Promise<void> {
    const [start] = feeds.starts;
    await feeds.turn.admit();
    while (feeds.starts[0] === start && !start.isDone && feeds.byTopic.size < most) {
      for (let looked = 0; looked < LOOKED_AT_ONCE && feeds.byTopic.size < most; looked++) {
        this.#comeToNext(feeds, start);
      }
      await feeds.turn.did(LOOKED_AT_ONCE);
      if (!feeds.session.takesDeliveries) return;
    }
    this.#endStart(feeds, start);
  }

  /** Lets go of a start that is through. */
  #endStart(feeds: SessionFeeds, start: PatternStart): void {
    const index = feeds.starts.indexOf(start);
    if (index < 0 || !start.isDone) return;
    feeds.starts.splice(index, 1);
    this.#starting--;
    this.#version++;
    feeds.wake();
  }

  /** Ends, in turns, what no subscription of the session wants any more. */
  async #sweep(feeds: SessionFeeds, pattern: string): Promise<void> {
    const { session } = feeds;
    await feeds.turn.admit();
    for (const start of [...feeds.starts]) {
      if (isSubscribed(session, start.pattern)) continue;
      // What other subscriptions share with it is fed from here on; nothing else is come to any more.
      while (feeds.starts.includes(start) && !start.isDone && session.takesDeliveries) {
        for (let looked = 0; looked < LOOKED_AT_ONCE; looked++) this.#comeToNext(feeds, start);
        await feeds.turn.did(LOOKED_AT_ONCE);
      }
      this.#endStart(feeds, start);
    }
    let looked = 0;
    for (const feed of feeds.byTopic.values()) {
      this.#endUnwanted(feeds, feed, pattern);
      looked += 1 + (topicsOf(session).subscriptions?.size ?? 0);
      if (looked < LOOKED_AT_ONCE) continue;
      await feeds.turn.did(looked);
      looked = 0;
    }
  }

  #endUnwanted(feeds: SessionFeeds, feed: Feed, pattern: string): void {
    const { name } = feed.topic;
    if (matchesPattern(pattern, name) && !wants(feeds.session, name)) this.#end(feeds, feed);
  }

  #end(feeds: SessionFeeds, feed: Feed): void {
    if (feeds.byTopic.get(feed.topic) !== feed || !this.#sessions.has(feeds)) return;
    feeds.byTopic.delete(feed.topic);
    this.#count--;
    this.#countOf(feed.topic, -1);
  }

  #countOf(topic: StoreTopic, by: 1 | -1): void {
    const count = (this.#counts.get(topic) ?? 0) + by;
    if (count === 0) this.#counts.delete(topic);
    else this.#counts.set(topic, count);
    this.#version++;
  }

  #shedLater(): void {
    if (this.#count <= this.#context.limits.maxFeeds || this.#shedding) return;
    this.#shedding = true;
    // Not in the middle of a delivery, which may be what began the feed.
    queueMicrotask(() => guard("end the connection with the most feeds", () => this.#shed()));
  }

  /** Ends the session that has the most feeds. */
  #shed(): void {
    this.#shedding = false;
    let most: SessionFeeds | null = null;
    for (const one of this.#sessions) {
      if (one.byTopic.size > (most?.byTopic.size ?? 0)) most = one;
    }
    if (most === null) return;
    const { session } = most;
    log.warn("connection ended: it reads the history of more topics than there is room for", {
      connection: session.number,
      peer: session.link.peer,
      topics: most.byTopic.size,
    });
    this.#context.counters.ends.slow++;
    session.endUnread(
      new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `the connection is behind on ${most.byTopic.size} kept topics, more than any other`,
        {
          accepted: `at most ${this.#context.limits.maxFeeds} of all connections together ` +
            "(limits.max_feeds)",
          closeReason: CloseReason.SLOW_CONSUMER,
          limit: "feeds",
          retryable: true,
        },
      ),
    );
  }
}

/** Whether a plain subscription of `session` has that very pattern. */
function isSubscribed(session: Peer, pattern: string): boolean {
  for (const one of topicsOf(session).subscriptions?.values() ?? []) {
    if (one.group === "" && one.pattern === pattern) return true;
  }
  return false;
}
