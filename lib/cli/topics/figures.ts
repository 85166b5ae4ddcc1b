/**
 * What is told of topics that are measured, whoever measured them: the server, or this side.
 */

/** What the window of one topic shows. */
export interface TopicFigures {
  readonly topic: string;
  /** Events since the measurement began. */
  readonly events: number;
  /** Events since the last report. */
  readonly fresh: number;
  /** Events in the window. */
  readonly window: number;
  /** Events a second over the window; null with fewer than two events. */
  readonly rate: number | null;
  /** The intervals between the events of the window, in seconds; null with fewer than two events. */
  readonly intervals: {
    readonly average: number;
    readonly min: number;
    readonly max: number;
    readonly standardDeviation: number;
  } | null;
  /** Bytes a second, from the first event of the window to now; null while no time has passed. */
  readonly bytesPerSecond: number | null;
  /** The payloads of the window, in bytes. */
  readonly sizes: Spread;
  /** From the moment in which the server took each event of the window to its arrival, in seconds. */
  readonly delays: Spread;
}

/** What values are like. */
export interface Spread {
  readonly average: number;
  readonly min: number;
  readonly max: number;
}

/** What is told at once. */
export interface TopicReport {
  /** By name. */
  readonly topics: readonly TopicFigures[];
  /** Events since the last report on topics that have no place. */
  readonly others: number;
}
