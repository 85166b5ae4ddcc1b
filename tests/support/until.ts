/**
 * Waiting in tests: for events, never for a time.
 *
 * The deadlines here are far beyond what a healthy run takes; they only turn a hang into a failure that
 * says what did not happen. No test may assert how long something took.
 */

import { setImmediate } from "node:timers";

/** Beyond this a test has hung. */
const HANG_MS = 30_000;
/** How often a condition is looked at that has no event of its own: at first every turn, then this often. */
const LOOK_EVERY_MS = 2;
const LOOKS_EVERY_TURN = 200;

/** Gives what `promise` gives; fails with `what` when it never settles. */
export async function settles<T>(
  promise: Promise<T>,
  what: string,
  deadlineMs = HANG_MS,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what}: nothing after ${deadlineMs} ms`)),
      deadlineMs,
    );
  });
  try {
    return await Promise.race([promise, hang]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves once `condition` holds; fails with `what` when it never does. */
export async function until(
  condition: () => boolean,
  what: string,
  deadlineMs = HANG_MS,
): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs;
  for (let looks = 0; !condition(); looks++) {
    if (performance.now() > giveUpAt) throw new Error(`${what}: not after ${deadlineMs} ms`);
    await new Promise<void>((resolve) => {
      if (looks < LOOKS_EVERY_TURN) setImmediate(resolve);
      else setTimeout(resolve, LOOK_EVERY_MS);
    });
  }
}

/** Resolves once `value` has been the same for `looks` looks in a row, and gives it. */
export async function settled(
  value: () => number,
  what: string,
  looks = 50,
  deadlineMs = HANG_MS,
): Promise<number> {
  const giveUpAt = performance.now() + deadlineMs;
  let last = value();
  for (let same = 0; same < looks;) {
    if (performance.now() > giveUpAt) throw new Error(`${what}: not after ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    const now = value();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}
