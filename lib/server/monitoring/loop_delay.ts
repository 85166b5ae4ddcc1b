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
  /** The longest delay since it was taken last, in milliseconds. */
  #peakMs = 0;
  readonly #timer: ReturnType<typeof setInterval>;
  #lookedMs = performance.now();

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL_MS);
  }

  /** Gives the longest delay since this was called last, in milliseconds. */
  takePeak(): number {
    const peakMs = this.#peakMs;
    this.#peakMs = 0;
    return peakMs;
  }

  /** Looks no more. */
  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    this.lastMs = Math.max(0, nowMs - this.#lookedMs - LOOK_INTERVAL_MS);
    this.#lookedMs = nowMs;
    this.#peakMs = Math.max(this.#peakMs, this.lastMs);
    this.delaysMs.add(this.lastMs);
  }
}
