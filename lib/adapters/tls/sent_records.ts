/**
 * How many records of TLS the system has taken whole: what a peer can read of what was written and not finished.
 *
 * A record that was sent in part is of no use to its peer. Bounded by the records that are under way.
 */

/** What stands in front of each record: its type, a version, and the length in two bytes. */
const HEADER_BYTES = 5;

/** The records of one connection. */
export class SentRecords {
  /** The bytes that were given to the system so far. */
  #given = 0;
  /** Where the next record begins. */
  #next = 0;
  /** Where the records end that were not sent whole when this was asked last. */
  readonly #ends: number[] = [];
  #count = 0;

  /** Notes that `chunk` is given to the system, which has taken `sentBytes` before. */
  give(chunk: Uint8Array, sentBytes: number): void {
    this.count(sentBytes);
    const end = this.#given + chunk.length;
    // A header that lies in two chunks is passed over with all that follows: then nothing more is counted.
    while (this.#next >= this.#given && this.#next + HEADER_BYTES <= end) {
      const at = this.#next - this.#given;
      this.#next += HEADER_BYTES + (chunk[at + 3] << 8 | chunk[at + 4]);
      this.#ends.push(this.#next);
    }
    this.#given = end;
  }

  /** The records that the system has taken whole, when it has taken `sentBytes`. */
  count(sentBytes: number): number {
    let whole = 0;
    while (whole < this.#ends.length && this.#ends[whole] <= sentBytes) whole++;
    this.#ends.splice(0, whole);
    this.#count += whole;
    return this.#count;
  }
}
