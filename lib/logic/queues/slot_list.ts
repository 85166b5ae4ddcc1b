/**
 * One value a slot, for slots that are first used in their order. The list lies in pages, so that a long one
 * is never copied to become longer; all pages but the first are as long as they will be, and too large for
 * the runtime to move them.
 */
const PAGE_BITS = 15;
const PAGE_SLOTS = 1 << PAGE_BITS;

/** No slot. */
export const NONE = -1;

/** The values. */
export class SlotList<V> {
  #length = 0;
  readonly #pages: V[][] = [[]];

  /** How many slots have a value. */
  get length(): number {
    return this.#length;
  }

  /** The value of a slot below `length`. */
  get(slot: number): V {
    return this.#pages[slot >>> PAGE_BITS][slot & PAGE_SLOTS - 1];
  }

  /** Sets the value of a slot up to `length`. */
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
