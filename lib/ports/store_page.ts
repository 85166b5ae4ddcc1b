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
