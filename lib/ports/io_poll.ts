/**
 * The poll port: lets the runtime poll all its sources of events once, above all the sockets.
 *
 * Contract: `poll` resolves after the runtime has polled, and never rejects, not even after `close`; at most one
 * poll is under way at once. `close` lets go of whatever the poll stands on; it may be called any number of times,
 * and settles a poll that is under way.
 */

/** A way to make the runtime poll its sources of events. */
export interface IoPoll {
  /** Resolves once the runtime has polled. Never rejects. */
  poll(): Promise<void>;
  /** Lets go of whatever the poll stands on; polls still resolve, by a timer. */
  close(): void;
}

/**
 * A poll that needs no resource: the runtime polls while it waits for a timer. Takes a millisecond or two, where a
 * poll by a socket takes hundredths of one.
 */
export const TIMER_POLL: IoPoll = {
  poll: () => new Promise((resolve) => setTimeout(resolve, 0)),
  close() {},
};
