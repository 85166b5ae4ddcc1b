/**
 * Medians and spreads: what is reported of several runs.
 *
 * A ratio is taken within each run, of two servers that were measured right after each other, and the
 * median is taken over these: what disturbs the machine for a while then disturbs both alike.
 */

/** What several runs gave. */
export interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** Summarises the values of at least one run. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, least: sorted[0], most: sorted.at(-1)! };
}

/** Summarises the ratios of the runs, each of the same run. */
export function summarizeRatios(ours: readonly number[], theirs: readonly number[]): Summary {
  return summarize(ours.map((value, index) => value / theirs[index]));
}
