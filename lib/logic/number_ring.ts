/**
 * A line of small numbers, first in, first out: for what waits by the ten thousand, such as jobs on their way to the
 * disk and the ids of requests that wait for their answers.
 *
 * The numbers lie in memory in which the garbage collector looks for nothing. A list of the same numbers would be read
 * and moved by it again and again while it grows, and everybody would wait meanwhile. Non-goal: a bound; whoever
 * enters numbers has one.
 */
import { assert } from "../base/errors.ts";

/** The fewest numbers that there is room for, and the most while there are none. Powers of two, as every room. */
const LEAST_ROOM = 16;
const MAX_IDLE_ROOM = 2048;

/** A line of whole numbers from 0 to 2^32 - 1. */
export class NumberRing {
  #numbers = new Uint32Array(LEAST_ROOM);
  #first = 0;
  #size = 0;

  /** How many numbers are in the line. */
  get size(): number {
    return this.#size;
  }

  /** Enters a number behind all others. */
  push(number: number): void {
    if (this.#size === this.#numbers.length) this.#grow();
    this.#numbers[(this.#first + this.#size++) & (this.#numbers.length - 1)] = number;
  }

  /** Takes out the number that came first; there is one. */
  shift(): number {
    assert(this.#size > 0, "a number that is taken out was entered");
    const number = this.#numbers[this.#first];
    this.#first = (this.#first + 1) & (this.#numbers.length - 1);
    if (--this.#size === 0) this.clear();
    return number;
  }

  /** Takes out all numbers. */
  clear(): void {
    this.#first = this.#size = 0;
    if (this.#numbers.length > MAX_IDLE_ROOM) this.#numbers = new Uint32Array(LEAST_ROOM);
  }

  #grow(): void {
    const former = this.#numbers;
    const first = this.#first;
    const numbers = new Uint32Array(2 * former.length);
    numbers.set(former.subarray(first));
    numbers.set(former.subarray(0, first), former.length - first);
    this.#numbers = numbers;
    this.#first = 0;
  }
}
