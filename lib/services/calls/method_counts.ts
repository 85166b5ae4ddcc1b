/**
 * What is counted of the calls of one method, while anybody answers it.
 */
import { BucketCounts, TIME_BOUNDS_MS } from "../../ports/bucket_counts.ts";

/** How a call can end. */
export type CallEnd = "answered" | "failed" | "expired" | "cancelled" | "abandoned";

/** The counts of one method. */
export class MethodCounts {
  readonly method: string;
  /** The calls that wait for an answer. */
  underWay = 0;
  readonly ended: Record<CallEnd, number> = {
    answered: 0,
    failed: 0,
    expired: 0,
    cancelled: 0,
    abandoned: 0,
  };
  /** The time from each call to its answer or error, in milliseconds. */
  readonly durationsMs = new BucketCounts(TIME_BOUNDS_MS);
  maxMs = 0;

  constructor(method: string) {
    this.method = method;
  }

  /** Notes how long it took until an answer or an error came. */
  took(ms: number): void {
    this.durationsMs.add(ms);
    if (ms > this.maxMs) this.maxMs = ms;
  }

  /** The average time, in milliseconds; 0 before the first answer. */
  get averageMs(): number {
    const { count, sum } = this.durationsMs;
    return count === 0 ? 0 : sum / count;
  }

  /** A time that this share of all calls took no longer than, in milliseconds: the bound of a bucket, or the longest. */
  withinMs(share: number): number {
    const { bounds, counts, count } = this.durationsMs;
    let left = Math.ceil(share * count);
    for (let index = 0; index < bounds.length; index++) {
      left -= counts[index];
      if (left <= 0) return Math.min(bounds[index], this.maxMs);
    }
    return this.maxMs;
  }
}

/** What a method or a call holds of its counts. */
interface Counted {
  counts: object | null;
}

/** The counts of a method that is offered; made with its first call. */
export function countsOfMethod(method: Counted & { readonly name: string }): MethodCounts {
  return (method.counts ??= new MethodCounts(method.name)) as MethodCounts;
}

/** The counts of a method or of the method of a call; null while there are none. */
export function knownCountsOf({ counts }: Counted): MethodCounts | null {
  return counts as MethodCounts | null;
}
