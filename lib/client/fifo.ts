/**
 * A plain queue: first in, first out, each step constant in time on average.
 *
 * What was taken is let go at once; the places of what was taken are reused when they are half of all.
 */

/** How many taken places are left alone. */
const SMALLEST = 64;

/** First in, first out. */
export class Fifo<T> {
  #members: (T | undefined)[] = [];
  #head = 0;

  /** How many wait. */
  get length(): number {
    return this.#members.length - this.#head;
  }

  /** Puts `member` at the end. */
  push(member: T): void {
    this.#members.push(member);
  }

  /** Takes the first; undefined when there is none. */
  shift(): T | undefined {
    if (this.#head === this.#members.length) return undefined;
    const member = this.#members[this.#head];
    this.#members[this.#head++] = undefined;
    if (this.#head === this.#members.length) {
      this.#members = [];
      this.#head = 0;
    } else if (this.#head >= SMALLEST && this.#head * 2 >= this.#members.length) {
      this.#members.splice(0, this.#head);
      this.#head = 0;
    }
    return member;
  }
}
