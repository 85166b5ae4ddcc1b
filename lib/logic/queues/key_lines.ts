/**
 * The jobs of each key in the order of their ids, for queues that are ordered by key. Only the first job of a
 * line may be handed out.
 *
 * A line is a list linked through two columns of its own, so that a job leaves it in constant time wherever it
 * stands, and a queue that is not ordered pays nothing. The link before the first job leads to the last.
 */
import { numberArray } from "../number_array.ts";
import { NONE } from "./slot_list.ts";

const FIRST_SLOTS = 64;

/** The lines of one queue, by key. */
export class KeyLines {
  readonly #firsts = new Map<number, number>();
  #next = new Int32Array(0);
  #previous = new Int32Array(0);

  /** Adds a job at the end of the line of `key`; gives whether it is the first there. */
  add(key: number, slot: number): boolean {
    if (slot >= this.#next.length) this.#grow(slot);
    this.#next[slot] = NONE;
    const first = this.#firsts.get(key);
    if (first === undefined) {
      this.#firsts.set(key, slot);
      this.#previous[slot] = slot;
      return true;
    }
    const last = this.#previous[first];
    this.#next[last] = slot;
    this.#previous[slot] = last;
    this.#previous[first] = slot;
    return false;
  }

  /** The first job of a line; NONE when there is none. */
  first(key: number): number {
    return this.#firsts.get(key) ?? NONE;
  }

  /** Takes a job out of the line of `key`; gives the job that became the first, or NONE when none did. */
  remove(key: number, slot: number): number {
    const first = this.#firsts.get(key)!;
    const [before, behind] = [this.#previous[slot], this.#next[slot]];
    if (slot === first) {
      if (behind === NONE) {
        this.#firsts.delete(key);
        return NONE;
      }
      this.#firsts.set(key, behind);
      this.#previous[behind] = before;
      return behind;
    }
    this.#next[before] = behind;
    this.#previous[behind === NONE ? first : behind] = before;
    return NONE;
  }

  /** The lines by key: for looking at, not for work. */
  lines(): Map<number, number[]> {
    const lines = new Map<number, number[]>();
    for (const [key, first] of this.#firsts) {
      const line = [];
      for (let slot = first; slot !== NONE; slot = this.#next[slot]) line.push(slot);
      lines.set(key, line);
    }
    return lines;
  }

  #grow(slot: number): void {
    let size = Math.max(FIRST_SLOTS, 2 * this.#next.length);
    while (size <= slot) size *= 2;
    const next = numberArray(Int32Array, size);
    const previous = numberArray(Int32Array, size);
    next.set(this.#next);
    previous.set(this.#previous);
    this.#next = next;
    this.#previous = previous;
  }
}
