/**
 * Work of one connection that takes memory as long as it lasts, such as answers with long lists: the next
 * begins when the one before has ended, however many were asked for at once.
 */

/** One line of work. */
export class OneAfterTheOther {
  #last: Promise<unknown> = Promise.resolve();

  /** Does `work` when all before has ended, well or not; gives what it gives. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = Promise.allSettled([done]);
    return done;
  }
}
