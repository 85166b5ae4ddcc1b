/**
 * The one way to leave a promise alone: a rejection that nobody hears would end the process.
 *
 * Every promise of lib/ is awaited, given back, kept, or handed to a function of this file, which says what its
 * failure means; tools/promises.ts finds those that are not. Nothing here rejects or raises.
 */
import { isDefect, reportDefect } from "./defects.ts";

/** Lets `promise` go its way. It is not meant to fail: a failure is a defect. `what` is what it does. */
export function detached(promise: Promise<unknown>, what: string): void {
  promise.then(undefined, (reason) => reportDefect(what, reason));
}

/**
 * Lets `promise` go its way, though it may well fail: a peer may be gone, a disk full, and whoever must know is
 * told in another way. Only a failure that is no such thing is a defect.
 */
export function mayFail(promise: Promise<unknown>, what: string): void {
  promise.then(undefined, (reason) => passOver(reason, what));
}

/** Resolves when `promise` is settled, however it ends; its failure means the same as with `mayFail`. */
export async function settled(promise: Promise<unknown>, what: string): Promise<void> {
  try {
    await promise;
  } catch (reason) {
    passOver(reason, what);
  }
}

/** Says that the failure of `promise` is met elsewhere, by whoever awaits it, sooner or later or never. */
export function handled(promise: Promise<unknown>): void {
  promise.then(undefined, () => {});
}

/** Resolves when `promise` is settled; its failure is met elsewhere, as with `handled`. */
export async function whenOver(promise: Promise<unknown>): Promise<void> {
  await Promise.allSettled([promise]);
}

function passOver(reason: unknown, what: string): void {
  if (isDefect(reason)) reportDefect(what, reason);
}
