/**
 * The store port: kept topics and small records that survive, numbered, replayable, in atomic batches.
 *
 * Contract, held by tests/contract/store_contract.ts for every adapter:
 * - Order: what is handed over is committed in that order. `seq` counts from 1 in each topic, without
 *   gaps, across restarts too; a topic whose events were all trimmed goes on from its last seq. Once topics
 *   were forgotten, one that is made anew counts on from the greatest seq that any of them gave, so that
 *   no seq of a topic ever names two events.
 * - Atomicity: what gathers while one batch is being committed is the next batch; a batch is committed
 *   whole or fails whole, and a `group` is never split over two.
 * - Loss: `committed` is called after the batch has the store's `level`, never before. When a batch fails,
 *   those behind it fail too and their numbers are given again; reads go on, and so does the next batch.
 * - Duplication: an event whose message_id was seen in its topic within the window is not kept again; it
 *   completes with the first one's seq, marked, after the first one is committed.
 * - Time: within a topic it never goes back, so that a time has one place in the order.
 * - Reads see what was announced by `committed`, no more. Nothing here blocks the calling thread.
 */
import type { ParleyError } from "../base/errors.ts";
import type { AckLevel } from "../gen/parley/v1/session_pb.ts";
import type { Entry } from "./entry.ts";
import type { JobLog, StoreQueue } from "./job_log.ts";
import type { StorePage } from "./store_page.ts";

/** What a topic keeps; an absent field sets no bound. Trimming is done in the background, oldest first. */
export interface Retention {
  /** The most events. */
  readonly maxEvents?: number;
  /** The greatest age, in milliseconds. */
  readonly maxAgeMs?: number;
  /** The most bytes of all bodies together. */
  readonly maxBytes?: number;
}

/** A kept topic. One object a name for the life of the store; its figures are of what is committed. */
export interface StoreTopic {
  readonly name: string;
  /** The place of this topic among all of the store: greater than that of each that was there before it. */
  readonly order: number;
  /** The seq of the oldest event; `lastSeq + 1` when there is none. */
  readonly firstSeq: number;
  /** The seq of the newest event that ever was; 0 before the first. */
  readonly lastSeq: number;
  /** How many events there are: `lastSeq - firstSeq + 1`. */
  readonly events: number;
  /** The bytes of their bodies. */
  readonly bytes: number;
  /** The time of the oldest event, in milliseconds since 1970; 0 when there is none. */
  readonly firstTimeMs: number;
  /** The time of the newest event that ever was; 0 before the first. */
  readonly lastTimeMs: number;
  /** What it keeps. */
  readonly retention: Retention;
}

/** What an entry of a batch is. */
export type StoreEntryKind = "event" | "job" | "put" | "remove" | "forget";

/**
 * A walk over the entries of a finished batch, in the order they were handed over. It and its bytes are
 * good until the call that handed it out returns. The fields tell about the present entry.
 */
export interface StoreBatch {
  /** How many entries there are. */
  readonly count: number;
  /** Moves to the next entry; false behind the last one. */
  next(): boolean;
  readonly kind: StoreEntryKind;
  /** The topic of an event, or one that was forgotten; null for all else, and in a failed batch whose bytes were lost with the backend. */
  readonly topic: StoreTopic | null;
  /** A job's queue; null for all else, as above. */
  readonly queue: StoreQueue | null;
  /** An event's seq or a job's id (a duplicate's: that of the first), or a record's revision; in a failed batch no promise. */
  readonly seq: number;
  /** An event's time in the log, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Whether the event was there already and was not kept again. It then has no body. */
  readonly duplicate: boolean;
  /** Where bodies lie: that of the present entry from `start` to `end`, with all stamps. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** What the caller passed. */
  readonly completion: unknown;
}

/**
 * Is told what became of what was handed over, one call a batch. It must not throw or reject. When a batch fails, `fellBack`
 * is called once, before `failed` is called for that batch and for the one that gathered behind it.
 */
export interface StoreListener {
  /** The batch that gathers is about to leave: what is handed over in this call still leaves with it. */
  leaving?(): void;
  /** After `leaving` there was still nothing to commit, so no batch left. */
  stayed?(): void;
  /** All that was handed over and is not committed is taken back; what is handed over from now on is new. */
  fellBack?(): void;
  /**
   * The batch has the store's level. An entry counts as committed, for figures and reads, once it is walked to.
   * Who has much to do with it gives a promise, and goes on later: until that is settled nothing is told of
   * other batches, and what was not walked to by then counts.
   */
  committed(batch: StoreBatch): void | Promise<void>;
  /** Nothing of the batch was kept. The error is RESOURCE_EXHAUSTED (disk full) or UNAVAILABLE, retryable. */
  failed(batch: StoreBatch, error: ParleyError): void;
}

/** Which events a read gives. */
export interface ReadRequest {
  /** Forward: the first seq wanted. Backward: the last one. Beyond either end of the topic, that end. */
  readonly from: number;
  /** Backward gives the events that end at `from`; a page is in ascending order either way. */
  readonly direction: "forward" | "backward";
  /** The most events, at most `maxStorePageEvents`. */
  readonly maxEvents: number;
  /** The most bytes of bodies, at most `maxStorePageBytes`; one event is given however large it is. */
  readonly maxBytes: number;
}

/** The last events of several topics. */
export interface StoreLastPage extends StorePage {
  /** The topic of event `i`. */
  readonly topics: readonly StoreTopic[];
  /** The first of the topics asked for that was not looked at, for want of room; null when all were. */
  readonly next: StoreTopic | null;
}

/** A small record. */
export interface StoreRecord {
  readonly key: string;
  readonly value: Uint8Array;
  /** Changes with each put; greater than that of every earlier change in the store. */
  readonly revision: number;
}

