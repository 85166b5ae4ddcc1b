/**
 * The token bucket: at most `burst` at once, and `ratePerSecond` on the long run.
 *
 * Pure: time is an argument, in milliseconds of a clock that never goes back. A bucket starts full. What was done
 * already can be paid afterwards (`spend`); such a debt is never more than `MAX_DEBT_MS` pay back.
 */

/** The most that can be owed: what comes in so long. */
const MAX_DEBT_MS = 10_000;

/** Limits how often something happens. */
export class TokenBucket {
  readonly #ratePerMs: number;
  readonly #burst: number;
  #tokens: number;
  #lastMs: number;

  /** `ratePerSecond` and `burst` are positive; `nowMs` is when the bucket is made. */
  constructor(ratePerSecond: number, burst: number, nowMs: number) {
    this.#ratePerMs = ratePerSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#lastMs = nowMs;
  }

  /** The most tokens there can be. */
  get burst(): number {
    return this.#burst;
  }

  /** The tokens there are; less than none while some are owed. */
  available(nowMs: number): number {
    const passedMs = Math.max(0, nowMs - this.#lastMs);
    this.#lastMs = Math.max(this.#lastMs, nowMs);
    this.#tokens = Math.min(this.#burst, this.#tokens + passedMs * this.#ratePerMs);
    return this.#tokens;
  }

  /** Takes one token and gives 0, or takes none and gives the milliseconds until there is one. */
  take(nowMs: number): number {
    const delayMs = this.delayMs(1, nowMs);
    if (delayMs === 0) this.#tokens -= 1;
    return delayMs;
  }

  /** Takes tokens, also those that are not there yet. */
  spend(count: number): void {
    this.#tokens = Math.max(this.#tokens - count, -MAX_DEBT_MS * this.#ratePerMs);
  }

  /** The milliseconds until there are `count` tokens, which are no more than the burst; 0 when there are. */
  delayMs(count: number, nowMs: number): number {
    const missing = count - this.available(nowMs);
    return missing <= 0 ? 0 : missing / this.#ratePerMs;
  }

  /** The tokens that come in `ms` milliseconds, but at least one and at most the burst. */
  worth(ms: number): number {
    return Math.max(1, Math.min(this.#burst, ms * this.#ratePerMs));
  }
}
