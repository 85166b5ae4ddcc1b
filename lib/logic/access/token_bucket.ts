/**
 * The token bucket: at most `burst` at once, and `ratePerSecond` on the long run.
 *
 * Pure: time is an argument, in milliseconds of a clock that never goes back. A bucket starts full.
 */

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

  /** Takes one token and gives 0, or takes none and gives the milliseconds until there is one. */
  take(nowMs: number): number {
    const passedMs = Math.max(0, nowMs - this.#lastMs);
    this.#lastMs = Math.max(this.#lastMs, nowMs);
    this.#tokens = Math.min(this.#burst, this.#tokens + passedMs * this.#ratePerMs);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return (1 - this.#tokens) / this.#ratePerMs;
  }
}
