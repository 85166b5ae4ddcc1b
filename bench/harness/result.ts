/**
 * What a benchmark found: for each case the values of every server in every run, what was to be
 * compared, and what was hoped for.
 *
 * Values stay as they were measured; medians and ratios are made of them where they are shown.
 */
import type { BenchmarkName } from "./options.ts";
import { summarize, summarizeRatios, type Summary } from "./statistics.ts";

/** Something that is measured. */
export interface Metric {
  readonly key: string;
  /** With its unit. */
  readonly label: string;
  /** Digits behind the point. */
  readonly digits: number;
}

/** A comparison of two servers, or a bound for one, in one metric. */
export interface Check {
  readonly metric: string;
  readonly subject: string;
  /** The ratio to this one is what counts; without it the value itself. */
  readonly against?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** One value of each metric. */
export type Sample = Readonly<Record<string, number>>;

/** One case of a benchmark. */
export interface Case {
  readonly benchmark: BenchmarkName;
  readonly name: string;
  readonly metrics: readonly Metric[];
  readonly checks: readonly Check[];
  /** For each server a sample a run, in the order of the runs. */
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  /** What else must be known to read the figures. */
  readonly notes: readonly string[];
}

/** The outcome of a check. */
export interface Outcome {
  readonly check: Check;
  readonly summary: Summary;
  /** Undefined when nothing was hoped for. */
  readonly met: boolean | undefined;
}

/** The summary of one metric of one server. */
export function summaryOf(one: Case, subject: string, metric: string): Summary {
  return summarize(valuesOf(one, subject, metric));
}

/** The outcomes of the checks whose servers were there. */
export function outcomesOf(one: Case): Outcome[] {
  return one.checks
    .filter(({ subject, against = subject }) =>
      one.samples.has(subject) && one.samples.has(against)
    )
    .map((check) => {
      const ours = valuesOf(one, check.subject, check.metric);
      const summary = check.against === undefined
        ? summarize(ours)
        : summarizeRatios(ours, valuesOf(one, check.against, check.metric));
      const { atLeast, atMost } = check;
      const bounded = atLeast !== undefined || atMost !== undefined;
      const met = summary.median >= (atLeast ?? -Infinity) &&
        summary.median <= (atMost ?? Infinity);
      return { check, summary, met: bounded ? met : undefined };
    });
}

function valuesOf(one: Case, subject: string, metric: string): number[] {
  return (one.samples.get(subject) ?? []).map((sample) => sample[metric]);
}
