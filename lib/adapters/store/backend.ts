/**
 * The backend of a store, behind its front: memory, or SQLite in its Workers.
 *
 * The front decides everything that callers see at once (numbers, duplicates, revisions, limits); a
 * backend applies whole batches in their order, one at a time, and reads. It tells its sink of the outcome of
 * each batch, and never from within `commit`.
 */
import type { ParleyError } from "../../base/errors.ts";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import type { StoredChunk } from "../../ports/job_log.ts";
import type { Retention, StoreRecord } from "../../ports/store.ts";
import type { StorePage } from "../../ports/store_page.ts";
import type { LogFigures } from "./stored_log.ts";

/** A message_id that was seen within the window. */
export interface SeenId {
  readonly topic: number;
  readonly messageId: string;
  readonly seq: number;
  /** The time since then, by the wall clock. */
  readonly ageMs: number;
}

/** The number of a queue, and its chunks in the order of ids. */
export type StoredQueue = readonly [queue: number, chunks: readonly StoredChunk[]];

/** The contents of a store at its start. */
export interface Snapshot {
  readonly epoch: string;
  /** Topics and queues; a queue's name is the one it is stored under. */
  readonly topics: readonly LogFigures[];
  /** The chunks of each queue that has any, in the order of ids. */
  readonly chunks: Iterable<StoredQueue>;
  readonly records: readonly StoreRecord[];
  readonly lastRevision: number;
  /** The greatest seq that a forgotten topic or queue gave. */
  readonly forgottenSeq: number;
  /** The message_ids of the window, oldest first. */
  readonly seen: Iterable<SeenId>;
  readonly warnings: readonly string[];
  /** The sequence of the log up to which everything was applied; 0 without a log. */
  readonly position: number;
}

/** A request to read events, within those that the topic had when the request was made. */
export interface BackendRead {
  readonly topic: number;
  readonly from: number;
  /** The seq of the last event that was announced. */
  readonly lastSeq: number;
  readonly backward: boolean;
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** The last events of several topics. */
export interface BackendLastPage extends StorePage {
  /** The topic of event `i`, as its place among those asked for. */
  readonly places: Uint32Array;
  /** The place of the first topic that was not read for want of room; the number of topics when all were. */
  readonly next: number;
}

/** The front as its backend sees it: is told what became of batches. */
export interface BackendSink {
  /**
   * Tells that the batch under way has the backend's level; gives its buffer back. The disk was waited for `syncMs`, 0
   * where there is none.
   */
  committed(buffer: ArrayBuffer, syncMs: number): void;
  /** Tells that nothing of the batch under way was kept; gives its buffer back. */
  failed(buffer: ArrayBuffer, error: ParleyError): void;
  /** Tells the figures of trimmed topics: topic, firstSeq, bytes and firstTimeMs of each, one after the other. */
  trimmed(figures: Float64Array): void;
  /** Tells that nothing can be written for the moment, and why; null when it can again. Batches fail meanwhile. */
  away(error: ParleyError | null): void;
  /** The retentions that were set, by topic; asked for by a backend that has forgotten them. */
  retentions(): Iterable<readonly [topic: number, retention: Retention]>;
  /** Tells that the backend is gone for good; every call from now on fails with `error`. */
  broken(error: ParleyError): void;
}

/** A backend: keeps topics, queues and records. */
export interface StoreBackend {
  readonly level: AckLevel;
  /** How many of its threads died and were replaced. */
  readonly restarts: number;
  /** Sets the sink, before any other call. */
  start(sink: BackendSink): void;
  /**
   * Applies the operations in the first `length` bytes of `buffer`, which it owns until it gives it back. `sequence` is
   * their place in the log, to be stored with them; 0 when there is none.
   */
  commit(buffer: ArrayBuffer, length: number, nowMs: number, sequence: number): void;
  setRetention(topic: number, retention: Retention): void;
  /** Trims events that became too old, in the background. */
  retain(nowMs: number): void;
  /** Applies every retention; resolves when nothing more is due. */
  applyRetention(nowMs: number): Promise<void>;
  trim(topic: number, beforeSeq: number): Promise<void>;
  read(request: BackendRead): Promise<StorePage>;
  readLast(
    topics: readonly number[],
    lastSeqs: readonly number[],
    maxBytes: number,
  ): Promise<BackendLastPage>;
  seqAt(topic: number, lastSeq: number, timeMs: number): Promise<number>;
  /** The chunks of all queues without their jobs, by the number of their queue. */
  chunks(): Promise<Iterable<StoredQueue>>;
  /** Reads whole chunks of a queue, by their first ids; chunks that are gone are passed over. */
  readChunks(queue: number, firsts: readonly number[]): Promise<StorePage>;
  backup(path: string): Promise<void>;
  diskBytes(): number;
  close(): Promise<void>;
}