/** A page of records in the order of their keys (by UTF-8 bytes). */
export interface StoreRecordPage {
  readonly records: readonly StoreRecord[];
  /** Where the next page begins: pass it as `after`. Null when this was the last one. */
  readonly after: string | null;
}

/** Plain counters. */
export interface StoreStats {
  readonly topics: number;
  readonly events: number;
  /** The bytes of all bodies. */
  readonly bytes: number;
  readonly records: number;
  readonly committedBatches: number;
  readonly committedEvents: number;
  readonly failedBatches: number;
  readonly duplicates: number;
  readonly trimmedEvents: number;
  /** Entries handed over and not yet committed. */
  readonly pendingEntries: number;
  /** What the files take on disk. */
  readonly diskBytes: number;
}

/** What keeps topics and records. */
export interface Store {
  /** What a committed entry has: FSYNCED on a disk, ROUTED in memory. */
  readonly level: AckLevel;
  /** Names this history. Another one means that events may be gone or numbered anew. */
  readonly epoch: string;
  /** What whoever runs the server should know, one sentence each; for the log at start. */
  readonly warnings: readonly string[];
  /** The jobs of queues. */
  readonly jobs: JobLog;

  /** Says who is told; once, before the first operation. */
  listen(listener: StoreListener): void;

  /** True when so much has gathered that those who publish should not be read. */
  readonly overloaded: boolean;
  /** Resolves once `overloaded` is false. */
  whenReady(): Promise<void>;

  /** The topic of that name, or null when nothing was ever kept or opened under it. */
  topic(name: string): StoreTopic | null;
  /**
   * The topic of that name, made if need be. The caller checked the name. RESOURCE_EXHAUSTED when there are as
   * many as `percent` (default: 100) of `maxKeptTopics`, rounded up.
   */
  openTopic(name: string, percent?: number): StoreTopic;
  /** All topics, in ascending `order`; one that is opened during a walk is part of it. */
  topics(): Iterable<StoreTopic>;
  /** The `order` of the newest topic that was ever opened; 0 before the first. */
  readonly newestOrder: number;
  /** The greatest seq that a topic gave which was forgotten; 0 when none was. */
  readonly forgottenSeq: number;
  /**
   * Forgets a topic with the events that were handed over for it, so that its name no longer counts: all of
   * it or nothing, in one batch. What is handed over for it between this call and that commit keeps it, with
   * its seqs; otherwise the object is of no use afterwards, and `topic` gives null for its name. How many
   * events it may hold is the caller's to bound: one transaction drops them all. With `onlyEmpty`, raises
   * FAILED_PRECONDITION when it holds events, or any are on their way to it.
   */
  forget(topic: StoreTopic, completion: unknown, onlyEmpty?: boolean): void;
  /** Sets what `topic` keeps, until the store is closed; whoever has the policies says it again after a start. */
  setRetention(topic: StoreTopic, retention: Retention): void;

  /**
   * Hands over an event: its body, its stamps, and behind them the seq, which the store adds as field 12. All is
   * copied before this returns. Gives the seq that the event will have if nothing fails, or
   * that of the event it duplicates. Raises RESOURCE_EXHAUSTED (retryable) when the caller went on far
   * past `overloaded`, UNAVAILABLE after `close`.
   */
  append(topic: StoreTopic, entry: Entry, completion: unknown): number;
  /** The seq of the event of `topic` with this message_id, if it was seen within the window; otherwise 0. */
  duplicateOf(topic: StoreTopic, messageId: string): number;

  /**
   * Sets a record and gives its revision. `expected` is the revision that it must have, 0 when there must
   * be none, -1 when that does not matter. Raises FAILED_PRECONDITION at once when it does not hold, and
   * RESOURCE_EXHAUSTED past the limits on records. Earlier operations count, committed or not.
   */
  put(key: string, value: Uint8Array, expected: number, completion: unknown): number;
  /** Removes a record, with `expected` as in `put`. Raises NOT_FOUND when there is none. */
  remove(key: string, expected: number, completion: unknown): void;
  /** The revision of a record with all that was handed over; 0 when there is none. */
  revision(key: string): number;
  /** Runs `run`, which may not wait: all operations in it are committed, or none; none when it throws. */
  group<T>(run: () => T): T;
  /** Resolves when all that was handed over is committed; rejects when some of it failed. */
  flush(): Promise<void>;

  /** Reads a page of a topic. Seqs that were trimmed meanwhile are passed over: look at `seqs[0]`. */
  read(topic: StoreTopic, request: ReadRequest): Promise<StorePage>;
  /** Reads the last event of each of these topics that has one, in that order, as far as one page goes. */
  readLast(topics: readonly StoreTopic[]): Promise<StoreLastPage>;
  /** The first seq whose time is `timeMs` or later; `lastSeq + 1` when all are earlier. */
  seqAt(topic: StoreTopic, timeMs: number): Promise<number>;
  /** The committed record of that key, or null. */
  get(key: string): Promise<StoreRecord | null>;
  /** The committed records whose keys begin with `prefix` and come after `after` ("" for the first page). */
  list(prefix: string, after: string, maxRecords: number): Promise<StoreRecordPage>;

  /** Drops the events of `topic` before `beforeSeq`, in small steps; gives how many. */
  trim(topic: StoreTopic, beforeSeq: number): Promise<number>;
  /** Applies every retention now, as the background does by and by. */
  applyRetention(): Promise<void>;
  /** Writes a whole, consistent copy to `path`, which must not exist, while serving. UNIMPLEMENTED in memory. */
  backup(path: string): Promise<void>;
  stats(): StoreStats;
  /** Commits what was handed over, then ends. Later calls raise UNAVAILABLE. */
  close(): Promise<void>;
}
