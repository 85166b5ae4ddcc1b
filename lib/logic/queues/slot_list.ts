/**
 * A list with one number for each slot, for slots that are first used in ascending order. It lies in pages, so that
 * a long list is never copied to become longer: only the first page grows, up to the length that the others have
 * from the start.
 *
 * Pages are memory in which the garbage collector looks for nothing. What is more than a number has a place in a table
 * of its owner, and the slot that number: a list of objects would be read whenever the collector works.
 */
import { numberArray } from "../number_array.ts";
const PAGE_BITS = 15;
const PAGE_SLOTS = 1 << PAGE_BITS;
const FIRST_SLOTS = 64;

/** Stands for no slot, and for no number of one. */
export const NONE = -1;

/** A list of whole numbers from -2^31 to 2^31 - 1 by slot. */
export class SlotList {
  #length = 0;
  readonly #pages: Int32Array[] = [new Int32Array(FIRST_SLOTS)];

  /** The number of slots that have a value. */
  get length(): number {
    return this.#length;
  }

  /** The value of a slot below `length`. */
  get(slot: number): number {
    return this.#pages[slot >>> PAGE_BITS][slot & PAGE_SLOTS - 1];
  }

  /** Sets the value of a slot that has one, or of the next slot. */
  set(slot: number, value: number): void {
    if (slot === this.#length) this.#makeRoom(this.#length++);
    this.#pages[slot >>> PAGE_BITS][slot & PAGE_SLOTS - 1] = value;
  }

  #makeRoom(slot: number): void {
    if (slot >= PAGE_SLOTS) {
      if ((slot & PAGE_SLOTS - 1) === 0) this.#pages.push(numberArray(Int32Array, PAGE_SLOTS));
      return;
    }
    const [first] = this.#pages;
    if (slot < first.length) return;
    const larger = numberArray(Int32Array, 2 * first.length);
    larger.set(first);
    this.#pages[0] = larger;
  }
}
