/**
 * Counts of values by size, as plain integers: what a histogram is made of when somebody asks for it.
 *
 * Noting a value allocates nothing. A value counts in the first bucket whose bound it does not exceed. Pure.
 */

/** The bounds for times from well below a millisecond to half a minute, in milliseconds. */
export const TIME_BOUNDS_MS: readonly number[] = [
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  25,
  50,
  100,
  250,
  500,
  1000,
  2500,
  5000,
  10_000,
  30_000,
];

/** The bounds for numbers of things. */
export const SIZE_BOUNDS: readonly number[] = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536];

/** How many values fell below each of some bounds. */
export class BucketCounts {
  /** The upper bounds of the buckets, ascending; each belongs to its bucket. */
  readonly bounds: readonly number[];
  /** The values of each bucket alone; behind those with a bound one more for all that is greater. */
  readonly counts: number[];
  /** The number of values. */
  count = 0;
  /** All values together. */
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** Notes a value. */
  add(value: number): void {
    const { bounds } = this;
    let index = 0;
    while (index < bounds.length && value > bounds[index]) index++;
    this.counts[index]++;
    this.count++;
    this.sum += value;
  }
}
