/**
 * The jobs that can be handed out, by priority, and which of them is next.
 *
 * Higher priorities go first, but not for ever: after MAX_PASSED_OVER picks in a row that passed jobs of lower
 * priorities over, the oldest of these jobs is next.
 */
import { type JobTable } from "./job_table.ts";
import { NONE } from "./slot_list.ts";
import { MAX_PRIORITY } from "./options.ts";
import { ReadyLine } from "./ready_line.ts";

/** The most picks in a row that pass jobs of lower priorities over. */
export const MAX_PASSED_OVER = 15;

/** The ready jobs of one queue: a line for each priority. */
export class ReadyLines<T> {
  /** The number of jobs that can be handed out. */
  count = 0;
  readonly #table: JobTable<T>;
  readonly #lines: readonly ReadyLine<T>[];
  #passedOver = 0;

  constructor(table: JobTable<T>) {
    this.#table = table;
    this.#lines = Array.from({ length: MAX_PRIORITY + 1 }, () => new ReadyLine<T>(table));
  }

  /** Adds a job that was pushed. */
  push(slot: number): void {
    this.count++;
    this.#lines[this.#table.priorities[slot]].push(slot);
  }

  /** Adds a job that came back, or whose time has come. */
  putBack(slot: number): void {
    this.count++;
    this.#lines[this.#table.priorities[slot]].putBack(slot);
  }

  /** Takes out a job that is no longer ready. */
  leave(slot: number): void {
    this.count--;
    this.#lines[this.#table.priorities[slot]].leave(slot);
  }

  /** The next job to lease; there is one. */
  pick(): number {
    let top = MAX_PRIORITY;
    while (this.#lines[top].count === 0) top--;
    if (this.#lines[top].count === this.count) {
      this.#passedOver = 0;
      return this.#lines[top].first();
    }
    if (this.#passedOver < MAX_PASSED_OVER) {
      this.#passedOver++;
      return this.#lines[top].first();
    }
    this.#passedOver = 0;
    return this.oldest(top - 1);
  }

  /** The contents of each line, by priority: for looking at, not for work. */
  look(): { slots: number[]; entries: number }[] {
    return this.#lines.map((line) => line.look());
  }

  /** The oldest of the ready jobs up to priority `most`; NONE when there is none. */
  oldest(most: number): number {
    const { ids } = this.#table;
    let oldest = NONE;
    for (let priority = most; priority >= 0; priority--) {
      const slot = this.#lines[priority].first();
      if (slot !== NONE && (oldest === NONE || ids[slot] < ids[oldest])) oldest = slot;
    }
    return oldest;
  }
}
