/**
 * When to try again: exponential backoff with full jitter, so that the clients of a server that comes
 * back do not all come at once.
 *
 * Pure: time and random numbers are arguments. Two things are counted apart: attempts in a row without
 * success (which may be limited), and the growth of the delay, which only a connection that lived for a
 * while takes back. A server that accepts and closes at once is thus not hammered.
 *
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("full jitter")
 */
import type { ReconnectSettings } from "../settings.ts";

/** The growth stops here, long after any `maxMs` is reached. */
const MAX_DOUBLINGS = 31;

/** The delays of one connection. */
export class Backoff {
  readonly #settings: ReconnectSettings;
  #doublings = 0;
  #failures = 0;
  #openedMs = 0;

  constructor(settings: ReconnectSettings) {
    this.#settings = settings;
  }

  /** Notes that a connection was opened at `nowMs`. */
  opened(nowMs: number): void {
    this.#failures = 0;
    this.#openedMs = nowMs;
  }

  /** Notes that the connection was lost at `nowMs`. If it lived as long as the longest delay, all is forgiven. */
  lost(nowMs: number): void {
    if (nowMs - this.#openedMs >= this.#settings.maxMs) this.#doublings = 0;
  }

  /**
   * The delay before the next attempt, in milliseconds; null when no attempt is left. `random` is from
   * 0 (inclusive) to 1 (exclusive).
   */
  next(random: number): number | null {
    if (this.#failures >= this.#settings.attempts) return null;
    this.#failures++;
    const most = Math.min(this.#settings.maxMs, this.#settings.minMs * 2 ** this.#doublings);
    if (this.#doublings < MAX_DOUBLINGS) this.#doublings++;
    return random * most;
  }
}
