/**
 * Subscribers that read a kept topic's history: from where they asked to begin, or because they could not
 * keep up with what is new.
 *
 * A feed is one session on one topic. While it lasts, live events of the topic pass that session by; it
 * ends in the very moment in which its next seq is the next that will be committed, so that there is
 * neither gap nor duplicate. One task a session pumps all its feeds in turn, a page at a time, and only
 * while the session reads. Bounded: pages are read for so many sessions at once, and what waits for those
 * who do not read counts as everything in their outboxes does.
 */
import { isDefect } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { matchesPattern } from "../../base/matches_pattern.ts";
import type { Store, StoreTopic } from "../../ports/store.ts";
import type { StorePage } from "../../ports/store_page.ts";
import type { Bus } from "../topics/bus.ts";
import type { HistoryReaders } from "../topics/hooks.ts";
import type { BusSubscription } from "../topics/bus_subscription.ts";
import { FeedFilter } from "./feed_filter.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";

const log = logger("connection");

/** The most events of one page. */
const PAGE_EVENTS = 1024;
/** A page counts as one unit of work more for each so many bytes, as a power of two. */
const UNIT_BYTES_LOG2 = 10;
/** The most bytes of one page, and while the outboxes hold all that they may together. */
const PAGE_BYTES = 256 * 1024;
const SCARCE_PAGE_BYTES = 16 * 1024;
/** The most pages that are read at once. */
const MAX_READS = 32;

/** One session on one topic. */
interface Feed {
  readonly topic: StoreTopic;
  /** The next seq that the session gets. */
  next: number;
  /** Gives `next` when it has to be looked up first; null once that is done. */
  find: (() => Promise<number>) | null;
}

/** The feeds of one session. */
export class SessionFeeds {
  readonly byTopic = new Map<StoreTopic, Feed>();
  pumping = false;
  /** Pages are handed on in turns: a store in memory would else let a history be walked through at once. */
  readonly turn: TurnTaker;

  constructor(turn: TurnTaker) {
    this.turn = turn;
  }
}

/** All feeds of a server. */
export class Feeds implements HistoryReaders {
  readonly #context: ServerContext;
  readonly #bus: Bus;
  readonly #store: Store;
  /** How many feeds each topic has. */
  readonly #counts = new Map<StoreTopic, number>();
  #count = 0;
  #version = 0;
  #reading = 0;
  #readers: (() => void)[] = [];

  constructor(context: ServerContext, bus: Bus, store: Store) {
    this.#context = context;
    this.#bus = bus;
    this.#store = store;
  }

  /** How many feeds there are. */
  get count(): number {
    return this.#count;
  }

  /** Changes whenever a feed begins or ends. */
  get version(): number {
    return this.#version;
  }

  /** Whether live events of `topic` pass anybody by. */
  anyOf(topic: StoreTopic): boolean {
    return this.#count > 0 && this.#counts.has(topic);
  }

  /** Whether live events of `topic` pass `session` by. */
  has(session: Peer, topic: StoreTopic): boolean {
    return feedsOf(session)?.byTopic.has(topic) === true;
  }

  /**
   * Feeds `session` with `topic` from the seq `next` on, or from what `find` gives; a feed that is there
   * already goes back as far as that.
   */
  begin(session: Peer, topic: StoreTopic, next: number, find: Feed["find"] = null): void {
    const feeds = feedsOf(session) ?? new SessionFeeds(this.#context.turns.join());
    session.slots.feeds = feeds;
    const former = feeds.byTopic.get(topic);
    if (former === undefined) {
      if (find === null && next > topic.lastSeq) return;
      feeds.byTopic.set(topic, { topic, next, find });
      this.#changed(topic, 1);
    } else if (find === null && former.find === null) former.next = Math.min(former.next, next);
    else {
      const before = former.find ?? (() => Promise.resolve(former.next));
      const after = find ?? (() => Promise.resolve(next));
      former.find = async () => Math.min(await before(), await after());
    }
    if (!feeds.pumping) detached(this.#pump(session, feeds), "feed a subscriber");
  }

  divert(session: Peer, name: string, seq: number): boolean {
    const topic = this.#store.topic(name);
    if (topic === null) return false;
    this.begin(session, topic, seq);
    return true;
  }

  /** Ends the feeds of topics that nothing of `session` matches now that `subscription` is gone. */
  unsubscribed(session: Peer, subscription: BusSubscription): void {
    const feeds = feedsOf(session);
    if (feeds === null || subscription.group !== "") return;
    for (const feed of feeds.byTopic.values()) {
      const { name } = feed.topic;
      if (!matchesPattern(subscription.pattern, name)) continue;
      if (new FeedFilter(session, name).isEmpty) this.#end(feeds, feed);
    }
  }

  /** Forgets the feeds of a session that left. */
  leave(session: Peer): void {
    const feeds = feedsOf(session);
    if (feeds === null) return;
    for (const feed of feeds.byTopic.values()) this.#end(feeds, feed);
  }

  #end(feeds: SessionFeeds, feed: Feed): void {
    if (feeds.byTopic.get(feed.topic) !== feed) return;
    feeds.byTopic.delete(feed.topic);
    this.#changed(feed.topic, -1);
  }

  #changed(topic: StoreTopic, by: 1 | -1): void {
    const count = (this.#counts.get(topic) ?? 0) + by;
    if (count === 0) this.#counts.delete(topic);
    else this.#counts.set(topic, count);
    this.#count += by;
    this.#version++;
  }

  async #pump(session: Peer, feeds: SessionFeeds): Promise<void> {
    const { limits, budget } = this.#context;
    feeds.pumping = true;
    try {
      while (feeds.byTopic.size > 0 && session.takesDeliveries) {
        // Each in turn, so that one long history does not keep the others waiting.
        for (const feed of [...feeds.byTopic.values()]) {
          const most = budget.exhausted ? 0 : limits.outboxHighWaterBytes;
          await session.outbox.whenAtMost(most);
          if (!isFed(session, feeds, feed)) continue;
          await this.#step(session, feeds, feed);
        }
      }
    } catch (error) {
      if (session.takesDeliveries) this.#fail(session, error);
    } finally {
      feeds.pumping = false;
    }
  }

