/**
 * How late the event loop comes to a timer: what everything that waits for its turn waits for, too.
 */
import { BucketCounts, TIME_BOUNDS_MS } from "../../ports/bucket_counts.ts";

/** The time between two looks. */
export const LOOK_INTERVAL_MS = 100;

/** The delays of one event loop. */
export class LoopDelay {
  /** The delay of each look, in milliseconds. */
  readonly delaysMs = new BucketCounts(TIME_BOUNDS_MS);
  /** The delay of the last look, in milliseconds. */
  lastMs = 0;
  readonly #timer: ReturnType<typeof setInterval>;
  #lookedMs = performance.now();

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
  }

  /** Looks no more. */
  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    this.lastMs = Math.max(0, nowMs - this.#lookedMs - LOOK_INTERVAL_MS);
    this.#lookedMs = nowMs;
    this.delaysMs.add(this.lastMs);
  }
}
