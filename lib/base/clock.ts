/**
 * Time as an argument: whatever needs to know the time is given a Clock, so that tests can turn it.
 *
 * Two kinds of time, never mixed: `wallMs` for what people and stamps see (it may step), `monotonicMs`
 * for intervals and deadlines (it never goes back).
 */

/** Tells the time. */
export interface Clock {
  /** Milliseconds since 1970 (UTC). May step in either direction. */
  wallMs(): number;
  /** Milliseconds since some fixed moment, with fractions. Never goes back. */
  monotonicMs(): number;
}

/** The machine's clock. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** A clock that moves only when told to. For tests and simulations. */
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
