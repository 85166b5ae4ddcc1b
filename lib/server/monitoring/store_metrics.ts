/**
 * The metrics of the store: commits, what they cost, what is kept.
 */
import type { Families } from "./families.ts";
import type { Monitored } from "./monitored.ts";
import { freeDiskBytes } from "./disk.ts";

/** Adds the families of the store. */
export function addStoreMetrics(families: Families, { features, config }: Monitored): void {
  const { kept } = features;
  if (kept === null) return;
  const { store } = kept;
  families.histogram({
    name: "parley_store_commit_duration_seconds",
    help: "The time from the leaving of a batch until it was as safe as it gets here.",
  }, () => store.timings.commitMs);
  families.histogram({
    name: "parley_store_sync_duration_seconds",
    help: "The part of each commit in which the disk was waited for.",
  }, () => store.timings.syncMs);
  families.histogram(
    { name: "parley_store_batch_entries", help: "Events, jobs and records of each batch." },
    () => store.timings.batchEntries,
    1,
  );
  families.counter(
    "parley_store_commits_total",
    "Batches that were committed.",
    () => store.figures().committedBatches,
  );
  families.counter(
    "parley_store_commit_failures_total",
    "Batches that failed.",
    () => store.figures().failedBatches,
  );
  families.counter(
    "parley_store_worker_restarts_total",
    "Threads of the store that died and were replaced.",
    () => store.figures().workerRestarts,
  );
  families.counter(
    "parley_store_events_total",
    "Events of kept topics that were committed.",
    () => store.figures().committedEvents,
  );
  families.counter(
    "parley_store_duplicates_total",
    "Events and jobs that came again, by their message_id.",
    () => store.figures().duplicates,
  );
  families.counter(
    "parley_store_events_trimmed_total",
    "Events of kept topics that were dropped by their policies or by hand.",
    () => store.figures().trimmedEvents,
  );
  families.gauge(
    "parley_store_pending_entries",
    "Events, jobs and records that are not committed yet.",
    () => store.figures().pendingEntries,
  );
  families.gauge(
    "parley_store_up",
    "Whether the store takes what is to be kept: 0 when it has ended, or the last commit failed.",
    () => {
      const { ended, failure } = store.health();
      return ended === null && failure === null ? 1 : 0;
    },
  );
  families.gauge("parley_store_topics", "Kept topics.", () => store.figures().topics);
  families.gauge(
    "parley_store_topics_max",
    "The kept topics that are possible (store.max_kept_topics).",
    () => config.store.max_kept_topics,
  );
  families.gauge("parley_store_records", "Records.", () => store.figures().records);
  families.gauge(
    "parley_store_disk_bytes",
    "What the files of the data directory take.",
    () => config.data === "" ? null : store.diskBytes(),
  );
  families.gauge(
    "parley_store_disk_free_bytes",
    "What is free on the disk of the data directory, where the system tells.",
    () => config.data === "" ? null : freeDiskBytes(config.data),
  );
}
