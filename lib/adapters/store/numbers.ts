/**
 * The numbers of a store's topics and queues: which are in use, and which may be given again.
 *
 * Numbers are few (20 bits on disk) while names come and go, so a number is given again. Before that it rests, until
 * no message_id that was seen under it is remembered and no read of its former topic is under way.
 * Pure: time is an argument, by a monotonic clock.
 */
import type { StoredLog } from "./stored_log.ts";

/** The shortest rest of a number. */
const LEAST_REST_MS = 60_000;

/** The topics and queues of a store by number, from 1. */
export class TopicNumbers {
  readonly #restMs: number;
  readonly #most: number;
  /** A forgotten topic stays here until its number is given again, since the walk over its batch asks for it. */
  readonly #topics: StoredLog[] = [];
  readonly #free: number[] = [];
  /** The resting numbers with the ends of their rest, soonest first, from `#head` on. */
  #resting: { id: number; untilMs: number }[] = [];
  #head = 0;

  /** Numbers are given up to `most`; message_ids are remembered for `dedupWindowMs`. */
  constructor(most: number, dedupWindowMs: number) {
    this.#most = most;
    this.#restMs = Math.max(dedupWindowMs, LEAST_REST_MS);
  }

  /** The topic or queue that has this number, or had it last; the caller knows that there is one. */
  of(id: number): StoredLog {
    return this.#topics[id];
  }

  /** Enters a topic or queue that was there at start. */
  enter(topic: StoredLog): void {
    this.#topics[topic.id] = topic;
  }

  /** Frees the numbers below the highest that were not entered; those in `seen` rest first. */
  fill(seen: ReadonlySet<number>, nowMs: number): void {
    const highest = Math.max(this.#topics.length - 1, ...seen);
    for (let id = 1; id <= highest; id++) {
      if (this.#topics[id] !== undefined) continue;
      if (seen.has(id)) this.#rest(id, nowMs);
      else this.#free.push(id);
    }
    this.#topics.length = highest + 1;
  }

  /** Gives the next number to what `make` makes of it; null when all numbers are in use or rest. */
  take(nowMs: number, make: (id: number) => StoredLog): StoredLog | null {
    while (this.#head < this.#resting.length && this.#resting[this.#head].untilMs <= nowMs) {
      this.#free.push(this.#resting[this.#head++].id);
    }
    if (this.#head > 1024 && this.#head * 2 > this.#resting.length) {
      this.#resting = this.#resting.slice(this.#head);
      this.#head = 0;
    }
    const id = this.#free.pop() ?? Math.max(this.#topics.length, 1);
    if (id > this.#most) return null;
    const topic = make(id);
    this.#topics[id] = topic;
    return topic;
  }

  /** Frees the number of a topic or queue that was forgotten, after a rest. */
  release({ id }: StoredLog, nowMs: number): void {
    this.#rest(id, nowMs);
  }

  /** Takes the number of a log that nothing stored knows of, so that it has none until it gets another. */
  unset(log: StoredLog): void {
    delete this.#topics[log.id];
    log.id = 0;
  }

  /** Finds the numbers anew that can be given, after others were given elsewhere: those that are free rest first. */
  takeOver(nowMs: number): void {
    this.#free.length = this.#head = 0;
    this.#resting = [];
    for (let id = 1; id < this.#topics.length; id++) {
      if (this.#topics[id]?.isReleased ?? true) this.#rest(id, nowMs);
    }
  }

  #rest(id: number, nowMs: number): void {
    this.#resting.push({ id, untilMs: nowMs + this.#restMs });
  }
}
