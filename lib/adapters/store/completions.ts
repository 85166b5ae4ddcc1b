/**
 * The completions of one batch, one an entry, in order. Successive entries mostly have the same one, since a session has
 * one ticket for all that it hands over: so they are kept as runs, and ten thousand entries are a few objects.
 */

/** The completions of a batch. */
export class Completions {
  /** The completion of each run, and the index of the entry behind it. */
  readonly #runs: unknown[] = [];
  readonly #ends: number[] = [];
  #length = 0;
  /** The run that was looked at last. */
  #run = 0;

  /** The number of entries. */
  get length(): number {
    return this.#length;
  }

  /** Adds the completion of the next entry, or of the next `count` entries. */
  push(completion: unknown, count = 1): void {
    if (count === 0) return;
    const last = this.#runs.length - 1;
    this.#length += count;
    if (last >= 0 && this.#runs[last] === completion) this.#ends[last] = this.#length;
    else {
      this.#runs.push(completion);
      this.#ends.push(this.#length);
    }
  }

  /** The completion of an entry. Quick when entries are asked for in their order. */
  at(index: number): unknown {
    if (this.#run > 0 && index < this.#ends[this.#run - 1]) this.#run = 0;
    while (index >= this.#ends[this.#run]) this.#run++;
    return this.#runs[this.#run];
  }

  /** Takes back all entries from index `length` on. */
  cut(length: number): void {
    this.#length = length;
    while (this.#runs.length > 0 && (this.#ends.at(-2) ?? 0) >= length) {
      this.#runs.pop();
      this.#ends.pop();
    }
    if (this.#ends.length > 0) this.#ends[this.#ends.length - 1] = length;
  }
}
