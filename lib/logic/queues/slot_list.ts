/**
 * A list with one value for each slot, for slots that are first used in ascending order. It lies in pages, so that
 * a long list is never copied to become longer. All pages but the first have their full length from the start,
 * and are too large for the runtime to move.
 */
const PAGE_BITS = 15;
const PAGE_SLOTS = 1 << PAGE_BITS;

/** Stands for no slot. */
export const NONE = -1;

/** A list of values by slot. */
export class SlotList<V> {
  #length = 0;
  readonly #pages: V[][] = [[]];

  /** The number of slots that have a value. */
  get length(): number {
    return this.#length;
  }

  /** The value of a slot below `length`. */
  get(slot: number): V {
    return this.#pages[slot >>> PAGE_BITS][slot & PAGE_SLOTS - 1];
  }

  /** Sets the value of a slot that has one, or of the next slot. */
  set(slot: number, value: V): void {
    if (slot === this.#length) this.#append(value);
    else this.#pages[slot >>> PAGE_BITS][slot & PAGE_SLOTS - 1] = value;
  }

  #append(value: V): void {
    const slot = this.#length++;
    if (slot < PAGE_SLOTS) return void this.#pages[0].push(value);
    if ((slot & PAGE_SLOTS - 1) === 0) this.#pages.push(new Array<V>(PAGE_SLOTS).fill(value));
    else this.#pages[slot >>> PAGE_BITS][slot & PAGE_SLOTS - 1] = value;
  }
}
