/**
 * The limits of the store with their defaults, and the relations between them.
 *
 * They bound what waits in memory before a commit, what one read gives, and what is kept in memory of
 * what is on disk. Names end in their unit. How much a topic keeps is its retention, not a limit.
 */
import { assert } from "./errors.ts";

/** The limits that one store enforces. */
export interface StoreLimits {
  /** Past this many bytes in the batch that gathers, publishers should not be read. */
  readonly maxStoreBatchBytes: number;
  /** Past this many entries in the batch that gathers, publishers should not be read. */
  readonly maxStoreBatchEntries: number;
  /** Past this many bytes in the batch that gathers, operations are refused. */
  readonly maxStorePendingBytes: number;
  /** The most events that one read gives. */
  readonly maxStorePageEvents: number;
  /** The most bytes that one read gives; one event is given however large it is. */
  readonly maxStorePageBytes: number;
  /** The most reads that wait at once. */
  readonly maxStoreReads: number;
  /** The most topics that are kept. */
  readonly maxKeptTopics: number;
  /** How long a message_id is remembered. */
  readonly dedupWindowMs: number;
  /** The most message_ids that are remembered; past it the oldest are forgotten early. */
  readonly maxDedupEntries: number;
  /** The most records. */
  readonly maxRecords: number;
  /** The most bytes of all keys and values of records together. */
  readonly maxRecordsBytes: number;
  /** The longest key of a record. */
  readonly maxRecordKeyBytes: number;
  /** The longest value of a record. */
  readonly maxRecordValueBytes: number;
  /** The most bytes of bodies that a store in memory holds. */
  readonly maxMemoryStoreBytes: number;
  /** How often ages are looked at. */
  readonly retentionIntervalMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;

/** The defaults. */
export const DEFAULT_STORE_LIMITS: StoreLimits = Object.freeze({
  maxStoreBatchBytes: 8 * MIB,
  maxStoreBatchEntries: 65_536,
  maxStorePendingBytes: 128 * MIB,
  maxStorePageEvents: 16_384,
  maxStorePageBytes: 4 * MIB,
  maxStoreReads: 65_536,
  maxKeptTopics: 100_000,
  dedupWindowMs: 120 * SECOND,
  maxDedupEntries: 1_000_000,
  maxRecords: 100_000,
  maxRecordsBytes: 64 * MIB,
  maxRecordKeyBytes: 512,
  maxRecordValueBytes: 64 * KIB,
  maxMemoryStoreBytes: 256 * MIB,
  retentionIntervalMs: 1 * SECOND,
});

/** The most topics that can be kept at all: they have numbers of 20 bits on disk. */
export const MAX_KEPT_TOPICS = 2 ** 20 - 1;

/** A high-water mark that was written is synced this much later: after a loss of power it may be so old. */
export const MARK_SYNC_AFTER_MS = 100;

/** Raises when the limits contradict each other. */
export function assertStoreLimits(limits: StoreLimits): void {
  for (const [name, value] of Object.entries(limits)) {
    assert(Number.isSafeInteger(value) && value > 0, `${name} is a whole number, not ${value}`);
  }
  assert(limits.maxKeptTopics <= MAX_KEPT_TOPICS, `maxKeptTopics is at most ${MAX_KEPT_TOPICS}`);
  assert(
    limits.maxStoreBatchBytes < limits.maxStorePendingBytes,
    "publishers are stopped before they are refused",
  );
  assert(limits.maxStorePendingBytes <= 1024 * MIB, "maxStorePendingBytes is at most 1 GiB");
  assert(limits.maxStorePageBytes <= 256 * MIB, "maxStorePageBytes is at most 256 MiB");
  assert(
    limits.maxRecordKeyBytes + limits.maxRecordValueBytes <= limits.maxRecordsBytes,
    "a record fits among the records",
  );
}
