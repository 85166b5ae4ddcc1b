/**
 * The consumers of one queue, which take turns.
 */
import { Consumer } from "./consumer.ts";

/** The consumers of a queue, in turn. */
export class ConsumerRing<T> {
  readonly #consumers: Consumer<T>[] = [];
  #turn = 0;

  /** Adds a consumer that may hold `prefetch` jobs. */
  add(prefetch: number, attached: T): Consumer<T> {
    const consumer = new Consumer(prefetch, attached);
    this.#consumers.push(consumer);
    return consumer;
  }

  /** Removes a consumer; gives whether it was there. */
  remove(consumer: Consumer<T>): boolean {
    const at = this.#consumers.indexOf(consumer);
    if (at < 0) return false;
    this.#consumers.splice(at, 1);
    if (this.#turn > at) this.#turn--;
    consumer.removed = true;
    return true;
  }

  /** The next consumer in turn that can be given a job; null when none can. */
  next(): Consumer<T> | null {
    const consumers = this.#consumers;
    const count = consumers.length;
    let at = this.#turn;
    for (let looks = count; looks > 0; looks--) {
      if (at >= count) at = 0;
      const consumer = consumers[at++];
      if (!consumer.hasCredit) continue;
      this.#turn = at;
      return consumer;
    }
    return null;
  }
}
