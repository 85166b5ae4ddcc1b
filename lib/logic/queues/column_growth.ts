/**
 * Grows columns of the same length by doubling, one after the other and in pieces, so that no push waits for
 * all of them. Most of the time that growth takes goes into the first use of new memory, which the system
 * provides page by page.
 *
 * Growth begins when the columns are half full, a piece is due every so many slots, and the last column is
 * replaced before the first is full. Only the copy of one column is done at once: 1 ms for a million numbers.
 */
import { type NumberArray, numberArray, type NumberArrayKind } from "../number_array.ts";

/** The bytes of a larger column that are prepared at a time. */
const PIECE_BYTES = 64 * 1024;

/** A column that grows, wherever it is kept. */
interface GrowingColumn {
  get(): NumberArray;
  set(larger: NumberArray): void;
  /** The value of slots that were never written. */
  readonly empty: number;
}

/** The column `name` of `owner`; `empty` is the value of slots that were never written. */
export function columnOf<Name extends string>(
  owner: Record<Name, NumberArray>,
  name: Name,
  empty: number,
): GrowingColumn {
  return { get: () => owner[name], set: (larger) => owner[name] = larger, empty };
}

/** The growth of columns that all have the same length. */
export class ColumnGrowth {
  /** The number of used slots at which the next piece is due. */
  dueAt = 0;
  readonly #columns: readonly GrowingColumn[];
  /** Slots between two pieces. */
  #spacing = 1;
  /** Which column grows, the one that will replace it, and how many slots of that are prepared. */
  #index = 0;
  #larger: NumberArray | null = null;
  #ready = 0;

  constructor(columns: readonly GrowingColumn[]) {
    this.#columns = columns;
    this.#plan();
  }

  /** Prepares the next piece; slots below `used` hold something. */
  grow(used: number): void {
    const growing = this.#columns[this.#index];
    const column = growing.get();
    const larger = this.#larger ??= emptyLike(column, 2 * column.length);
    const ready = Math.min(this.#ready + PIECE_BYTES / larger.BYTES_PER_ELEMENT, larger.length);
    larger.fill(growing.empty, this.#ready, ready);
    this.#ready = ready;
    this.dueAt += this.#spacing;
    if (ready < larger.length) return;
    larger.set(column.subarray(0, used));
    growing.set(larger);
    this.#larger = null;
    this.#ready = 0;
    if (++this.#index === this.#columns.length) this.#plan();
  }

  #plan(): void {
    this.#index = 0;
    const columns = this.#columns.map((column) => column.get());
    const { length } = columns[0];
    const pieces = columns.reduce(
      (sum, { BYTES_PER_ELEMENT }) => sum + Math.ceil(2 * length * BYTES_PER_ELEMENT / PIECE_BYTES),
      0,
    );
    this.dueAt = length >>> 1;
    this.#spacing = Math.floor(this.dueAt / pieces);
  }
}

function emptyLike(column: NumberArray, length: number): NumberArray {
  return numberArray(column.constructor as NumberArrayKind<NumberArray>, length);
}
