/**
 * Reads the history of kept topics for the sessions that have feeds, and hands it on.
 *
 * One task a session pumps all its feeds in turn, a page at a time, and only while the session reads. Bounded:
 * pages are read for so many sessions at once, and what waits for those who do not read counts as everything
 * in their outboxes does. Non-goals: which feeds there are (feeds).
 */
import { isDefect } from "../../base/defects.ts";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Store } from "../../ports/store.ts";
import { releasePage, type StorePage } from "../../ports/store_page.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { Bus } from "../topics/bus.ts";
import { FeedFilter } from "./feed_filter.ts";
import type { Feed, SessionFeeds } from "./session_feeds.ts";

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
/** While a session has so many feeds, no start of a pattern comes to further topics. */
const MAX_STARTED_FEEDS = 64;

/** The keeper of the feeds, which knows which there are. */
export interface FeedKeeper {
  /** A feed is through. */
  end(feeds: SessionFeeds, feed: Feed): void;
  /** Has the first start of a pattern come to further topics, until there are `most` feeds. */
  comeToTopics(feeds: SessionFeeds, most: number): Promise<void>;
}

/** Pumps the feeds of one server. */
export class FeedPump {
  readonly #context: ServerContext;
  readonly #bus: Bus;
  readonly #store: Store;
  readonly #keeper: FeedKeeper;
  #reading = 0;
  #readers: (() => void)[] = [];

  constructor(context: ServerContext, bus: Bus, store: Store, keeper: FeedKeeper) {
    this.#context = context;
    this.#bus = bus;
    this.#store = store;
    this.#keeper = keeper;
  }

  /** Pumps until the session has nothing more to read, or reads no more. Never rejects. */
  async pump(feeds: SessionFeeds): Promise<void> {
    const { session } = feeds;
    feeds.pumping = true;
    try {
      while (!feeds.isEmpty && session.takesDeliveries) {
        if (feeds.starts.length > 0 && feeds.byTopic.size < MAX_STARTED_FEEDS) {
          await this.#keeper.comeToTopics(feeds, MAX_STARTED_FEEDS);
        }
        await this.#round(feeds);
      }
    } catch (error) {
      if (session.takesDeliveries) this.#fail(session, error);
    } finally {
      feeds.pumping = false;
      feeds.wake();
    }
  }

  /** Hands on a page of each feed in turn, so that one long history does not keep the others waiting. */
  async #round(feeds: SessionFeeds): Promise<void> {
    const { limits, budget } = this.#context;
    // Those that begin meanwhile are for the next round.
    let left = feeds.byTopic.size;
    for (const feed of feeds.byTopic.values()) {
      if (left-- === 0) return;
      const most = budget.exhausted ? 0 : limits.outboxHighWaterBytes;
      await feeds.session.outbox.whenAtMost(most);
      if (feeds.has(feed)) await this.#step(feeds, feed);
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
  async #step(feeds: SessionFeeds, feed: Feed): Promise<void> {
    const { topic, sinceMs } = feed;
    if (sinceMs !== Infinity) {
      const seq = await this.#store.seqAt(topic, sinceMs);
      // If it went further back meanwhile, that is looked up in its turn.
      if (feed.sinceMs !== sinceMs) return;
      feed.sinceMs = Infinity;
      feed.next = Math.min(feed.next, seq);
    }
    if (feed.next > topic.lastSeq) return this.#keeper.end(feeds, feed);
    while (this.#reading >= MAX_READS) {
      await new Promise<void>((resolve) => this.#readers.push(resolve));
    }
    this.#reading++;
    try {
      await this.#page(feeds, feed);
    } finally {
      this.#reading--;
      this.#readers.shift()?.();
    }
  }

  /** Reads one page and hands it on; it counts among those that are read until that is done. */
  async #page(feeds: SessionFeeds, feed: Feed): Promise<void> {
    const { topic, next: from } = feed;
    const { budget, limits } = this.#context;
    // What is fed must leave room for what is live on other topics.
    const most = Math.min(PAGE_BYTES, limits.maxOutboxBytes >>> 2);
    const maxBytes = budget.exhausted ? Math.min(most, SCARCE_PAGE_BYTES) : most;
    const request = { from, direction: "forward", maxEvents: PAGE_EVENTS, maxBytes } as const;
    const page = await this.#store.read(topic, request);
    await feeds.turn.admit();
    // A page that was asked for before the feed went back is of no use.
    if (feeds.has(feed) && feed.sinceMs === Infinity && feed.next === from) {
      const units = page.count + (page.bytes.length >>> UNIT_BYTES_LOG2);
      this.#handOn(feeds, feed, page);
      await feeds.turn.did(units);
    }
    releasePage(page);
  }

  /** Puts the events of a page that the session wants into its outbox. */
  #handOn(feeds: SessionFeeds, feed: Feed, page: StorePage): void {
    const { session } = feeds;
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
      if (!feeds.has(feed)) break;
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
