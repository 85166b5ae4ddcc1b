/**
 * Defects at places where nobody could be told of them: in a timer, in an event, in a promise that nobody awaits.
 *
 * Whoever runs a process listens with `onDefect`: the server logs each with its cause and counts it. While nobody
 * listens a defect goes to the console, so that none is silent. Reporting never raises, whatever was thrown.
 * Non-goal: failures that somebody is told of; those are ParleyErrors on their way to a peer.
 */

/** Is told of a defect: `what` was to be done ("answer a call"), `error` is why it could not be. */
type DefectListener = (what: string, error: Error) => void;

const listeners = new Set<DefectListener>();

/** Tells `listener` of every defect from now on, until the function that is given back is called. */
export function onDefect(listener: DefectListener): () => void {
  // A listener may be given twice, by two who do not know of each other.
  const own: DefectListener = (what, error) => listener(what, error);
  listeners.add(own);
  return () => void listeners.delete(own);
}

/** Reports that `what` could not be done, because of `reason`. Never raises. */
export function reportDefect(what: string, reason: unknown): void {
  const error = errorOf(reason);
  if (listeners.size === 0) return console.error(`cannot ${what}:`, error);
  for (const listener of listeners) {
    try {
      listener(what, error);
    } catch {
      // A listener that fails must not keep the others from being told, nor end what is going on here.
    }
  }
}

/**
 * Runs what must not fail, where others must go on even if it does: in a timer, an event, a walk over many. What
 * it throws is a defect. Gives whether all went well.
 */
export function guard(what: string, run: () => void): boolean {
  try {
    run();
    return true;
  } catch (reason) {
    reportDefect(what, reason);
    return false;
  }
}

/**
 * Whether `reason` means that our own code is wrong: an error of JavaScript itself, or a broken invariant.
 * Peers, disks and the network fail with errors of other classes.
 */
export function isDefect(reason: unknown): boolean {
  return reason instanceof TypeError || reason instanceof RangeError ||
    reason instanceof ReferenceError ||
    reason instanceof Error && reason.message.startsWith("broken invariant");
}

/** What was thrown, as an Error: anything may be thrown, also what has no text. */
export function errorOf(reason: unknown): Error {
  if (reason instanceof Error) return reason;
  let text: string;
  try {
    text = String(reason);
  } catch {
    text = "something without a text";
  }
  return new Error(`${text} was thrown`, { cause: reason });
}
