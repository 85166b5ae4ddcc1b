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
import type { StoredLog } from "./stored_log.ts";

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

/** Is told what the walk over a committed batch comes to, but for events. */
export interface CommitSink {
  record(key: string, value: Uint8Array | null, revision: number): void;
  forgot(log: StoredLog): void;
}

/** A batch. */
export class Batch implements StoreBatch {
  operations: OperationBuffer;
  readonly completions: unknown[] = [];
  /** The topics and queues that got events and jobs. */
  readonly logs: StoredLog[] = [];
  /** The message_ids that were entered: topic and text. */
  readonly idTopics: number[] = [];
  readonly ids: string[] = [];
  readonly records: RecordChange[] = [];
  readonly waiters: BatchWaiter[] = [];
  /** How many bytes its operations take; known while the buffer is away. */
  length = 0;

  /** How many events were committed by the walk, without jobs. */
  committedEvents = 0;

  readonly #cursor = new OperationCursor();
  readonly #logOf: (id: number) => StoredLog;
  #index = -1;
  #lost = false;
  /** Whether the walk is over what is committed: figures of topics follow it. */
  #commits: CommitSink | null = null;
  #record = 0;

  /** `logOf` gives the topic or queue of a number. */
  constructor(logOf: (id: number) => StoredLog, buffer?: ArrayBuffer) {
    this.#logOf = logOf;
    this.operations = new OperationBuffer(buffer);
  }

  get count(): number {
    return this.completions.length;
  }

  /** Whether there is nothing to hand over. */
  get isEmpty(): boolean {
    return this.operations.length === 0;
  }

  /** Notes that the batch has an entry of `log`. */
  noteLog(log: StoredLog): void {
    if (log.batch === this) return;
    log.batch = this;
    this.logs.push(log);
  }

  /** Ends the gathering and gives the buffer away. */
  seal(): ArrayBuffer {
    for (const log of this.logs) log.batch = null;
    this.length = this.operations.length;
    return this.operations.bytes.buffer;
  }

  /**
   * Begins the walk over what lies in `buffer`; an empty one was lost, and only completions are told. With
   * `commits` the batch is committed: each entry enters the figures of its topic, or the records, when it is
   * walked to.
   */
  open(buffer: ArrayBuffer, commits: CommitSink | null): void {
    this.#lost = buffer.byteLength === 0;
    this.#commits = commits;
    this.#cursor.open(buffer, this.length);
    this.#index = -1;
  }

  next(): boolean {
    if (this.#lost) return ++this.#index < this.count;
    do {
      if (!this.#cursor.next()) return false;
    } while (!hasEntry(this.#cursor.kind));
    this.#index++;
    if (this.#commits !== null) this.#commit(this.#commits);
    return true;
  }

  /** Enters what the present entry adds into what is committed. */
  #commit(sink: CommitSink): void {
    const cursor = this.#cursor;
    if (cursor.kind === Operation.EVENT) {
      const log = this.#logOf(cursor.a);
      log.commit(cursor.number, cursor.timeMs, cursor.end - cursor.start);
      if (log.kind === "topic") this.committedEvents++;
    } else if (cursor.kind === Operation.FORGET) {
      sink.forgot(this.#logOf(cursor.a));
    } else if (cursor.kind === Operation.PUT || cursor.kind === Operation.REMOVE) {
      const { key, value, revision } = this.records[this.#record++];
      sink.record(key, value, revision);
    }
  }

  get kind(): StoreEntryKind {
    const { kind } = this.#cursor;
    if (kind === Operation.PUT) return "put";
    if (kind === Operation.REMOVE) return "remove";
    if (kind === Operation.FORGET) return "forget";
    return this.#logOf(this.#cursor.a).kind === "queue" ? "job" : "event";
  }

  get topic(): StoreTopic | null {
    const log = this.#log;
    return log?.kind === "topic" ? log : null;
  }

  get queue(): StoreQueue | null {
    const log = this.#log;
    return log?.kind === "queue" ? log : null;
  }

  /** The topic or queue of the present entry; null when it is a record, or was lost. */
  get #log(): StoredLog | null {
    if (this.#lost) return null;
    const { kind, a } = this.#cursor;
    return kind === Operation.PUT || kind === Operation.REMOVE ? null : this.#logOf(a);
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
