/**
 * A subscription to a pattern that begins in the history: which kept topics are to be fed, and from where.
 *
 * There can be very many topics, so they are come to one after the other, in the order in which they were
 * opened. A topic that was there when the subscription came and was not come to yet counts as fed: nothing
 * of it is delivered live before its history. One that was opened since then is live from its first event.
 */
import { matchesPattern } from "../../base/matches_pattern.ts";
import type { Start } from "../../gen/parley/v1/event_pb.ts";
import type { Store, StoreTopic } from "../../ports/store.ts";

/** The beginning of the feed of a topic: a seq, or at the first event of a time or later. */
export interface Position {
  /** Infinity when only the time says it. */
  readonly seq: number;
  /** In milliseconds since 1970; Infinity when the seq says it. */
  readonly sinceMs: number;
}

/** The position on `topic` of a start that gives none; null when there is nothing before what is live. */
export function positionIn(topic: StoreTopic, since: Start["since"]): Position | null {
  switch (since.case) {
    case "seq":
      // Who names a seq is told of those that are gone; 0 is the first there is.
      return at(Number(since.value) || topic.firstSeq);
    case "last":
      return at(Math.max(topic.firstSeq, topic.lastSeq + 1 - since.value));
    case "all":
      return at(topic.firstSeq);
    case "timeUnixMicros": {
      const sinceMs = millisecondsOf(since.value);
      return topic.lastTimeMs < sinceMs ? null : { seq: Infinity, sinceMs };
    }
    default:
      return null;
  }
}

/** The meaning of a start that came at `nowMs`: a time that is still to come means all events from now on. */
export function sinceAt({ since }: Start, nowMs: number): Start["since"] {
  const isToCome = since.case === "timeUnixMicros" && millisecondsOf(since.value) > nowMs;
  return isToCome ? { case: "last", value: 0 } : since;
}

/** The store counts in milliseconds: nothing that is older even by a part of one. */
function millisecondsOf(micros: bigint): number {
  return Number((micros + 999n) / 1000n);
}

function at(seq: number): Position {
  return { seq, sinceMs: Infinity };
}

/** The topics of one start that were not come to yet. */
export class PatternStart {
  readonly pattern: string;
  readonly #since: Start["since"];
  /** Topics that are passed over: they have a position of their own, or have begun already. */
  readonly #others: Set<StoreTopic>;
  readonly #topics: Iterator<StoreTopic>;
  /** The order of the last topic that was come to, and of the last one to come to. */
  #at = 0;
  readonly #newest: number;

  /** The topics of `others` are passed over. */
  constructor(
    store: Store,
    start: { readonly pattern: string; readonly since: Start["since"] },
    others: Set<StoreTopic>,
  ) {
    this.pattern = start.pattern;
    this.#since = start.since;
    this.#others = others;
    this.#topics = store.topics()[Symbol.iterator]();
    this.#newest = store.newestOrder;
  }

  /** Whether it begins so many events before the end, which moves with every event. */
  get isLast(): boolean {
    return this.#since.case === "last";
  }

  /** Whether all topics were come to. */
  get isDone(): boolean {
    return this.#at >= this.#newest;
  }

  /** Whether `topic` is still to be come to. */
  covers(topic: StoreTopic): boolean {
    return topic.order > this.#at && topic.order <= this.#newest && this.#isMeant(topic);
  }

  /**
   * Comes to the next topic, and gives it when it is one of the pattern's; null for any other and when all
   * were come to.
   */
  next(): StoreTopic | null {
    const step = this.#topics.next();
    if (step.done === true || step.value.order > this.#newest) {
      this.#at = this.#newest;
      return null;
    }
    this.#at = step.value.order;
    return this.#isMeant(step.value) ? step.value : null;
  }

  /** Passes `topic` over when it would be come to: it has begun. */
  pass(topic: StoreTopic): void {
    this.#others.add(topic);
  }

  /** The position at which the feed of `topic` begins; null when there is nothing before what is live. */
  positionOf(topic: StoreTopic): Position | null {
    return positionIn(topic, this.#since);
  }

  #isMeant(topic: StoreTopic): boolean {
    return matchesPattern(this.pattern, topic.name) && !this.#others.has(topic);
  }
}
