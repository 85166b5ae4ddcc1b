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
