/**
 * The store port: kept topics and small records that survive, numbered, replayable, in atomic batches.
 *
 * Contract, held by tests/contract/store_contract.ts for every adapter:
 * - Order: entries are committed in the order in which they are handed over. `seq` counts from 1 in each topic, without
 *   gaps, across restarts too; a topic whose events were all trimmed goes on from its last seq. Once topics
 *   were forgotten, one that is made anew counts on from the greatest seq that any of them gave, so that
 *   no seq of a topic ever names two events.
 * - Atomicity: the entries that gather while one batch is being committed are the next batch; a batch is committed
 *   whole or fails whole, and a `group` is never split over two batches.
 * - Loss: `committed` is called after the batch has the store's `level`, never before. When a batch fails,
 *   those behind it fail too and their numbers are given again; reads go on, and so does the next batch.
 * - Duplication: an event whose message_id was seen in its topic within the window is not kept again; it
 *   completes with the first one's seq, marked, after the first one is committed.
 * - Time: the times of a topic never go back, so that a time has one place in the order.
 * - Reads see what was announced by `committed`, no more. Nothing here blocks the calling thread.
 */
import type { BucketCounts } from "./bucket_counts.ts";
import type { ParleyError } from "../base/errors.ts";
import type { AckLevel } from "../gen/parley/v1/session_pb.ts";
import type { Entry } from "./entry.ts";
import type { Holder, JobLog, StoreQueue } from "./job_log.ts";
import type { Replica } from "./replica.ts";
import type { StorePage } from "./store_page.ts";

/** The bounds of what a topic keeps; an absent field sets none. Trimming is done in the background, oldest first. */
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
  /** The number of events: `lastSeq - firstSeq + 1`. */
  readonly events: number;
  /** The bytes of the bodies of all events. */
  readonly bytes: number;
  /** The time of the oldest event, in milliseconds since 1970; 0 when there is none. */
  readonly firstTimeMs: number;
  /** The time of the newest event that ever was; 0 before the first. */
  readonly lastTimeMs: number;
  /** The bounds of what the topic keeps. */
  readonly retention: Retention;
  /** Who made it, which is stored with its name; null when nobody counts as that. What it holds is in its bytes. */
  readonly holder: Holder | null;
  /** The seq that the next event will have if nothing fails. */
  readonly nextSeq: number;
}

/** The kind of an entry of a batch. */
export type StoreEntryKind = "event" | "job" | "put" | "remove" | "forget";

/**
 * A walk over the entries of a finished batch, in the order in which they were handed over. The object and its
 * bytes are good until the call that handed it out returns. The fields tell about the present entry.
 */
export interface StoreBatch {
  /** Whether another node has handed the entries over, and they came with the log; then they have no completions. */
  readonly isReceived: boolean;
  /** The number of entries. */
  readonly count: number;
  /** Moves to the next entry; false behind the last one. */
  next(): boolean;
  readonly kind: StoreEntryKind;
  /**
   * The topic of an event, or one that was forgotten; null for all other entries, and in a failed batch whose bytes
   * were lost with the backend.
   */
  readonly topic: StoreTopic | null;
  /** The queue of a job, or one that was forgotten; null otherwise, as with `topic`. */
  readonly queue: StoreQueue | null;
  /** The key of a record in a committed batch; null otherwise. */
  readonly key: string | null;
  /**
   * The seq of an event, the id of a job (for a duplicate those of the first), or the revision of a record. Of no
   * meaning in a failed batch.
   */
  readonly seq: number;
  /** An event's time in the log, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Whether the event or job was there already and was not kept again; then it has no body. */
  readonly duplicate: boolean;
  /** The bytes in which the body of the present entry lies from `start` to `end`, with all stamps. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** The completion that the caller passed. */
  readonly completion: unknown;
}

/**
 * The listener of a store, which is told of the outcome of each batch in one call. It must not throw or reject. When
 * a batch fails, `fellBack` is called once, before `failed` is called for that batch and for the one that gathered
 * behind it.
 */
