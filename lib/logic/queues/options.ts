/**
 * How a work queue is set up, what is kept of its jobs, and what it asks of its host.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Consumer } from "./consumer.ts";

/** The highest priority; the lowest, and usual one, is 0. */
export const MAX_PRIORITY = 9;

/** How a queue is set up. */
export interface WorkQueueOptions {
  /** How long a delivery is leased, in milliseconds. */
  readonly leaseMs: number;
  /** After so many deliveries a job is at its end; 0 for no limit. */
  readonly maxDeliveries: number;
  /** How long a job waits before it is tried again for the first time, in milliseconds. */
  readonly backoffMinMs: number;
  /** The longest such wait; each is twice as long as the one before. */
  readonly backoffMaxMs: number;
  /** Whether jobs of one key run one after the other. */
  readonly ordered: boolean;
  /** The most jobs. */
  readonly maxJobs: number;
  /** The most bytes of all jobs together. */
  readonly maxBytes: number;
  /** What happens to a push that does not fit. */
  readonly whenFull: "refuse" | "drop-oldest";
}

/** Why a job is at its end; the numbers are those of the wire. */
export const DeathReason = { MAX_DELIVERIES: 1, REJECTED: 2 } as const;
export type DeathReason = typeof DeathReason[keyof typeof DeathReason];

/** What is kept of where a job stands; the numbers are those on disk. */
export const DurableState = {
  READY: 0,
  /** It is out, or was when the server stopped. */
  LEASED: 1,
  /** It waits for its time. */
  DELAYED: 2,
  GONE: 3,
  /** A consumer rejected it, and it is not buried yet. */
  REJECTED: 4,
} as const;
export type DurableState = typeof DurableState[keyof typeof DurableState];

/** What the machine asks of its host, in order; called while a method of the machine runs. */
export interface WorkQueueEffects<T> {
  /** What is kept of the job changed: it belongs into the transaction that gathers. */
  changed(slot: number): void;
  /** The job goes with the transaction that gathers. */
  leaving(slot: number): void;
  /** That was taken back: it stays. */
  staying(slot: number): void;
  /** Its lease is durable: the job is to be handed over. */
  deliver(slot: number, consumer: Consumer<T>): void;
  /** The job is at its end, and wants `bury`, in this call or later. */
  dying(slot: number, reason: DeathReason): void;
  /** The job is gone, and its slot is free after this call. */
  freed(slot: number): void;
}

/** The refusal of a push for `limit`; `retryable` when room can come. */
export function queueIsFull(what: string, limit: string, retryable: boolean): ParleyError {
  return new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, `cannot push: the queue is full, ${what}`, {
    retryable,
    accepted: `what fits into ${limit}`,
  });
}