  #fail(session: Peer, error: unknown): void {
    if (isDefect(error)) this.#context.counters.internalErrors++;
    log.error("cannot read the history of a topic: {error}", {
      connection: session.number,
      peer: session.link.peer,
      error,
    });
    session.end(
      new ParleyError(ErrorCode.UNAVAILABLE, "the history of a topic cannot be read now", {
        cause: error,
        closeReason: CloseReason.INTERNAL,
        retryable: true,
      }),
    );
  }

  /** Hands on one page, or ends the feed. */
  async #step(session: Peer, feeds: SessionFeeds, feed: Feed): Promise<void> {
    const { topic } = feed;
    if (feed.find !== null) {
      const { find } = feed;
      const next = await find();
      // If it went further back meanwhile, that is looked up in its turn.
      if (feed.find !== find) return;
      feed.find = null;
      feed.next = next;
    }
    if (feed.next > topic.lastSeq) return this.#end(feeds, feed);
    while (this.#reading >= MAX_READS) {
      await new Promise<void>((resolve) => this.#readers.push(resolve));
    }
    this.#reading++;
    try {
      await this.#page(session, feeds, feed);
    } finally {
      this.#reading--;
      this.#readers.shift()?.();
    }
  }

  /** Reads one page and hands it on; it counts among those that are read until that is done. */
  async #page(session: Peer, feeds: SessionFeeds, feed: Feed): Promise<void> {
    const { topic, next: from } = feed;
    const { budget, limits } = this.#context;
    // What is fed must leave room for what is live on other topics.
    const most = Math.min(PAGE_BYTES, limits.maxOutboxBytes >>> 2);
    const maxBytes = budget.exhausted ? Math.min(most, SCARCE_PAGE_BYTES) : most;
    const request = { from, direction: "forward", maxEvents: PAGE_EVENTS, maxBytes } as const;
    const page = await this.#store.read(topic, request);
    await feeds.turn.admit();
    // A page that was asked for before the feed went back is of no use.
    if (!isFed(session, feeds, feed) || feed.find !== null || feed.next !== from) return;
    this.#handOn(session, feeds, feed, page);
    await feeds.turn.did(page.count + (page.bytes.length >>> UNIT_BYTES_LOG2));
  }

  /** Puts the events of a page that the session wants into its outbox. */
  #handOn(session: Peer, feeds: SessionFeeds, feed: Feed, page: StorePage): void {
    const { topic } = feed;
    // None at all: those that were there when the page was asked for have been trimmed meanwhile.
    this.#tellTrimmed(session, feed, page.count === 0 ? topic.firstSeq : page.seqs[0]);
    let filter = new FeedFilter(session, topic.name);
    for (let index = 0; index < page.count; index++) {
      feed.next = page.seqs[index] + 1;
      const start = page.ranges[2 * index];
      const end = page.ranges[2 * index + 1];
      if (!filter.passes(page.bytes, start, end)) continue;
      this.#bus.deliverTo(session, page.bytes, start, end);
      if (!filter.counts) continue;
      this.#bus.countFed(filter.wanting(page.bytes, start, end));
      // The last subscription that wanted this topic may have had enough by that.
      if (!isFed(session, feeds, feed)) break;
      filter = new FeedFilter(session, topic.name);
    }
    session.outbox.flush();
  }

  /** Tells of events that were trimmed before the session could read them; `next` is the first that is left. */
  #tellTrimmed(session: Peer, feed: Feed, next: number): void {
    const count = next - feed.next;
    if (count <= 0) return;
    feed.next = next;
    session.send({ case: "missed", value: { topic: feed.topic.name, count: BigInt(count) } });
  }
}

/** The feeds of a session; null while it has had none. */
function feedsOf({ slots }: Peer): SessionFeeds | null {
  return slots.feeds as SessionFeeds | null;
}

function isFed(session: Peer, feeds: SessionFeeds, feed: Feed): boolean {
  return session.takesDeliveries && feeds.byTopic.get(feed.topic) === feed;
}