export interface StoreListener {
  /** Tells that the batch that gathers is about to leave: entries that are handed over in this call leave with it. */
  leaving?(): void;
  /** Tells that no batch left, because there was nothing to commit even after `leaving`. */
  stayed?(): void;
  /** Tells that all entries that are not committed were taken back; entries from now on go into a new batch. */
  fellBack?(): void;
  /**
   * Tells that the batch has the store's level. An entry counts as committed, for figures and reads, once the walk
   * comes to it. A listener that has much to do gives a promise and goes on later: until that is settled it is told
   * of no other batch. Entries that it did not walk to by then count as committed from then on.
   */
  committed(batch: StoreBatch): void | Promise<void>;
  /** Tells of a topic that came with the log, before any event of it. */
  received?(topic: StoreTopic): void;
  /** Tells that nothing of the batch was kept, for RESOURCE_EXHAUSTED (disk full) or UNAVAILABLE, both retryable. */
  failed(batch: StoreBatch, error: ParleyError): void;
}

/** A request to read events of a topic. */
export interface ReadRequest {
  /** The first seq wanted forward, the last one backward. Beyond either end of the topic it counts as that end. */
  readonly from: number;
  /** The direction: backward gives the events that end at `from`. A page is in ascending order either way. */
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
  /** The first of the topics asked for that was not read, for want of room; null when all were. */
  readonly next: StoreTopic | null;
}

/** A small record: a value under a key. */
export interface StoreRecord {
  readonly key: string;
  readonly value: Uint8Array;
  /** The number of the last change of the record, greater than that of every earlier change in the store. */
  readonly revision: number;
}

/** A page of records in the order of their keys (by UTF-8 bytes). */
export interface StoreRecordPage {
  readonly records: readonly StoreRecord[];
  /** The `after` of the next page; null when this is the last page. */
  readonly after: string | null;
}

/** What the committed batches of a store were like since its start. */
export interface StoreTimings {
  /** The time from the leaving of each batch until it was committed, in milliseconds. */
  readonly commitMs: BucketCounts;
  /** The part of it in which the disk was waited for; a store in memory has none. */
  readonly syncMs: BucketCounts;
  /** The entries of each batch. */
  readonly batchEntries: BucketCounts;
}

/** How a store is at this moment. */
export interface StoreHealth {
  /** Why it takes nothing any more; null while it does. */
  readonly ended: ParleyError | null;
  /** Why the last batch failed; null when it was committed, or none has left. */
  readonly failure: ParleyError | null;
  /** How long ago that was, in milliseconds. */
  readonly failedAgoMs: number;
  /** For how long the batch under way has been with the disk, in milliseconds; 0 when none is. */
  readonly underWayMs: number;
}

/** The figures of a store that cost nothing to ask for. */
export interface StoreFigures {
  readonly topics: number;
  readonly records: number;
  readonly committedBatches: number;
  readonly committedEvents: number;
  readonly failedBatches: number;
  /** Threads of the store that died and were replaced. */
  readonly workerRestarts: number;
  readonly duplicates: number;
  readonly trimmedEvents: number;
  /** Entries that were handed over and are not committed. */
  readonly pendingEntries: number;
}

/** The figures of a store. */
export interface StoreStats extends StoreFigures {
  readonly events: number;
  /** The bytes of the bodies of all events. */
  readonly bytes: number;
  /** The bytes that the files take on disk. */
  readonly diskBytes: number;
}

/** Those who made the topics and queues of a store. */
export interface Holders {
  /** The holder of that name, if it made anything that is there. */
  find(name: string): Holder | null;
  /** The holder of a topic or queue that refers to it from now on; null for the empty name, which is nobody's. */
  refer(name: string): Holder | null;
  /** A topic or queue that referred to the holder is gone, and its bytes are counted no more. */
  release(holder: Holder | null): void;
}

