/**
 * Tries what needs the cluster's log until it succeeds: servers of NATS that begin, or have lost one of them, give no answer for a
 * while, and a node that ended for that would have to be started again by somebody.
 */
import { ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { LogError } from "../../ports/commit_log.ts";

const log = logger("cluster");

const PAUSE_MS = 100;
/** The pause between two warnings of a server that waits. */
const WARN_MS = 10_000;

/** Tries until it succeeds; null when it has not within `mostMs`. Rejects with an error that will not go away. */
export async function patiently<T>(open: () => Promise<T>, mostMs: number): Promise<T | null> {
  const startMs = performance.now();
  let warnMs = startMs + WARN_MS / 5;
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!mayPass(error)) throw error;
      const nowMs = performance.now();
      if (nowMs - startMs >= mostMs) return null;
      if (nowMs >= warnMs) {
        warnMs = nowMs + WARN_MS;
        log.warning("the server waits for the cluster's log: {reason}", { reason: error.message });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Whether an error is one of a log that gives no answer for the moment. */
function mayPass(error: unknown): error is Error {
  if (error instanceof LogError) return error.fault === "unknown";
  return error instanceof ParleyError && error.retryable;
}
