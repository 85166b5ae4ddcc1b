/**
 * Finds out that a queue has no job any more that could be taken now, for `queue pull --drain`.
 *
 * The server is asked whenever nothing is in hand here. Jobs on their way to this client count as leased, as
 * those of other consumers do: while there are any, the answer is taken only when a second look finds
 * the same. Jobs that wait for a time are not waited for.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Client } from "../../client/mod.ts";
import type { PullRun } from "./pull_run.ts";

/** How long until the second look. */
const LOOK_AGAIN_MS = 200;
const QUIET_LOOKS = 2;

/**
 * Resolves when the queue is drained, or when `signal` is aborted. Rejects with FAILED_PRECONDITION when it is
 * paused, so that nothing more would come, and with what the server says against telling of the queue.
 */
export async function untilDrained(
  client: Client,
  queue: string,
  run: PullRun,
  signal: AbortSignal,
): Promise<void> {
  for (let quietLooks = 0; quietLooks < QUIET_LOOKS && !signal.aborted;) {
    await run.untilIdle();
    const { begun } = run;
    const look = await lookAt(client, queue);
    if (look === "drained" && run.begun === begun) return;
    quietLooks = look === "quiet" && run.begun === begun ? quietLooks + 1 : 0;
    if (quietLooks < QUIET_LOOKS) await pause(LOOK_AGAIN_MS, signal);
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}

async function lookAt(client: Client, queue: string): Promise<"drained" | "quiet" | "busy"> {
  try {
    const { ready, leased, paused } = await client.queue(queue).info();
    if (paused && ready > 0) {
      throw new ParleyError(
        ErrorCode.FAILED_PRECONDITION,
        `cannot drain "${queue}": it is paused`,
        {
          accepted: `parley queue resume ${queue}`,
        },
      );
    }
    if (ready > 0) return "busy";
    return leased > 0 ? "quiet" : "drained";
  } catch (error) {
    // With the connection lost there is nobody to ask; it is being opened again.
    if (ParleyError.from(error).retryable) return "busy";
    throw error;
  }
}
