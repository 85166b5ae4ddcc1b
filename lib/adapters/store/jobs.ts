/**
 * The job log in front of a backend: what callers touch of queues, on the thread of the event loop.
 *
 * Jobs take the way of events into the batch that gathers (store_front); here is what events have not:
 * states, chunks that are dropped, and reading by chunks.
 */
import { assert, ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Entry } from "../../ports/entry.ts";
import {
  type JobLog,
  MAX_CHUNK_JOBS,
  type StoredChunk,
  type StoreQueue,
} from "../../ports/job_log.ts";
import type { StorePage } from "../../ports/store_page.ts";
import type { Appender } from "./append.ts";
import { Chunking, Operation } from "./operations.ts";
import type { StorePipeline } from "./pipeline.ts";
import { QueueState } from "./queue.ts";
import type { StoreReads } from "./reads.ts";

/** The queues of a store. */
export class StoreJobs implements JobLog {
  readonly #appender: Appender;
  readonly #pipeline: StorePipeline;
  readonly #reads: StoreReads;
  readonly #checkOpen: (action: string) => void;
  readonly #enter: (name: string) => QueueState;
  readonly #forget: (queue: QueueState, completion: unknown) => void;
  readonly #byName = new Map<string, QueueState>();
  readonly #found = new Map<number, readonly StoredChunk[]>();

  /**
   * `checkOpen` raises UNAVAILABLE when the store has ended, `enter` makes the queue of a name,
   * `forget` hands over that one is forgotten; `found` is what was there at start, by queue.
   */
  constructor(
    appender: Appender,
    pipeline: StorePipeline,
    reads: StoreReads,
    checkOpen: (action: string) => void,
    enter: (name: string) => QueueState,
    forget: (queue: QueueState, completion: unknown) => void,
    present: Iterable<QueueState>,
    found: Iterable<readonly [number, readonly StoredChunk[]]>,
  ) {
    this.#appender = appender;
    this.#pipeline = pipeline;
    this.#reads = reads;
    this.#checkOpen = checkOpen;
    this.#enter = enter;
    this.#forget = forget;
    for (const queue of present) this.#byName.set(queue.name, queue);
    for (const [queue, chunks] of found) this.#found.set(queue, chunks);
  }

  queue(name: string): StoreQueue | null {
    return this.#byName.get(name) ?? null;
  }

  openQueue(name: string): StoreQueue {
    const present = this.#byName.get(name);
    if (present !== undefined) return present;
    this.#checkOpen("open a queue");
    const queue = this.#enter(name);
    this.#byName.set(name, queue);
    return queue;
  }

  queues(): Iterable<StoreQueue> {
    return this.#byName.values();
  }

  forget(queue: StoreQueue, completion: unknown): void {
    const state = own(queue);
    if (state.tentativeSeq !== state.lastSeq) {
      throw new ParleyError(
        ErrorCode.FAILED_PRECONDITION,
        `cannot forget queue ${JSON.stringify(queue.name)}: jobs are on their way to it`,
        { accepted: "one that nothing is pushed to" },
      );
    }
    this.#forget(state, completion);
  }

  /** Lets go of a queue that was forgotten. */
  released(queue: QueueState): void {
    if (this.#byName.get(queue.name) === queue) this.#byName.delete(queue.name);
  }

  takeChunks(queue: StoreQueue): readonly StoredChunk[] {
    const { id } = own(queue);
    const found = this.#found.get(id) ?? [];
    this.#found.delete(id);
    return found;
  }

  push(queue: StoreQueue, entry: Entry, newChunk: boolean, completion: unknown): number {
    const chunking = newChunk ? Chunking.BEGIN : Chunking.STAY;
    return this.#appender.append(own(queue), entry, chunking, completion);
  }

  duplicateOf(queue: StoreQueue, messageId: string): number {
    return this.#appender.duplicateOf(own(queue), messageId);
  }

  setStates(queue: StoreQueue, first: number, states: Uint8Array): void {
    const pipeline = this.#pipeline;
    pipeline.gathering.operations.add(Operation.STATES, own(queue).id, first, 0, states);
    pipeline.want();
  }

  dropChunk(queue: StoreQueue, first: number): void {
    const pipeline = this.#pipeline;
    pipeline.gathering.operations.add(Operation.DROP, own(queue).id, first, 0);
    pipeline.want();
  }

  want(): void {
    this.#pipeline.want();
  }

  async readChunks(
    queue: StoreQueue,
    firsts: readonly number[],
    jobs: readonly number[],
  ): Promise<StorePage> {
    this.#checkOpen("read jobs");
    assert(jobs.every((count) => count <= MAX_CHUNK_JOBS), "a chunk has so many jobs at most");
    return await this.#reads.readChunks(own(queue).id, firsts);
  }
}

/** The store's own queue object behind the interface. */
function own(queue: StoreQueue): QueueState {
  assert(queue instanceof QueueState, "a queue is one of the store's");
  return queue;
}
