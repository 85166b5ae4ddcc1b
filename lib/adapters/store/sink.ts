/**
 * What a store's front hears from its backend, and what it takes back when batches fail.
 *
 * A store that fails to take in what it is told ends, since its figures may be wrong.
 */
import { guard } from "../../base/defects.ts";
import type { ParleyError } from "../../base/errors.ts";
import type { BackendSink } from "./backend.ts";
import type { Batch } from "./batch.ts";
import type { DedupWindow } from "./dedup_window.ts";
import type { LogStage } from "./shared/log_stage.ts";
import type { StoreNames } from "./names.ts";
import type { StorePipeline } from "./pipeline.ts";
import type { RecordTable } from "./record_table.ts";
import { unavailable } from "./values.ts";

/** What a front is like at this moment. */
export interface FrontState {
  /** Why nothing is taken any more; null while the store goes on. */
  ended: ParleyError | null;
  /** Why nothing can be written for the moment; null while it can. */
  away: ParleyError | null;
  trimmedEvents: number;
}

/** The parts of a front that hear from its backend. */
export interface SinkParts {
  readonly state: FrontState;
  readonly pipeline: StorePipeline;
  readonly names: StoreNames;
  /** Null where there is no log to share. */
  readonly stage: LogStage | null;
}

/** The sink of a backend. */
export function sinkOf({ state, pipeline, names, stage }: SinkParts): BackendSink {
  const take = (run: () => void): void => {
    if (guard("take in what was stored", run)) return;
    state.ended ??= unavailable("use the store", "it failed; the reason is in the server's log");
  };
  const trimmed = (figures: Float64Array): void => {
    for (let at = 0; at < figures.length; at += 4) {
      const topic = names.of(figures[at]);
      state.trimmedEvents += figures[at + 1] - topic.firstSeq;
      topic.firstSeq = figures[at + 1];
      topic.bytes = figures[at + 2];
      topic.firstTimeMs = figures[at + 3];
    }
  };
  return {
    committed: (buffer, syncMs) =>
      take(() => {
        stage?.committed();
        pipeline.committed(buffer, syncMs);
      }),
    failed: (buffer, error) =>
      take(() => pipeline.failed(buffer, stage === null ? error : stage.failed(error))),
    trimmed: (figures) => take(() => pipeline.inTurn(() => trimmed(figures))),
    away: (error) => void (state.away = error),
    *retentions() {
      for (const { id, retention } of names.topics.values()) if (id > 0) yield [id, retention];
    },
    broken: (error) => {
      state.ended = error;
      take(() => pipeline.lost(error));
    },
  };
}

/** Takes back what these batches have entered into the names, the window and the records. */
export function takeBack(
  batches: readonly Batch[],
  { window, records }: { readonly window: DedupWindow; readonly records: RecordTable },
): void {
  for (const batch of batches) {
    for (const log of batch.logs) log.fallBack();
    for (let index = 0; index < batch.ids.length; index++) {
      window.remove(batch.idTopics[index], batch.ids[index]);
    }
  }
  records.fallBack();
}
