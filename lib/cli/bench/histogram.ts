/**
 * A histogram of durations in fixed memory: what a load of any length may record into.
 *
 * Buckets grow by 1 %, so a quantile is off by at most that much; the largest value is exact. From one
 * microsecond to about two hours; what lies outside counts as the nearest bucket.
 */
import { ms } from "../terminal/summary.ts";

const GROWTH = Math.log(1.01);
const BUCKETS = 2300;

/** The durations that are told of a load, in milliseconds. */
export interface Durations {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Records durations and tells their quantiles. */
export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  /** How many durations were recorded. */
  get count(): number {
    return this.#count;
  }

  /** The longest duration, in milliseconds; 0 when there is none. */
  get maxMs(): number {
    return this.#maxMs;
  }

  /** Records one duration in milliseconds. */
  record(ms: number): void {
    const bucket = ms <= 0.001 ? 0 : Math.floor(Math.log(ms * 1000) / GROWTH);
    this.#counts[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    this.#count++;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** What is told of the recorded durations; null when there are none. */
  summary(): Durations | null {
    if (this.#count === 0) return null;
    return { p50: this.quantileMs(0.5), p99: this.quantileMs(0.99), max: this.#maxMs };
  }

  /** The duration, in milliseconds, that the given share (0 to 1) of all did not exceed; 0 without any. */
  quantileMs(share: number): number {
    const rank = Math.max(1, Math.ceil(this.#count * share));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket];
      if (seen >= rank) return Math.min(this.#maxMs, Math.exp((bucket + 1) * GROWTH) / 1000);
    }
    return 0;
  }
}

/** The rows of a summary that tell of durations, under this label: one, or none when nothing was measured. */
export function durationRows(label: string, durations: Durations | null): string[][] {
  if (durations === null) return [];
  const { p50, p99, max } = durations;
  return [[label, `p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)}`]];
}
