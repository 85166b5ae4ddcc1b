/**
 * What was published on each topic, for a bounded number of topics; all further ones count together.
 *
 * Whoever publishes keeps the tally of a topic at hand, so that an event costs two additions. When the table is full
 * and its owner forgets some topics, those who publish have to look up their tallies anew. Rates come from marks that are
 * set from time to time, so they cost an event nothing. Pure.
 */

/** The topics that are counted apart at most. */
export const MAX_TALLIES = 4096;
/** Rates are those of the time since the mark before the last; marks are set so often. */
const MARK_INTERVAL_MS = 5000;
/** A rate is over no less. */
const LEAST_RATE_MS = 1000;

/** The count of one topic, or of all that have none of their own. */
export class TopicTally {
  events = 0;
  /** The bytes of these events as they came. */
  bytes = 0;
  /** What was counted when the last mark was set, and at the one before. */
  markedEvents = 0;
  markedBytes = 0;
  formerEvents = 0;
  formerBytes = 0;

  constructor(
    /** The topic; empty for the rest. */
    readonly topic: string,
  ) {}

  /** Counts an event. */
  add(bytes: number): void {
    this.events++;
    this.bytes += bytes;
  }

  /** Sets a mark. */
  mark(): void {
    this.formerEvents = this.markedEvents;
    this.formerBytes = this.markedBytes;
    this.markedEvents = this.events;
    this.markedBytes = this.bytes;
  }
}

/** How fast a topic is published on. */
export interface TopicRate {
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** The counts of the topics of one server. */
export class TopicTallies {
  /** Counts for the topics without a tally of their own. */
  readonly rest = new TopicTally("");
  readonly #byTopic = new Map<string, TopicTally>();
  readonly #most: number;
  /** When the last mark was set, and the one before: at first when the counting began. */
  #markedMs: number;
  #formerMs: number;

  /** `startMs` is the time from which on is counted. */
  constructor(startMs = 0, most = MAX_TALLIES) {
    this.#most = most;
    this.#markedMs = this.#formerMs = startMs;
  }

  /** Sets marks when it is time. To be called now and then, from the start on. */
  sweep(nowMs: number): void {
    if (nowMs - this.#markedMs < MARK_INTERVAL_MS) return;
    this.#formerMs = this.#markedMs;
    this.#markedMs = nowMs;
    for (const tally of this.#byTopic.values()) tally.mark();
  }

  /** How fast a topic has been published on since the mark before the last: over five to ten seconds, or since the start. */
  rateOf(tally: TopicTally, nowMs: number): TopicRate {
    // In the first moment after a start one event would be a thousand a second.
    const seconds = Math.max(LEAST_RATE_MS, nowMs - this.#formerMs) / 1000;
    return {
      eventsPerSecond: (tally.events - tally.formerEvents) / seconds,
      bytesPerSecond: (tally.bytes - tally.formerBytes) / seconds,
    };
  }

  /** The tally that a topic has of its own; null for one that has none. */
  find(topic: string): TopicTally | null {
    return this.#byTopic.get(topic) ?? null;
  }

  /** Whether further topics count together. */
  get isFull(): boolean {
    return this.#byTopic.size >= this.#most;
  }

  /** The tally of `topic`, made if there is room; otherwise that of the rest. */
  of(topic: string): TopicTally {
    const known = this.#byTopic.get(topic);
    if (known !== undefined) return known;
    if (this.isFull) return this.rest;
    const tally = new TopicTally(topic);
    this.#byTopic.set(topic, tally);
    return tally;
  }

  /** The tallies of topics of their own. */
  all(): Iterable<TopicTally> {
    return this.#byTopic.values();
  }

  /** Forgets all topics but these. Tallies that were given before count no longer. */
  keepOnly(topics: ReadonlySet<string>): void {
    for (const topic of this.#byTopic.keys()) if (!topics.has(topic)) this.#byTopic.delete(topic);
  }
}
