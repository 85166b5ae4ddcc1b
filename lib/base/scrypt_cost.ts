/**
 * What one scrypt hash costs, as those name it who store passwords and those who compute hashes.
 */

/** Memory is 128 · n · r bytes, time grows with all three. */
export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}
