/**
 * The undo log of a group: its operations so far, so that they can be taken back as if they had never been.
 *
 * A group is synchronous and a batch is never sealed within a turn, so its operations stand together at
 * the end of one batch; taking it back cuts them off and restores what they changed.
 */
import type { DedupWindow } from "./dedup_window.ts";
import type { RecordTable, RecordUndo } from "./record_table.ts";
import type { Batch } from "./batch.ts";
import type { StoredLog } from "./stored_log.ts";

interface EventUndo {
  readonly topic: StoredLog;
  readonly seq: number;
  readonly timeMs: number;
  readonly named: boolean;
  readonly pendingBytes: number;
}

/** The undo log of one group. */
export class GroupLog {
  /** The changes of records, for their table. */
  readonly records: RecordUndo[] = [];
  readonly #batch: Batch;
  readonly #events: EventUndo[] = [];
  readonly #length: number;
  readonly #entries: number;
  readonly #ids: number;
  readonly #changes: number;

  constructor(batch: Batch) {
    this.#batch = batch;
    this.#length = batch.operations.length;
    this.#entries = batch.completions.length;
    this.#ids = batch.ids.length;
    this.#changes = batch.records.length;
  }

  /** Notes the state of `topic` before an event of it. */
  noteEvent(topic: StoredLog, named: boolean): void {
    const { tentativeSeq: seq, tentativeTimeMs: timeMs, pendingBytes } = topic;
    this.#events.push({ topic, seq, timeMs, named, pendingBytes });
  }

  /** Takes back all that the group did. */
  undo(records: RecordTable, window: DedupWindow): void {
    const batch = this.#batch;
    for (const { topic, seq, timeMs, named, pendingBytes } of this.#events.toReversed()) {
      topic.tentativeSeq = seq;
      topic.tentativeTimeMs = timeMs;
      topic.named = named;
      topic.takeBack(pendingBytes);
    }
    for (let index = this.#ids; index < batch.ids.length; index++) {
      window.remove(batch.idTopics[index], batch.ids[index]);
    }
    batch.ids.length = batch.idTopics.length = this.#ids;
    batch.records.length = this.#changes;
    records.undo(this.records);
    batch.operations.length = this.#length;
    batch.completions.cut(this.#entries);
  }
}
