/**
 * The poll port: lets the runtime look once at everything that waits outside, above all at sockets that
 * have become readable.
 *
 * Contract: `poll` resolves after the runtime has looked, and never rejects, also after `close`; one poll
 * at most is under way at once. `close` lets go of whatever the poll stands on; it may be called any number
 * of times, and settles a poll that is under way.
 */

/** Makes the runtime look outside. */
export interface IoPoll {
  /** Resolves once the runtime has looked at all that waits. Never rejects. */
  poll(): Promise<void>;
  /** Lets go of what it stands on; polls still resolve, by a timer. */
  close(): void;
}

/**
 * A poll that stands on nothing: the runtime looks outside while it waits for a timer. Costs a millisecond
 * or two where a poll of sockets costs hundredths of one.
 */
export const TIMER_POLL: IoPoll = {
  poll: () => new Promise((resolve) => setTimeout(resolve, 0)),
  close() {},
};
