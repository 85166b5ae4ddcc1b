/**
 * The types between a work queue and its host: options, jobs as they come, tokens, durable states, effects.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Consumer } from "./consumer.ts";

/** The highest priority; the lowest, and usual one, is 0. */
export const MAX_PRIORITY = 9;

/** The options of a queue. */
export interface WorkQueueOptions {
  /** The length of a lease, in milliseconds. */
  readonly leaseMs: number;
  /** The number of deliveries after which a job is at its end; 0 for no limit. */
  readonly maxDeliveries: number;
  /** The wait before the first retry of a job, in milliseconds. */
  readonly backoffMinMs: number;
  /** The longest wait before a retry, in milliseconds; each wait is twice as long as the one before. */
  readonly backoffMaxMs: number;
  /** Whether jobs of one key run one after the other. */
  readonly ordered: boolean;
  /** The most jobs. */
  readonly maxJobs: number;
  /** The most bytes of all jobs together. */
  readonly maxBytes: number;
  /** The answer to a push for which there is no room. */
  readonly whenFull: "refuse" | "drop-oldest";
}

/** Where the bytes of a queue's jobs are counted together with others. */
export interface ByteCount {
  bytes: number;
}

/** Why a job is at its end; the numbers are those of the wire. */
export const DeathReason = { MAX_DELIVERIES: 1, REJECTED: 2 } as const;
export type DeathReason = typeof DeathReason[keyof typeof DeathReason];

/** The state of a job as it is stored; the numbers are those on disk. */
export const DurableState = {
  READY: 0,
  /** The job is leased, or was when the server stopped. */
  LEASED: 1,
  /** The job waits for its time. */
  DELAYED: 2,
  GONE: 3,
  /** A consumer rejected the job, and it is not among the dead letters yet. */
  REJECTED: 4,
} as const;
export type DurableState = typeof DurableState[keyof typeof DurableState];

/** A job that is pushed. A host may fill one object again and again: a queue reads it and keeps none of it. */
export interface NewJob {
  /** The job's number, above that of every job before. */
  id: number;
  bytes: number;
  /** From 0 to MAX_PRIORITY. */
  priority: number;
  /** The number that stands for the job's key; 0 when it has none. Counts only where the queue is ordered. */
  key: number;
  /** The time before which the job is not handed out, by the monotonic clock; 0 when there is none. */
  dueMs: number;
}

/** A job that was there when the server started; filled again and again, too. */
export interface RestoredJob extends NewJob {
  attempts: number;
  state: DurableState;
  /** Whether the job may have been delivered before. */
  redelivered: boolean;
}

/** A token, which names one delivery to a consumer. A host may fill one object again and again. */
export interface LeaseToken<T> {
  consumer: Consumer<T>;
  slot: number;
  generation: number;
}

/** The host of a queue: is told what happens to jobs, in order, while a method of the queue runs. */
export interface WorkQueueEffects<T> {
  /** The durable state of a job changed, and must be written with the transaction that gathers. */
  changed(slot: number): void;
  /** The job goes with the transaction that gathers. */
  leaving(slot: number): void;
  /** The job stays after all: the transaction that it was leaving with has failed. */
  staying(slot: number): void;
  /** The job's lease is durable, so the job is to be handed over. */
  deliver(slot: number, consumer: Consumer<T>): void;
  /** The job is at its end: the host calls `moveOut` for it, in this call or later. */
  dying(slot: number, reason: DeathReason): void;
  /** The job is gone, and its slot is free after this call. */
  freed(slot: number): void;
}

/** The error that refuses a push for want of room; `retryable` when there may be room later. */
export function queueIsFull(what: string, limit: string, retryable: boolean): ParleyError {
  return new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, `cannot push: the queue is full, ${what}`, {
    retryable,
    limit: "queue",
    accepted: `what fits into ${limit}`,
  });
}