/** A store: keeps topics and records. */
export interface Store {
  /** The level that a committed entry has: FSYNCED on a disk, ROUTED in memory, that of the log where there is one. */
  readonly level: AckLevel;
  /** The name of this history. Another name means that events may be gone or numbered anew. */
  readonly epoch: string;
  /** Warnings for the operator of the server, one sentence each; for the log at start. */
  readonly warnings: readonly string[];
  /** The jobs of queues. */
  readonly jobs: JobLog;
  /** The part that shares a log with other nodes; null for a store of its own. */
  readonly replica: Replica | null;

  /** Sets the listener, once, before the first operation. */
  listen(listener: StoreListener): void;

  /** True when so much has gathered that those who publish should not be read. */
  readonly overloaded: boolean;
  /** Resolves once `overloaded` is false. */
  whenReady(): Promise<void>;

  /** The topic `name`; null when none was ever kept or opened under it. */
  topic(name: string): StoreTopic | null;
  /** Those who made topics and queues that are there. */
  readonly holders: Holders;
  /**
   * The topic `name`, made for `owner` if need be; without one it is nobody's. The caller checked the name. Raises
   * RESOURCE_EXHAUSTED when there are as many topics as `percent` (default: 100) of `maxKeptTopics`, rounded up.
   */
  openTopic(name: string, percent?: number, owner?: string): StoreTopic;
  /** The topics that are kept, in ascending `order`; a topic that is opened during a walk is part of it. */
  topics(): Iterable<StoreTopic>;
  /** At least the `order` of every topic that was ever opened; 0 before the first. */
  readonly newestOrder: number;
  /** The greatest seq that a forgotten topic gave; 0 when none was forgotten. */
  readonly forgottenSeq: number;
  /**
   * Forgets a topic with all events that were handed over for it, in one batch, so that its name no longer counts.
   * An event that is handed over for it between this call and the commit keeps the topic, with its seqs; otherwise
   * the object is of no use afterwards, and `topic` gives null for its name. The caller bounds the number of events,
   * since one transaction drops them all. With `onlyEmpty`, raises FAILED_PRECONDITION when the topic holds events,
   * or any are on their way to it.
   */
  forget(topic: StoreTopic, completion: unknown, onlyEmpty?: boolean): void;
  /** Sets what `topic` keeps, until the store is closed; the owner of the policies sets it again after a start. */
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
   * be none, -1 when that does not matter. Raises FAILED_PRECONDITION at once when it has another, and
   * RESOURCE_EXHAUSTED past the limits on records. Earlier operations count, committed or not.
   */
  put(key: string, value: Uint8Array, expected: number, completion: unknown): number;
  /** Removes a record, with `expected` as in `put`. Raises NOT_FOUND when there is none. */
  remove(key: string, expected: number, completion: unknown): void;
  /** The revision of a record, with all changes that were handed over; 0 when there is no such record. */
  revision(key: string): number;
  /** Runs `run`, which must not wait: either all its operations are committed, or none; none when it throws. */
  group<T>(run: () => T): T;
  /** Resolves when all entries that were handed over are committed; rejects when some of them failed. */
  flush(): Promise<void>;

  /** Reads a page of a topic. Events that were trimmed meanwhile are passed over, so `seqs[0]` may be above `from`. */
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
  /** Applies every retention now, which otherwise happens in the background. */
  applyRetention(): Promise<void>;
  /** Writes a whole, consistent copy to `path`, which must not exist, while serving. UNIMPLEMENTED in memory. */
  backup(path: string): Promise<void>;
  /** Looks at all topics, and at the files. */
  stats(): StoreStats;
  figures(): StoreFigures;
  readonly timings: StoreTimings;
  health(): StoreHealth;
  /** The bytes that the files take on disk; 0 in memory. */
  diskBytes(): number;
  /** Commits the entries that were handed over, then ends. Later calls raise UNAVAILABLE. */
  close(): Promise<void>;
}
