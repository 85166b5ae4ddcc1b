/**
 * One batch of a store: the operations that gather, what must be undone if they fail, and the walk over
 * them afterwards.
 *
 * A batch gathers, then is sealed and on its way (its buffer belongs to the backend), then finished and
 * walked over. For each event it stores numbers, and the caller's completion once for all in a row that have the same.
 */
import type { ParleyError } from "../../base/errors.ts";
import type { StoreQueue } from "../../ports/job_log.ts";
import type { StoreBatch, StoreEntryKind, StoreTopic } from "../../ports/store.ts";
import { Completions } from "./completions.ts";
import { hasEntry, Operation, OperationBuffer, OperationCursor } from "./operations.ts";
import type { StoredLog } from "./stored_log.ts";

/** A caller of `flush` that waits for the batch. */
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

/** The front of the store as a batch sees it: is told of committed entries other than events and jobs. */
export interface CommitSink {
  record(key: string, value: Uint8Array | null, revision: number): void;
  forgot(log: StoredLog): void;
}

/** A batch of a store. */
export class Batch implements StoreBatch {
  operations: OperationBuffer;
  readonly completions = new Completions();
  /** The topics and queues that got events and jobs. */
  readonly logs: StoredLog[] = [];
  /** The message_ids that were entered: topic and text. */
  readonly idTopics: number[] = [];
  readonly ids: string[] = [];
  readonly records: RecordChange[] = [];
  readonly waiters: BatchWaiter[] = [];
  /** The bytes that the operations take; set when the batch is sealed. */
  length = 0;

  /** Whether the operations came with the log. */
  isReceived = false;

  /** The number of events that the walk came to in a committed batch, jobs not counted. */
  committedEvents = 0;

  readonly #cursor = new OperationCursor();
  readonly #logOf: (id: number) => StoredLog;
  #index = -1;
  #lost = false;
  /** The sink of a walk over a committed batch, which figures follow; null while no such walk is under way. */
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

  /** Whether the batch has no operations. */
  get isEmpty(): boolean {
    return this.operations.length === 0;
  }

  /** Notes that the batch has an entry of `log`. */
  noteLog(log: StoredLog): void {
    if (log.batch === this) return;
    log.batch = this;
    this.logs.push(log);
  }

  /** Ends the gathering, and gives the buffer of the operations. */
  seal(): ArrayBuffer {
    for (const log of this.logs) log.batch = null;
    this.length = this.operations.length;
    return this.operations.bytes.buffer;
  }

  /** Makes this a batch that came with the log, whose operations take `length` bytes and have so many entries. */
  receive(length: number, entries: number): void {
    this.isReceived = true;
    this.length = length;
    this.completions.push(undefined, entries);
  }

  /**
   * Begins the walk over the operations in `buffer`; when that is empty, it was lost, and the walk tells only
   * completions. With `commits` the batch is committed: each entry enters the figures of its topic, or the
   * records, when the walk comes to it.
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

  /** Enters the present entry of a committed batch into figures and records. */
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

  get key(): string | null {
    const { kind } = this.#cursor;
    if (this.#commits === null || kind !== Operation.PUT && kind !== Operation.REMOVE) return null;
    return this.records[this.#record - 1].key;
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
    return this.completions.at(this.#index);
  }
}
