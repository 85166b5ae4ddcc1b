/**
 * What the model of a work queue keeps of jobs and consumers, and the notes it makes of what its host is told.
 *
 * Nothing is kept twice: what follows from something else, such as how many jobs a consumer holds or
 * whether a job is blocked by another, is asked of the model. No numbers of the machine are used.
 */

/** Where a job stands; the names of waiting ones are worked out when asked for. */
type Standing =
  | "waiting"
  | "doomed"
  | "leasing"
  | "leased"
  | "done"
  | "retrying"
  | "releasing"
  | "dying"
  | "moving"
  | "dropping";

/** What the queue tells its host: what, of which job, and to whom or why. */
export type Note = readonly [what: string, id: number, more: unknown];

export interface NaiveConsumer {
  readonly name: number;
  prefetch: number;
  held: boolean;
  removed: boolean;
}

export interface NaiveJob {
  readonly id: number;
  readonly bytes: number;
  readonly priority: number;
  readonly key: number;
  /** When it may be handed out; 0 for at once. */
  dueMs: number;
  attempts: number;
  marked: boolean;
  standing: Standing;
  holder: NaiveConsumer | null;
  /** When its lease ends. */
  endMs: number;
  reason: number;
  /** Counts its deliveries, and so names each. */
  delivery: number;
}

/** A job as it is kept across a crash. */
export interface KeptJob {
  readonly id: number;
  readonly bytes: number;
  readonly priority: number;
  readonly key: number;
  readonly state: "READY" | "LEASED" | "DELAYED" | "GONE" | "REJECTED";
  readonly attempts: number;
  readonly marked: boolean;
  readonly dueMs: number;
}

/** How a queue is set up. */
export interface NaiveOptions {
  readonly leaseMs: number;
  readonly maxDeliveries: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  readonly ordered: boolean;
  readonly maxJobs: number;
  readonly maxBytes: number;
  readonly whenFull: "refuse" | "drop-oldest";
}

/** A job that waits. */
export function newJob(
  of: Pick<NaiveJob, "id" | "bytes" | "priority" | "key" | "dueMs" | "attempts" | "marked">,
): NaiveJob {
  const { id, bytes, priority, key, dueMs, attempts, marked } = of;
  const fresh = { standing: "waiting", holder: null, endMs: 0, reason: 0, delivery: 0 } as const;
  return { id, bytes, priority, key, dueMs, attempts, marked, ...fresh };
}

/** The job with the least id. */
export function oldest(jobs: readonly NaiveJob[]): NaiveJob {
  return jobs.reduce((first, job) => job.id < first.id ? job : first);
}
