/**
 * Puts events and jobs into the batch that gathers: numbers them and knows duplicates.
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
import type { TopicState } from "./topic.ts";
import { unavailable } from "./values.ts";

const encoder = new TextEncoder();

/** Appends to the topics and queues of one store. */
export class Appender {
  /** The group in hand; null outside of one. */
  group: GroupLog | null = null;
  /** How many were there already. */
  duplicates = 0;
  readonly #pipeline: StorePipeline;
  readonly #window: DedupWindow;
  readonly #clock: Clock;
  readonly #ended: () => ParleyError | null;

  /** `ended` gives why the store takes nothing more, if so. */
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

  /** The seq that this message_id got in `state` within the window; otherwise 0. */
  duplicateOf({ id }: TopicState, messageId: string): number {
    return this.#window.find(id, messageId, this.#clock.monotonicMs());
  }

  /** As `append` of the store; `chunking` is one of Chunking. */
  append(state: TopicState, entry: Entry, chunking: number, completion: unknown): number {
    const ended = this.#ended();
    if (ended !== null) throw unavailable("keep an event", ended.message, ended);
    this.#pipeline.checkRoom(entry.length);
    const batch = this.#pipeline.gathering;
    const { operations } = batch;
    if (entry.timeMs < state.tentativeTimeMs) entry.timeMs = state.tentativeTimeMs;
    const { id } = state;
    let messageId = "";
    if (entry.idEnd > entry.idStart) {
      messageId = decodeText(entry.bytes.subarray(entry.idStart, entry.idEnd));
      const first = this.#window.find(id, messageId, this.#clock.monotonicMs());
      if (first > 0) {
        operations.add(Operation.DUPLICATE, id, first, entry.timeMs);
        this.duplicates++;
        this.#pipeline.handOver(completion);
        return first;
      }
    }
    const { named } = state;
    if (!named) {
      const { storedName, tentativeSeq } = state;
      operations.add(Operation.TOPIC, id, tentativeSeq, 0, encoder.encode(storedName));
      state.named = true;
    }
    const seq = state.tentativeSeq + 1;
    operations.event(id, entry, seq, chunking);
    this.group?.noteEvent(state, named);
    state.tentativeSeq = seq;
    state.tentativeTimeMs = entry.timeMs;
    batch.noteTopic(state);
    if (messageId !== "") {
      this.#window.add(id, messageId, seq, this.#clock.monotonicMs());
      batch.idTopics.push(id);
      batch.ids.push(messageId);
    }
    this.#pipeline.handOver(completion);
    return seq;
  }
}
