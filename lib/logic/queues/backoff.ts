/**
 * The backoff of retries: how long a job that failed waits before its next delivery.
 *
 * Source: "equal jitter" in https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
import type { WorkQueueOptions } from "./options.ts";

/**
 * The wait after `attempts` deliveries, in milliseconds. It doubles with each attempt up to `backoffMaxMs`; `random`
 * (0 to below 1) chooses between half of that and all of it.
 */
export function backoffMs(options: WorkQueueOptions, attempts: number, random: number): number {
  const { backoffMinMs, backoffMaxMs } = options;
  const wholeMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** (attempts - 1));
  return wholeMs * (0.5 + random / 2);
}
