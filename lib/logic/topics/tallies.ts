/**
 * What was published on each topic, for a bounded number of topics; all further ones count together.
 *
 * Whoever publishes keeps the tally of a topic at hand, so that an event costs two additions. When the table is full
 * and its owner forgets some topics, those who publish have to look up their tallies anew. Pure.
 */

/** The topics that are counted apart at most. */
export const MAX_TALLIES = 4096;

/** The count of one topic, or of all that have none of their own. */
export class TopicTally {
  events = 0;
  /** The bytes of these events as they came. */
  bytes = 0;

  constructor(
    /** The topic; empty for the rest. */
    readonly topic: string,
  ) {}

  /** Counts an event. */
  add(bytes: number): void {
    this.events++;
    this.bytes += bytes;
  }
}

/** The counts of the topics of one server. */
export class TopicTallies {
  /** Counts for the topics without a tally of their own. */
  readonly rest = new TopicTally("");
  readonly #byTopic = new Map<string, TopicTally>();
  readonly #most: number;

  constructor(most = MAX_TALLIES) {
    this.#most = most;
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
