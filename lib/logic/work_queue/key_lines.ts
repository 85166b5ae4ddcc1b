/**
 * For queues that are ordered by key: the jobs of each key in the order of their ids. Only the first of a
 * line may be handed out.
 */
import { NONE } from "./job_table.ts";

class Line {
  slots: number[] = [];
  head = 0;
}

/** Passed places are taken out in pieces of at least this many. */
const COMPACT_AT = 64;

/** The lines of one queue, by key. */
export class KeyLines {
  readonly #lines = new Map<number, Line>();

  /** Puts a job at the end of its line; says whether it is the first there. */
  add(key: number, slot: number): boolean {
    let line = this.#lines.get(key);
    if (line === undefined) this.#lines.set(key, line = new Line());
    line.slots.push(slot);
    return line.slots.length - line.head === 1;
  }

  /** The first job of a line; NONE when there is none. */
  first(key: number): number {
    const line = this.#lines.get(key);
    return line === undefined ? NONE : line.slots[line.head];
  }

  /** Takes a job out of its line; gives the one that is first by that, or NONE when that has not changed. */
  remove(key: number, slot: number): number {
    const line = this.#lines.get(key)!;
    const { slots } = line;
    if (slots[line.head] !== slot) {
      const at = slots.at(-1) === slot ? slots.length - 1 : slots.indexOf(slot, line.head);
      slots.splice(at, 1);
      return NONE;
    }
    line.head++;
    if (line.head === slots.length) {
      this.#lines.delete(key);
      return NONE;
    }
    if (line.head >= COMPACT_AT && 2 * line.head >= slots.length) {
      line.slots = slots.slice(line.head);
      line.head = 0;
    }
    return line.slots[line.head];
  }
}
