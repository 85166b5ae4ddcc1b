/**
 * Subscribers that read a kept topic's history: from where they asked to begin, or because they could not
 * keep up with what is new.
 *
 * A feed is one session on one topic. While it lasts, live events of the topic pass that session by; it
 * ends in the very moment in which its next seq is the next that will be committed, so that there is
 * neither gap nor duplicate. One task a session pumps all its feeds in turn, a page at a time, and only
 * while the session reads.
 */
import { CloseReason, ErrorCode, ParleyError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import type { Store, StorePage, StoreTopic } from "../ports/store.ts";
import { FieldCursor } from "../wire/field_cursor.ts";
import type { Bus } from "./bus.ts";
import type { Session } from "./session.ts";
import type { SessionHost } from "./session_host.ts";

const log = logger("connection");

/** The most events of one page. */
const PAGE_EVENTS = 1024;
/** The most bytes of one page. */
const PAGE_BYTES = 256 * 1024;
/** Numbers of Event's fields. */
const TYPE_FIELD = 3;
const SENDER_FIELD = 11;

/** One session on one topic. */
interface Feed {
  readonly topic: StoreTopic;
  /** The next seq that the session gets. */
  next: number;
  /** Gives `next` when it has to be looked up first. */
  find: (() => Promise<number>) | null;
}

/** The feeds of one session. */
export class SessionFeeds {
  readonly byTopic = new Map<string, Feed>();
  pumping = false;
}

/** All feeds of a server. */
export class Feeds {
  readonly #host: SessionHost;
  readonly #bus: Bus;
  readonly #store: Store;
  readonly #fields = new FieldCursor();
  #count = 0;
  #version = 0;

  constructor(host: SessionHost, bus: Bus, store: Store) {
    this.#host = host;
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

  /** Whether live events of `topic` pass `session` by. */
  has(session: Session, topic: string): boolean {
    return session.feeds !== null && session.feeds.byTopic.has(topic);
  }

  /**
   * Feeds `session` with `topic` from the seq `next` on, or from what `find` gives; a feed that is there
   * already goes back as far as that.
   */
  begin(session: Session, topic: StoreTopic, next: number, find: Feed["find"] = null): void {
    const feeds = session.feeds ??= new SessionFeeds();
    const former = feeds.byTopic.get(topic.name);
    if (former === undefined) {
      if (find === null && next > topic.lastSeq) return;
      feeds.byTopic.set(topic.name, { topic, next, find });
      this.#count++;
      this.#version++;
    } else if (find === null && former.find === null) former.next = Math.min(former.next, next);
    else {
      const before = former.find ?? (() => Promise.resolve(former.next));
      const after = find ?? (() => Promise.resolve(next));
      former.find = async () => Math.min(await before(), await after());
    }
    if (!feeds.pumping) void this.#pump(session, feeds);
  }

  /** Forgets the feeds of a session that left. */
  leave(session: Session): void {
    if (session.feeds === null) return;
    this.#count -= session.feeds.byTopic.size;
    this.#version++;
    session.feeds.byTopic.clear();
  }

  async #pump(session: Session, feeds: SessionFeeds): Promise<void> {
    feeds.pumping = true;
    try {
      while (feeds.byTopic.size > 0 && session.takesDeliveries) {
        // Each in turn, so that one long history does not keep the others waiting.
        for (const feed of [...feeds.byTopic.values()]) {
          await session.outbox.whenAtMost(this.#host.limits.outboxHighWaterBytes);
          if (!session.takesDeliveries || !feeds.byTopic.has(feed.topic.name)) break;
          await this.#step(session, feeds, feed);
        }
      }
    } catch (error) {
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
    } finally {
      feeds.pumping = false;
    }
  }

  /** Hands on one page, or ends the feed. */
  async #step(session: Session, feeds: SessionFeeds, feed: Feed): Promise<void> {
    const { topic } = feed;
    if (feed.find !== null) {
      const find = feed.find;
      feed.find = null;
      feed.next = await find();
    }
    if (feed.next > topic.lastSeq || !this.#bus.wants(session, topic.name)) {
      if (feeds.byTopic.delete(topic.name)) {
        this.#count--;
        this.#version++;
      }
      return;
    }
    const from = feed.next;
    const page = await this.#store.read(topic, {
      from,
      direction: "forward",
      maxEvents: PAGE_EVENTS,
      maxBytes: PAGE_BYTES,
    });
    // A page that was asked for before the feed went back is of no use.
    if (!session.takesDeliveries || feed.find !== null || feed.next !== from) return;
    this.#handOn(session, feed, page);
  }

  #handOn(session: Session, feed: Feed, page: StorePage): void {
    const { topic } = feed;
    if (page.count === 0) {
      // All of it was trimmed meanwhile.
      this.#tellTrimmed(session, feed, topic.firstSeq);
      return;
    }
    if (page.seqs[0] > feed.next) this.#tellTrimmed(session, feed, page.seqs[0]);
    const filter = this.#bus.filterOf(session, topic.name);
    for (let index = 0; index < page.count; index++) {
      if (page.seqs[index] < feed.next) continue;
      feed.next = page.seqs[index] + 1;
      const start = page.ranges[2 * index];
      const end = page.ranges[2 * index + 1];
      if (filter !== null && !this.#passes(filter, page.bytes, start, end)) continue;
      this.#bus.deliverTo(session, page.bytes, start, end);
    }
    session.outbox.flush();
  }

  /** Tells that events were trimmed before the session could read them. */
  #tellTrimmed(session: Session, feed: Feed, next: number): void {
    const count = next - feed.next;
    feed.next = next;
    if (count <= 0) return;
    session.send({ case: "missed", value: { topic: feed.topic.name, count: BigInt(count) } });
    session.outbox.flush();
  }

  #passes(
    filter: (type: string, sender: string) => boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const fields = this.#fields;
    let type = "";
    let sender = "";
    fields.open(bytes, start, end);
    while (fields.next()) {
      if (fields.field === TYPE_FIELD) type = textOf(bytes, fields);
      else if (fields.field === SENDER_FIELD) sender = textOf(bytes, fields);
    }
    return filter(type, sender);
  }
}

const decoder = new TextDecoder();

function textOf(bytes: Uint8Array, fields: FieldCursor): string {
  return decoder.decode(bytes.subarray(fields.start, fields.end));
}
