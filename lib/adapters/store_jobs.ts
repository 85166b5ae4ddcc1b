/**
 * The job log in front of a backend: what callers touch of queues, on the thread of the event loop.
 *
 * Jobs take the way of events into the batch that gathers (store_front); here is what events have not:
 * states, chunks that are dropped, and reading by chunks.
 */
import { assert } from "../base/errors.ts";
import {
  type JobLog,
  MOST_CHUNK_JOBS,
  type StoredChunk,
  type StoreQueue,
} from "../ports/job_log.ts";
import type { StorePage } from "../ports/store.ts";
import type { Batch } from "./store_batch.ts";
import { Chunking, Operation } from "./store_operations.ts";
import { QueueState } from "./store_queue.ts";

/** What the front lends to its job log. */
export interface JobsOwner {
  /** Where operations go. */
  readonly gathering: Batch;
  /** Raises UNAVAILABLE when the store has ended. */
  checkOpen(action: string): void;
  append(
    state: QueueState,
    bytes: Uint8Array,
    start: number,
    end: number,
    stamps: Uint8Array,
    stampsLength: number,
    timeMs: number,
    idStart: number,
    idEnd: number,
    chunking: number,
    completion: unknown,
  ): number;
  duplicateOf(state: QueueState, messageId: string): number;
  want(): void;
  readChunks(queue: number, firsts: readonly number[]): Promise<StorePage>;
}

/** The queues of a store. */
export class StoreJobs implements JobLog {
  readonly #owner: JobsOwner;
  readonly #enter: (name: string) => QueueState;
  readonly #byName = new Map<string, QueueState>();
  readonly #found = new Map<number, readonly StoredChunk[]>();

  /** `enter` makes the queue of a name; `found` is what was there at start, by queue. */
  constructor(
    owner: JobsOwner,
    enter: (name: string) => QueueState,
    present: Iterable<QueueState>,
    found: Iterable<readonly [number, readonly StoredChunk[]]>,
  ) {
    this.#owner = owner;
    this.#enter = enter;
    for (const queue of present) this.#byName.set(queue.name, queue);
    for (const [queue, chunks] of found) this.#found.set(queue, chunks);
  }

  queue(name: string): StoreQueue | null {
    return this.#byName.get(name) ?? null;
  }

  openQueue(name: string): StoreQueue {
    const present = this.#byName.get(name);
    if (present !== undefined) return present;
    this.#owner.checkOpen("open a queue");
    const queue = this.#enter(name);
    this.#byName.set(name, queue);
    return queue;
  }

  queues(): Iterable<StoreQueue> {
    return this.#byName.values();
  }

  takeChunks(queue: StoreQueue): readonly StoredChunk[] {
    const { id } = own(queue);
    const found = this.#found.get(id) ?? [];
    this.#found.delete(id);
    return found;
  }

  push(
    queue: StoreQueue,
    bytes: Uint8Array,
    start: number,
    end: number,
    stamps: Uint8Array,
    stampsLength: number,
    timeMs: number,
    idStart: number,
    idEnd: number,
    newChunk: boolean,
    completion: unknown,
  ): number {
    return this.#owner.append(
      own(queue),
      bytes,
      start,
      end,
      stamps,
      stampsLength,
      timeMs,
      idStart,
      idEnd,
      newChunk ? Chunking.BEGIN : Chunking.STAY,
      completion,
    );
  }

  duplicateOf(queue: StoreQueue, messageId: string): number {
    return this.#owner.duplicateOf(own(queue), messageId);
  }

  setStates(queue: StoreQueue, first: number, states: Uint8Array): void {
    const owner = this.#owner;
    owner.gathering.operations.add(Operation.STATES, own(queue).id, first, 0, states);
    owner.want();
  }

  dropChunk(queue: StoreQueue, first: number): void {
    const owner = this.#owner;
    owner.gathering.operations.add(Operation.DROP, own(queue).id, first, 0);
    owner.want();
  }

  want(): void {
    this.#owner.want();
  }

  async readChunks(
    queue: StoreQueue,
    firsts: readonly number[],
    jobs: readonly number[],
  ): Promise<StorePage> {
    this.#owner.checkOpen("read jobs");
    assert(jobs.every((count) => count <= MOST_CHUNK_JOBS), "a chunk has so many jobs at most");
    return await this.#owner.readChunks(own(queue).id, firsts);
  }
}

/** The store's own queue object behind the interface. */
function own(queue: StoreQueue): QueueState {
  assert(queue instanceof QueueState, "a queue is one of the store's");
  return queue;
}
