/**
 * How long a job that failed waits before it is tried again.
 *
 * Source: "equal jitter" in https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
import type { WorkQueueOptions } from "./options.ts";

/**
 * The wait after `attempts` deliveries, in milliseconds: twice as long each time, up to the longest, and of that
 * between half and all by `random` (0 to below 1).
 */
export function backoffMs(options: WorkQueueOptions, attempts: number, random: number): number {
  const { backoffMinMs, backoffMaxMs } = options;
  const wholeMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** (attempts - 1));
  return wholeMs * (0.5 + random / 2);
}
