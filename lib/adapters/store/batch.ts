/**
 * One batch of a store: the operations that gather, what must be undone if they fail, and the walk over
 * them afterwards.
 *
 * Life: gathering, then sealed and on its way (its buffer belongs to the backend), then finished and
 * walked over. Per event it stores numbers and the caller's completion, nothing else.
 */
import type { ParleyError } from "../../base/errors.ts";
import type { StoreQueue } from "../../ports/job_log.ts";
import type { StoreBatch, StoreEntryKind, StoreTopic } from "../../ports/store.ts";
import { Operation, OperationBuffer, OperationCursor } from "./operations.ts";
import { QueueState } from "./queue.ts";
import type { TopicState } from "./topic.ts";

/** Somebody who waits for the batch. */
export interface BatchWaiter {
  resolve(): void;
  reject(error: ParleyError): void;
}

/** A change of a record in a batch. */
interface RecordChange {
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly revision: number;
}

/** A batch. */
export class Batch implements StoreBatch {
  operations: OperationBuffer;
  readonly completions: unknown[] = [];
  /** The topics that got events, and what they got: indexed by `TopicState.place`. */
  readonly topics: TopicState[] = [];
  readonly added: number[] = [];
  readonly addedBytes: number[] = [];
  readonly firstTimes: number[] = [];
  readonly lastSeqs: number[] = [];
  readonly lastTimes: number[] = [];
  /** The message_ids that were entered: topic and text. */
  readonly idTopics: number[] = [];
  readonly ids: string[] = [];
  readonly records: RecordChange[] = [];
  /** The topics that it forgets, unless events came behind that. */
  readonly forgotten: TopicState[] = [];
  readonly waiters: BatchWaiter[] = [];
  /** How many bytes its operations take; known while the buffer is away. */
  length = 0;

  readonly #cursor = new OperationCursor();
  readonly #topicOf: (id: number) => StoreTopic;
  #index = -1;
  #lost = false;

  constructor(topicOf: (id: number) => StoreTopic, buffer?: ArrayBuffer) {
    this.#topicOf = topicOf;
    this.operations = new OperationBuffer(buffer);
  }

  get count(): number {
    return this.completions.length;
  }

  /** Whether there is nothing to hand over. */
  get isEmpty(): boolean {
    return this.operations.length === 0;
  }

  /** Counts an event of `topic`. */
  countEvent(topic: TopicState, bytes: number, timeMs: number): void {
    if (topic.batch !== this) {
      topic.batch = this;
      topic.place = this.topics.push(topic) - 1;
      this.added.push(0);
      this.addedBytes.push(0);
      this.firstTimes.push(0);
    }
    const place = topic.place;
    if (this.added[place]++ === 0) this.firstTimes[place] = timeMs;
    this.addedBytes[place] += bytes;
  }

  /** Ends the gathering and gives the buffer away. */
  seal(): ArrayBuffer {
    for (const topic of this.topics) {
      this.lastSeqs.push(topic.tentativeSeq);
      this.lastTimes.push(topic.tentativeTimeMs);
      topic.batch = null;
    }
    this.length = this.operations.length;
    return this.operations.bytes.buffer;
  }

  /** Enters what the batch added into the committed figures of its topics; gives how many events, without jobs. */
  applyToTopics(): number {
    let events = 0;
    for (let place = 0; place < this.topics.length; place++) {
      if (this.added[place] === 0) continue;
      const topic = this.topics[place];
      topic.isStored = true;
      if (topic.lastSeq < topic.firstSeq) topic.firstTimeMs = this.firstTimes[place];
      topic.lastSeq = this.lastSeqs[place];
      topic.lastTimeMs = this.lastTimes[place];
      topic.bytes += this.addedBytes[place];
      if (!(topic instanceof QueueState)) events += this.added[place];
    }
    return events;
  }

  /** Begins the walk over what lies in `buffer`; an empty one was lost, and only completions are told. */
  open(buffer: ArrayBuffer): void {
    this.#lost = buffer.byteLength === 0;
    this.#cursor.open(buffer, this.length);
    this.#index = -1;
  }

  next(): boolean {
    if (this.#lost) return ++this.#index < this.count;
    do {
      if (!this.#cursor.next()) return false;
    } while (!hasEntry(this.#cursor.kind));
    this.#index++;
    return true;
  }

  get kind(): StoreEntryKind {
    const { kind } = this.#cursor;
    if (kind === Operation.PUT) return "put";
    if (kind === Operation.REMOVE) return "remove";
    if (kind === Operation.FORGET) return "forget";
    return this.#topicOf(this.#cursor.a) instanceof QueueState ? "job" : "event";
  }

  get topic(): StoreTopic | null {
    const of = this.#of;
    return of instanceof QueueState ? null : of;
  }

  get queue(): StoreQueue | null {
    const of = this.#of;
    return of instanceof QueueState ? of : null;
  }

  /** What the event or job is of, or what was forgotten. */
  get #of(): StoreTopic | null {
    if (this.#lost) return null;
    const { kind, a } = this.#cursor;
    return kind === Operation.PUT || kind === Operation.REMOVE ? null : this.#topicOf(a);
  }

  get seq(): number {
    return this.#cursor.number;
  }

  get timeMs(): number {
    return this.#cursor.timeMs;
  }

  get duplicate(): boolean {
    return this.#cursor.kind === Operation.DUPLICATE;
  }

  get bytes(): Uint8Array {
    return this.#cursor.bytes;
  }

  get start(): number {
    return this.#cursor.start;
  }

  get end(): number {
    return this.#cursor.end;
  }

  get completion(): unknown {
    return this.completions[this.#index];
  }
}

function hasEntry(kind: number): boolean {
  return kind !== Operation.TOPIC && kind !== Operation.STATES && kind !== Operation.DROP;
}
