/**
 * A clock that moves only when a test says so.
 *
 * Non-goal: timers; those of the runtime know nothing of it.
 */
import type { Clock } from "../../lib/base/clock.ts";

/** Both kinds of time, moved by hand. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;

  constructor(wallMs = 1_700_000_000_000) {
    this.#wallMs = wallMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Lets `ms` milliseconds pass on both clocks. */
  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  /** Sets the wall clock by `ms`, as an administrator or NTP would; intervals do not notice. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }
}
