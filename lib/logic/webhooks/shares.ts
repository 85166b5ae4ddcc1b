/**
 * The shares that queues have of what all webhooks of a server may use: so that slow receivers of some queues leave room for
 * the others.
 *
 * A queue that uses nothing may always begin, while anything is free. Beyond that it may have as much as is still free for all,
 * without a reserve that is for those who begin: so one slow queue gets a part, of several each gets an equal part in the end,
 * and the next one always finds something. Pure.
 */

/** The part of all requests that is for queues that have none under way. */
const RESERVE = 1 / 4;

/** Whether a queue with `own` requests under way may send one more, of `most` for all, of whom `all` are under way. */
export function mayPost(own: number, all: number, most: number): boolean {
  const free = most - all;
  return own === 0 ? free > 0 : own < free - Math.floor(most * RESERVE);
}

/** Whether a queue may take a further job while it holds `own` bytes of jobs, and all queues `all` of `most`. */
export function mayHold(own: number, all: number, most: number): boolean {
  // What those who hold nothing take beyond the bound is bounded by as much again.
  return own === 0 ? all < 2 * most : own < most - all;
}
