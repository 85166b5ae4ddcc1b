/**
 * The table [store] of the configuration: every limit of lib/base/store_limits.ts with its default and
 * its bounds. What must hold between them is in config_relations.ts.
 *
 * Non-goals: where the store lies (`data`), and how much a topic keeps (`[[keep]]`).
 */
import { z } from "zod";
import {
  DEFAULT_STORE_LIMITS,
  MAX_KEPT_TOPICS,
  type StoreLimits,
} from "../../base/store_limits.ts";
import { duration, KIB, MIB, whole } from "./fields.ts";

const defaults = DEFAULT_STORE_LIMITS;

/** The schema of the table. */
export const storeSchema = z.strictObject({
  max_batch_bytes: whole(
    defaults.maxStoreBatchBytes,
    1 * KIB,
    1024 * MIB,
    "When this much waits for the next commit, those who publish are not read. In bytes, less than " +
      "max_pending_bytes.",
  ),
  max_batch_entries: whole(
    defaults.maxStoreBatchEntries,
    1,
    16_000_000,
    "When this many events and records wait for the next commit, those who publish are not read.",
  ),
  max_pending_bytes: whole(
    defaults.maxStorePendingBytes,
    2 * KIB,
    1024 * MIB,
    "When this much waits for the next commit, more is refused. In bytes, at least twice " +
      "limits.max_frame_bytes.",
  ),
  max_page_events: whole(
    defaults.maxStorePageEvents,
    1,
    1_000_000,
    "The most events that one read from disk gives.",
  ),
  max_page_bytes: whole(
    defaults.maxStorePageBytes,
    1 * KIB,
    256 * MIB,
    "The most that one read from disk gives; a larger event is given alone. In bytes.",
  ),
  max_reads: whole(
    defaults.maxStoreReads,
    1,
    1_000_000,
    "Reads from disk that may wait at once; more are refused.",
  ),
  max_kept_topics: whole(
    defaults.maxKeptTopics,
    1,
    MAX_KEPT_TOPICS,
    "The most topics that are kept, rooms included. An event on one more is refused.",
  ),
  dedup_window_ms: duration(
    defaults.dedupWindowMs,
    "How long a message_id is remembered: an event that comes again within this time is kept once.",
  ),
  max_dedup_entries: whole(
    defaults.maxDedupEntries,
    1,
    8_000_000,
    "The most message_ids that are remembered; past it the oldest are forgotten early.",
  ),
  max_records: whole(
    defaults.maxRecords,
    1,
    8_000_000,
    "The most records, such as the topic lines of rooms.",
  ),
  max_records_bytes: whole(
    defaults.maxRecordsBytes,
    2 * KIB,
    1024 * MIB,
    "All keys and values of records together; they are in memory, too. In bytes, enough for the " +
      "largest record.",
  ),
  max_record_key_bytes: whole(
    defaults.maxRecordKeyBytes,
    // The longest that the server itself makes is the name of a room and what it stands for.
    128,
    64 * KIB,
    "The longest key of a record. In bytes.",
  ),
  max_record_value_bytes: whole(
    defaults.maxRecordValueBytes,
    // The longest that the server itself makes is the topic line of a room.
    1 * KIB,
    16 * MIB,
    "The longest value of a record. In bytes.",
  ),
  max_memory_bytes: whole(
    defaults.maxMemoryStoreBytes,
    1 * KIB,
    1024 * 1024 * MIB,
    "The most bytes of all events together when they are kept in memory only, that is without data.",
  ),
  retention_interval_ms: duration(
    defaults.retentionIntervalMs,
    "How often events that are past the greatest age are looked for.",
  ),
}).prefault({}).describe("What the store of kept topics, rooms and queues may use.");

/** The limits of the store as the rest of the server names them. */
export function storeLimitsOf(
  config: { readonly store: z.output<typeof storeSchema> },
): StoreLimits {
  const store = config.store;
  return {
    maxStoreBatchBytes: store.max_batch_bytes,
    maxStoreBatchEntries: store.max_batch_entries,
    maxStorePendingBytes: store.max_pending_bytes,
    maxStorePageEvents: store.max_page_events,
    maxStorePageBytes: store.max_page_bytes,
    maxStoreReads: store.max_reads,
    maxKeptTopics: store.max_kept_topics,
    dedupWindowMs: store.dedup_window_ms,
    maxDedupEntries: store.max_dedup_entries,
    maxRecords: store.max_records,
    maxRecordsBytes: store.max_records_bytes,
    maxRecordKeyBytes: store.max_record_key_bytes,
    maxRecordValueBytes: store.max_record_value_bytes,
    maxMemoryStoreBytes: store.max_memory_bytes,
    retentionIntervalMs: store.retention_interval_ms,
  };
}
