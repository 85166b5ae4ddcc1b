/**
 * Accepts connections for ever, whatever goes wrong with one of them.
 *
 * When files or memory run out, `accept` rejects at once and goes on rejecting; retrying without a pause
 * would starve every timer and every other connection. So each failure in a row doubles a pause, from 5 ms
 * to 1 s, and only the first of a row is logged.
 */
import { logger } from "../../base/log.ts";

const log = logger("listener");
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 1000;

/** How long to pause after `failures` failures in a row (1 or more), in milliseconds. */
export function acceptPauseMs(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 20), LONGEST_PAUSE_MS);
}

/** Yields what `accept` gives until `stopped` is aborted. `address` is for the log. */
export async function* acceptLoop<T>(
  accept: () => Promise<T>,
  address: string,
  stopped: AbortSignal,
): AsyncGenerator<T, void, void> {
  let failures = 0;
  while (!stopped.aborted) {
    try {
      const connection = await accept();
      if (failures > 0) log.info("accepting again on {address}", { address, failures });
      failures = 0;
      yield connection;
    } catch (error) {
      if (stopped.aborted) return;
      if (++failures === 1) {
        log.warning("cannot accept on {address}, trying again: {error}", { address, error });
      }
      await pause(acceptPauseMs(failures), stopped);
    }
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
