/**
 * The machine's clock, whose wall clock a test can set: timers and intervals go on as they do.
 */
import type { Clock } from "../../lib/base/clock.ts";

/** A wall clock that is as far from the machine's as it was set. */
export class SetClock implements Clock {
  #offsetMs = 0;

  wallMs(): number {
    return Date.now() + this.#offsetMs;
  }

  monotonicMs(): number {
    return performance.now();
  }

  /** Sets the wall clock by so much, forward or back. */
  set(byMs: number): void {
    this.#offsetMs += byMs;
  }
}
