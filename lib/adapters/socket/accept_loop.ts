/**
 * Accepts connections for ever, whatever goes wrong with one of them.
 *
 * A connection that was dead before it was taken is passed over at once: whoever connects and resets must
 * not delay the next one. When files or memory run out, `accept` rejects until that is over, so each such
 * failure in a row doubles a pause. Failures that nobody foresaw are passed over too, but with a short pause
 * every few of a row, since they may go on for ever.
 *
 * A full backlog is accepted without a wait in between, which would starve timers and other connections: so
 * the loop lets the runtime look around every so often.
 */
import { logger } from "../../base/log.ts";
import { acceptFailureOf } from "./accept_failure.ts";

const log = logger("listener");
/** Pauses when something has run out. Short, so that who waits in the backlog is served soon after. */
const FIRST_PAUSE_MS = 5;
const MAX_PAUSE_MS = 250;
/** After so many unforeseen failures in a row there is a pause of `FIRST_PAUSE_MS`, and again after as many. */
const UNKNOWN_IN_A_ROW = 16;
/** After so many connections, good or dead, others have their turn. */
const ACCEPTS_A_TURN = 64;

/** The pause after something has run out `failures` times in a row (1 or more), in milliseconds. */
export function exhaustionPauseMs(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 20), MAX_PAUSE_MS);
}

/** Yields what `accept` gives until `stopped` is aborted. `address` is for the log. */
export async function* acceptLoop<T>(
  accept: () => Promise<T>,
  address: string,
  stopped: AbortSignal,
): AsyncGenerator<T, void, void> {
  const failures = new Failures(address);
  for (let count = 1; !stopped.aborted; count++) {
    let pauseMs = count % ACCEPTS_A_TURN === 0 ? 0 : -1;
    let connection: T | undefined;
    let accepted = false;
    try {
      connection = await accept();
      accepted = true;
    } catch (error) {
      if (stopped.aborted) return;
      pauseMs = Math.max(pauseMs, failures.pauseMs(error));
    }
    if (accepted) {
      failures.over();
      yield connection as T;
    }
    if (pauseMs >= 0) await pause(pauseMs, stopped);
  }
}

/** The failures in a row of one listener. */
class Failures {
  readonly #address: string;
  #exhausted = 0;
  #unknown = 0;

  constructor(address: string) {
    this.#address = address;
  }

  /** Takes note of a failure; gives how long to pause because of it, or -1 when there is no need to. */
  pauseMs(error: unknown): number {
    const address = this.#address;
    switch (acceptFailureOf(error)) {
      case "connection":
        log.debug("a connection to {address} was gone before it was taken: {error}", {
          address,
          error,
        });
        return -1;
      case "exhaustion":
        if (++this.#exhausted === 1) this.#warn(error);
        return exhaustionPauseMs(this.#exhausted);
      case "unknown":
        if (++this.#unknown === 1) this.#warn(error);
        return this.#unknown % UNKNOWN_IN_A_ROW === 0 ? FIRST_PAUSE_MS : -1;
    }
  }

  /** Says that a connection was accepted. */
  over(): void {
    const failures = this.#exhausted + this.#unknown;
    if (failures === 0) return;
    log.info("accepting again on {address}", { address: this.#address, failures });
    this.#exhausted = this.#unknown = 0;
  }

  #warn(error: unknown): void {
    log.warning("cannot accept on {address}, trying again: {error}", {
      address: this.#address,
      error,
    });
  }
}

/** Waits `ms` milliseconds, or less when `signal` is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
