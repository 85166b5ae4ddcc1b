/**
 * The job log: the part of a store that keeps the jobs of queues, in the same transactions as events.
 *
 * Contract, held by tests/contract/job_log_contract.ts for every adapter:
 * - A queue's jobs are numbered from 1 without gaps, across restarts too; a number is never given again.
 * - Jobs lie in chunks: successive jobs of one batch. A chunk is kept whole until it is dropped whole, and
 *   beside it lie the states of its jobs, bytes that the caller makes and reads, replaced as a whole.
 * - Jobs, states and drops that are handed over are in the batch that gathers, as are events and records: committed
 *   with it or not at all, in the order in which they were handed over.
 * - `message_id` works as with events, per queue.
 * Non-goals: what a state means, and which consumer gets a job; lib/logic/queues decides both.
 */
import type { Entry } from "./entry.ts";
import type { StorePage } from "./store_page.ts";

/** A user who made topics or queues. */
export interface Holder {
  /** Under which it is stored; another for each user. */
  readonly name: string;
  /** The bytes in all topics and queues that it made. The store counts those of topics, who has queues those of jobs. */
  bytes: number;
}

/** The jobs of one queue. One object a name for the life of the store. */
export interface StoreQueue {
  readonly name: string;
  /** The id of the newest committed job that ever was; 0 before the first. */
  readonly lastId: number;
  /** The id that the next pushed job will have if nothing fails. */
  readonly nextId: number;
  /** Who made it, which is stored with its name; null when nobody counts as that. Who counts its jobs keeps its bytes. */
  readonly holder: Holder | null;
}

/** A chunk that was there at start. */
export interface StoredChunk {
  /** The id of the first job. */
  readonly first: number;
  readonly jobs: number;
  /** The bytes of all jobs. */
  readonly bytes: number;
  /** The time of the first job, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The states that were last set; null when none ever were. */
  readonly states: Uint8Array | null;
}

/** The most jobs of a chunk. */
export const MAX_CHUNK_JOBS = 128;
/** The bytes at which a chunk takes no more jobs. */
export const CHUNK_FULL_BYTES = 32 * 1024;

/** A job log: keeps the jobs of queues. */
export interface JobLog {
  /** The queue `name`; null when none was ever opened under it. */
  queue(name: string): StoreQueue | null;
  /**
   * The queue `name`, made for `owner` if need be. The caller checked the name, and that there are not too many queues.
   */
  openQueue(name: string, owner?: string): StoreQueue;
  /** All queues. */
  queues(): Iterable<StoreQueue>;
  /**
   * Forgets a queue whose chunks were all dropped, as `forget` of the store does a topic. A job that is pushed
   * before that is committed keeps the queue. Raises FAILED_PRECONDITION while pushed jobs are not committed.
   */
  forget(queue: StoreQueue, completion: unknown): void;
  /**
   * Finds the chunks of all queues anew, as they are now, for `takeChunks`: a node that takes up the lead has applied
   * them without looking at them. Nothing is handed over meanwhile. Rejects with a ParleyError, UNIMPLEMENTED in memory.
   */
  reload(): Promise<void>;
  /** The chunks of `queue` that were there at start, in the order of their ids; the store forgets them. */
  takeChunks(queue: StoreQueue): readonly StoredChunk[];

  /**
   * Hands over a job, as `append` of the store does an event; the id becomes field 12. `newChunk` begins a
   * chunk: the caller says so with the first job of a queue in a batch, and whenever a chunk is full by
   * MAX_CHUNK_JOBS or CHUNK_FULL_BYTES. Gives the job's id, or that of the job it duplicates, which is then
   * below what `nextId` was. Raises as `append` does.
   */
  push(queue: StoreQueue, entry: Entry, newChunk: boolean, completion: unknown): number;
  /** The id of the job with this message_id, if it was seen within the window; otherwise 0. */
  duplicateOf(queue: StoreQueue, messageId: string): number;
  /**
   * Replaces the states of the chunk that begins with job `first`. Like `dropChunk` it never raises, because
   * decisions about jobs must not be missing from a batch. Both fail with their batch when the store has ended.
   */
  setStates(queue: StoreQueue, first: number, states: Uint8Array): void;
  /** Drops the chunk that begins with job `first`, and its states. */
  dropChunk(queue: StoreQueue, first: number): void;
  /** Asks for a batch to leave soon, even when nothing gathers yet: `leaving` of the listener may fill it. */
  want(): void;
  /** Reads the committed jobs of these chunks, in this order; chunks that were dropped meanwhile are passed over. */
  readChunks(
    queue: StoreQueue,
    firsts: readonly number[],
    jobs: readonly number[],
  ): Promise<StorePage>;
}
