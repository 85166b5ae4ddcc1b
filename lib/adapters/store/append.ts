/**
 * Puts events and jobs into the batch that gathers: numbers them, and finds duplicates by message_id.
 *
 * Nothing here waits, and an append allocates nothing unless it has a message_id.
 */
import type { Clock } from "../../base/clock.ts";
import type { ParleyError } from "../../base/errors.ts";
import { decodeText } from "../../base/utf8_text.ts";
import type { Entry } from "../../ports/entry.ts";
import type { DedupWindow } from "./dedup_window.ts";
import type { GroupLog } from "./group.ts";
import { Operation } from "./operations.ts";
import type { StorePipeline } from "./pipeline.ts";
import type { StoredLog } from "./stored_log.ts";
import { namePayload } from "./queue_name.ts";
import { unavailable } from "./values.ts";

/** Appends to the topics and queues of one store. */
export class Appender {
  /** The group in hand; null outside of one. */
  group: GroupLog | null = null;
  /** The number of events and jobs that were duplicates. */
  duplicates = 0;
  readonly #pipeline: StorePipeline;
  readonly #window: DedupWindow;
  readonly #clock: Clock;
  readonly #ended: () => ParleyError | null;

  /** `ended` gives the error with which the store has ended; null while it goes on. */
  constructor(
    pipeline: StorePipeline,
    window: DedupWindow,
    clock: Clock,
    ended: () => ParleyError | null,
  ) {
    this.#pipeline = pipeline;
    this.#window = window;
    this.#clock = clock;
    this.#ended = ended;
  }

  /** The seq that this message_id got in a log within the window; otherwise 0. */
  duplicateOf({ id }: StoredLog, messageId: string): number {
    return this.#window.find(id, messageId, this.#clock.monotonicMs());
  }

  /** Hands over an event or a job, as `append` of the store does; `chunking` is one of Chunking. */
  append(log: StoredLog, entry: Entry, chunking: number, completion: unknown): number {
    const ended = this.#ended();
    if (ended !== null) throw unavailable("keep an event", ended.message, ended);
    this.#pipeline.checkRoom(entry.length);
    const batch = this.#pipeline.gathering;
    const { operations } = batch;
    if (entry.timeMs < log.tentativeTimeMs) entry.timeMs = log.tentativeTimeMs;
    const { id } = log;
    let messageId = "";
    if (entry.idEnd > entry.idStart) {
      messageId = decodeText(entry.bytes.subarray(entry.idStart, entry.idEnd));
      const first = this.#window.find(id, messageId, this.#clock.monotonicMs());
      if (first > 0) {
        operations.duplicate(id, first, entry.timeMs);
        this.duplicates++;
        this.#pipeline.handOver(completion);
        return first;
      }
    }
    const { named } = log;
    if (!named) {
      const { storedName, tentativeSeq } = log;
      operations.add(
        Operation.TOPIC,
        id,
        tentativeSeq,
        namePayload(storedName, log.holder?.name ?? ""),
      );
      log.named = true;
    }
    const seq = log.tentativeSeq + 1;
    const bytes = operations.event(id, entry, seq, chunking);
    this.group?.noteEvent(log, named);
    log.handOver(bytes);
    log.tentativeSeq = seq;
    log.tentativeTimeMs = entry.timeMs;
    batch.noteLog(log);
    if (messageId !== "") {
      this.#window.add(id, messageId, seq, this.#clock.monotonicMs());
      batch.idTopics.push(id);
      batch.ids.push(messageId);
    }
    this.#pipeline.handOver(completion);
    return seq;
  }
}
