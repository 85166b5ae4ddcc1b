/**
 * Some of many events: a sample in which each has the same chance, at most so many a second, with exact counts of those
 * that fit and of those that were left out.
 *
 * Between two answers at most a second's number is held (reservoir sampling: Vitter's algorithm R), and an answer gives no
 * more than the time since the last ones allows. Few events are given whole. Bounded in number and bytes: what would hold too many
 * bytes is left out, so that large events are rarer in a sample than they were. Pure: time and chance are arguments.
 */
import { TokenBucket } from "../access/token_bucket.ts";

/** What bounds a sample. */
export interface SampleBounds {
  /** The most events of one second. */
  readonly perSecond: number;
  /** The most bytes that are held. */
  readonly maxBytes: number;
}

/** One event of a sample. */
interface Held {
  /** Its number among all that were offered. */
  readonly number: number;
  readonly event: Uint8Array;
}

/** What a sample has gathered. */
export interface Sampled {
  /** In the order in which they came. */
  readonly events: readonly Uint8Array[];
  /** The number of events that were offered, those given among them. */
  readonly offered: number;
}

/** Gathers a sample. */
export class EventSample {
  readonly #bounds: SampleBounds;
  readonly #random: () => number;
  readonly #bucket: TokenBucket;
  #held: Held[] = [];
  #bytes = 0;
  #offered = 0;

  /** `random` gives numbers from 0 to below 1. */
  constructor(bounds: SampleBounds, nowMs: number, random: () => number) {
    this.#bounds = bounds;
    this.#random = random;
    this.#bucket = new TokenBucket(bounds.perSecond, bounds.perSecond, nowMs);
  }

  /** Counts an event, and gives the place that it comes to in the sample; -1 when it does not come into it. */
  offer(): number {
    const { perSecond } = this.#bounds;
    this.#offered++;
    const place = this.#held.length;
    if (place < perSecond) return place;
    const other = Math.floor(this.#random() * this.#offered);
    return other < perSecond ? other : -1;
  }

  /** Puts the event that was offered last, an array of its own, into the place that it was given. */
  put(place: number, event: Uint8Array): void {
    const bytes = this.#bytes + event.length - (this.#held[place]?.event.length ?? 0);
    if (bytes > this.#bounds.maxBytes) return;
    this.#bytes = bytes;
    this.#held[place] = { number: this.#offered, event };
  }

  /** Gives what gathered, and begins anew. */
  take(nowMs: number): Sampled {
    const held = this.#held;
    const offered = this.#offered;
    const most = Math.max(0, Math.floor(this.#bucket.available(nowMs)));
    // Those that stay are chosen by chance, too: who came first has had no better one.
    for (let last = held.length - 1; last >= most; last--) {
      held[Math.floor(this.#random() * (last + 1))] = held[last];
      held.pop();
    }
    this.#bucket.spend(held.length);
    held.sort((one, other) => one.number - other.number);
    this.#held = [];
    this.#bytes = this.#offered = 0;
    return { events: held.map(({ event }) => event), offered };
  }
}
