/**
 * What a store's front needs of the thing that keeps: memory, or SQLite in its Workers.
 *
 * The front decides everything that callers see at once (numbers, duplicates, revisions, limits); a
 * backend applies whole batches in the order they come, one at a time, and reads. It tells its sink what
 * became of each batch, and never from within `commit`.
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
  /** How long ago, by the wall clock. */
  readonly ageMs: number;
}

/** What was kept before this start. */
export interface Snapshot {
  readonly epoch: string;
  /** Topics and queues; a queue's name is the one it is stored under. */
  readonly topics: readonly LogFigures[];
  /** The chunks of each queue that has any, in order. */
  readonly chunks: Iterable<readonly [queue: number, chunks: readonly StoredChunk[]]>;
  readonly records: readonly StoreRecord[];
  readonly lastRevision: number;
  /** The greatest seq of a topic that was forgotten. */
  readonly forgottenSeq: number;
  /** Oldest first. */
  readonly seen: Iterable<SeenId>;
  readonly warnings: readonly string[];
}

/** Which events a backend is to read; within what the topic had when asked. */
export interface BackendRead {
  readonly topic: number;
  readonly from: number;
  /** The last seq that was announced. */
  readonly lastSeq: number;
  readonly backward: boolean;
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** The last events of several topics. */
export interface BackendLastPage extends StorePage {
  /** Event `i` is of the topic at `places[i]` of those asked for. */
  readonly places: Uint32Array;
  /** The first of those asked for that was not looked at, for want of room; their number when all were. */
  readonly next: number;
}

/** Is told by a backend. */
export interface BackendSink {
  /** The batch under way has the backend's level; its buffer comes back. */
  committed(buffer: ArrayBuffer): void;
  /** Nothing of the batch under way was kept. */
  failed(buffer: ArrayBuffer, error: ParleyError): void;
  /** New figures after a trim: topic, firstSeq, bytes and firstTimeMs, again and again. */
  trimmed(figures: Float64Array): void;
  /** The backend is gone for good; every call from now on fails with `error`. */
  broken(error: ParleyError): void;
}

/** Keeps topics and records. */
export interface StoreBackend {
  readonly level: AckLevel;
  /** Says who is told; before anything else. */
  start(sink: BackendSink): void;
  /** Applies the operations in the first `length` bytes of `buffer`, which it owns until it gives it back. */
  commit(buffer: ArrayBuffer, length: number, nowMs: number): void;
  setRetention(topic: number, retention: Retention): void;
  /** Looks at ages, in the background. */
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
  /** Reads whole chunks of a queue, by their first ids; what is gone is passed over. */
  readChunks(queue: number, firsts: readonly number[]): Promise<StorePage>;
  backup(path: string): Promise<void>;
  diskBytes(): number;
  close(): Promise<void>;
}
