/**
 * A page of a store: events or jobs that were read together.
 */

/** A page of events or jobs; the caller owns the bytes. */
export interface StorePage {
  /** The number of events or jobs; 0 when there are none to give. */
  readonly count: number;
  /** The bytes in which the bodies lie. */
  readonly bytes: Uint8Array;
  /** The body of number `i` begins at `ranges[2 * i]` and ends at `ranges[2 * i + 1]`. */
  readonly ranges: Uint32Array;
  /** The seq of event `i`, or the id of job `i`; without gaps within a topic. */
  readonly seqs: Float64Array;
  /** The time of number `i`, in milliseconds since 1970. */
  readonly times: Float64Array;
}

/**
 * Gives the memory of a page's bytes back at once; the page is not used any more. The collector would keep it until its next
 * round, and pages of a history come by the hundred a second: their sum is what would have it begin one.
 */
export function releasePage({ bytes }: StorePage): void {
  (bytes.buffer as ArrayBuffer).transfer(0);
}
