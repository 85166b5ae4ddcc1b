/**
 * Grows columns of the same length by doubling, one after the other and in pieces, so that no push waits for
 * all of them: most of the time that growing takes goes into the first use of new memory, which the system
 * gives page by page.
 *
 * Growth begins when the columns are half full, a piece is due every so many slots, and the last column is
 * replaced before the first is full. Only the copy of one column is whole: 1 ms for a million numbers.
 */
type Column = Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** How much of a larger column is made ready at a time, in bytes. */
const PIECE_BYTES = 64 * 1024;

/** The growth of the columns `names` of one table. */
export class ColumnGrowth<Name extends string> {
  /** A piece is due once so many slots are used. */
  dueAt = 0;
  readonly #columns: Record<Name, Column>;
  readonly #names: readonly Name[];
  readonly #empty: (name: Name) => number;
  /** Slots between two pieces. */
  #spacing = 1;
  /** Which column is growing, the one that takes its place, and how much of that is ready, in slots. */
  #index = 0;
  #larger: Column | null = null;
  #ready = 0;

  /** `empty` gives what a column holds where nothing was written. All columns have the same length. */
  constructor(
    columns: Record<Name, Column>,
    names: readonly Name[],
    empty: (name: Name) => number,
  ) {
    this.#columns = columns;
    this.#names = names;
    this.#empty = empty;
    this.#plan();
  }

  /** Makes the next piece; `used` are the slots that hold something. */
  grow(used: number): void {
    const name = this.#names[this.#index];
    const column = this.#columns[name];
    const larger = this.#larger ??= emptyLike(column, 2 * column.length);
    const ready = Math.min(this.#ready + PIECE_BYTES / larger.BYTES_PER_ELEMENT, larger.length);
    larger.fill(this.#empty(name), this.#ready, ready);
    this.#ready = ready;
    this.dueAt += this.#spacing;
    if (ready < larger.length) return;
    larger.set(column.subarray(0, used));
    this.#columns[name] = larger;
    this.#larger = null;
    this.#ready = 0;
    if (++this.#index === this.#names.length) this.#plan();
  }

  #plan(): void {
    this.#index = 0;
    const columns = this.#names.map((name) => this.#columns[name]);
    const { length } = columns[0];
    const pieces = columns.reduce(
      (sum, { BYTES_PER_ELEMENT }) => sum + Math.ceil(2 * length * BYTES_PER_ELEMENT / PIECE_BYTES),
      0,
    );
    this.dueAt = length >>> 1;
    this.#spacing = Math.floor(this.dueAt / pieces);
  }
}

function emptyLike(column: Column, length: number): Column {
  return new (column.constructor as new (length: number) => Column)(length);
}
