/**
 * The message_ids seen within the window, over all topics, with the seq that each of them got.
 *
 * Bounded in time and number: past `maxEntries` the oldest are forgotten early. Times are monotonic, so
 * a clock that steps neither forgets nor remembers too long. Non-goal: durability; a backend gives the
 * ids of the window at start.
 */

interface Seen {
  readonly key: string;
  readonly seq: number;
  readonly atMs: number;
}

/** The fewest forgotten entries that are cut off the queue at a time. */
const COMPACT_AT = 1024;

/** The message_ids that were seen within the window. */
export class DedupWindow {
  readonly #windowMs: number;
  readonly #maxEntries: number;
  readonly #seen = new Map<string, Seen>();
  #queue: Seen[] = [];
  #head = 0;

  constructor(windowMs: number, maxEntries: number) {
    this.#windowMs = windowMs;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#seen.size;
  }

  /** The seq that `messageId` got in `topic`, or 0 when it was not seen within the window. */
  find(topic: number, messageId: string, nowMs: number): number {
    this.#expire(nowMs);
    return this.#seen.get(keyOf(topic, messageId))?.seq ?? 0;
  }

  /** Remembers that `messageId` got `seq`; `nowMs` never goes back from call to call. */
  add(topic: number, messageId: string, seq: number, nowMs: number): void {
    const seen = { key: keyOf(topic, messageId), seq, atMs: nowMs };
    this.#seen.set(seen.key, seen);
    this.#queue.push(seen);
    this.#expire(nowMs);
  }

  /** Forgets an id whose event was not kept after all. */
  remove(topic: number, messageId: string): void {
    this.#seen.delete(keyOf(topic, messageId));
  }

  #expire(nowMs: number): void {
    const queue = this.#queue;
    const oldest = nowMs - this.#windowMs;
    while (this.#head < queue.length) {
      const first = queue[this.#head];
      // Removed ids stay in the queue until their time comes, so the queue is what is bounded.
      if (first.atMs >= oldest && queue.length - this.#head <= this.#maxEntries) break;
      this.#head++;
      if (this.#seen.get(first.key) === first) this.#seen.delete(first.key);
    }
    if (this.#head >= COMPACT_AT && this.#head * 2 > queue.length) {
      this.#queue = queue.slice(this.#head);
      this.#head = 0;
    }
  }
}

function keyOf(topic: number, messageId: string): string {
  return `${topic} ${messageId}`;
}
