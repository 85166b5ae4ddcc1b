/**
 * Notices that a server is gone which never said so: its machine lost power, or a firewall forgot the
 * connection.
 *
 * A server pings clients that are silent, so a connection on which nothing is heard for two of its
 * intervals is asked with a ping of our own, and one on which nothing is heard for three is given up.
 * Counted in whole intervals, so that the read loop needs no clock.
 */
import type { DeadlineTimer } from "./deadline_timer.ts";
import type { Expirable } from "./deadline_queue.ts";

/** What is done about silence. */
interface SilenceActions {
  /** Asks the server for a sign of life. */
  ask(): void;
  /** Gives the connection up; `silentMs` is for how long at least nothing was heard. */
  gone(silentMs: number): void;
}

/** The interval for servers that name none. */
const DEFAULT_INTERVAL_MS = 20_000;
/** Shorter intervals are not believed: they would be a load. */
const MIN_INTERVAL_MS = 20;
const ASK_AFTER_INTERVALS = 2;
const GONE_AFTER_INTERVALS = 3;

/** Watches one connection until it is stopped. */
export class SilenceWatch implements Expirable {
  done = false;
  deadlineMs = 0;
  readonly #intervalMs: number;
  readonly #timer: DeadlineTimer;
  readonly #actions: SilenceActions;
  #silentIntervals = 0;
  #heard = false;

  constructor(pingIntervalMs: number, timer: DeadlineTimer, actions: SilenceActions) {
    this.#intervalMs = Math.max(MIN_INTERVAL_MS, pingIntervalMs || DEFAULT_INTERVAL_MS);
    this.#timer = timer;
    this.#actions = actions;
    timer.add(this, this.#intervalMs);
  }

  /** Notes that bytes came. */
  heard(): void {
    this.#heard = true;
  }

  /** An interval is over. */
  expire(): void {
    if (this.done) return;
    this.#silentIntervals = this.#heard ? 0 : this.#silentIntervals + 1;
    this.#heard = false;
    if (this.#silentIntervals >= GONE_AFTER_INTERVALS) {
      this.done = true;
      this.#actions.gone(this.#silentIntervals * this.#intervalMs);
      return;
    }
    if (this.#silentIntervals === ASK_AFTER_INTERVALS) this.#actions.ask();
    this.#timer.add(this, this.#intervalMs);
  }

  /** Watches no more. */
  stop(): void {
    this.done = true;
  }
}
