/**
 * The log of decisions that are not durable yet, in order, by transactions: the one that gathers, and those on
 * their way.
 */
import { numberArray } from "../number_array.ts";

/** The kinds of decisions about a job. */
export const Change = {
  PUSH: 0,
  LEASE: 1,
  DONE: 2,
  RETRY: 3,
  RELEASE: 4,
  DIE: 5,
  MOVE: 6,
  DROP: 7,
} as const;

const KINDS = 8;
const FIRST_CHANGES = 64;

/** The decisions of one transaction. */
export class Changes {
  length = 0;
  #entries = new Int32Array(FIRST_CHANGES);

  add(slot: number, kind: number): void {
    if (this.length === this.#entries.length) {
      const larger = numberArray(Int32Array, 2 * this.length);
      larger.set(this.#entries);
      this.#entries = larger;
    }
    this.#entries[this.length++] = slot * KINDS + kind;
  }

  slotAt(index: number): number {
    return Math.floor(this.#entries[index] / KINDS);
  }

  kindAt(index: number): number {
    return this.#entries[index] % KINDS;
  }
}

/** The decisions of all transactions that are not durable. */
export class ChangeLog {
  gathering = new Changes();
  readonly #sealed: Changes[] = [];
  #spare: Changes | null = null;

  /** Ends the transaction that gathers: it is on its way, and another one gathers. */
  seal(): void {
    this.#sealed.push(this.gathering);
    this.gathering = this.#spare ?? new Changes();
    this.#spare = null;
  }

  /** Takes out the oldest transaction on its way; the caller gives it back with `reuse`. */
  takeOldest(): Changes | undefined {
    return this.#sealed.shift();
  }

  reuse(changes: Changes): void {
    changes.length = 0;
    this.#spare = changes;
  }

  /** Takes out all transactions, the newest first. */
  takeAll(): Changes[] {
    const all = [...this.#sealed, this.gathering].reverse();
    this.#sealed.length = 0;
    this.gathering = new Changes();
    return all;
  }
}
