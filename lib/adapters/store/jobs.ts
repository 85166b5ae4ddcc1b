/**
 * The job log in front of a backend: the part that callers use of queues, on the thread of the event loop.
 *
 * Jobs enter the batch that gathers as events do (append). Only queues have what is here: states, chunks that are
 * dropped, and reading by chunks.
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
import type { StoreNames } from "./names.ts";
import type { StoreReads } from "./reads.ts";
import { StoredLog } from "./stored_log.ts";

/** The parts of a store that its job log works with. */
export interface JobsParts {
  readonly appender: Appender;
  readonly pipeline: StorePipeline;
  readonly reads: StoreReads;
  readonly names: StoreNames;
  /** The chunks of all queues as they are stored, by the number of their queue. */
  readonly chunks: () => Promise<Iterable<readonly [number, readonly StoredChunk[]]>>;
  /** Raises UNAVAILABLE when the store has ended. */
  readonly checkOpen: (action: string) => void;
  /** Hands over that a queue is forgotten. */
  readonly forget: (queue: StoredLog, completion: unknown) => void;
}

/** The job log of a store. */
export class StoreJobs implements JobLog {
  readonly #appender: Appender;
  readonly #pipeline: StorePipeline;
  readonly #parts: JobsParts;
  /** The chunks that were there at start, by the number of their queue. */
  #found: Map<number, readonly StoredChunk[]>;

  /** `found` are the chunks that were there at start, by the number of their queue. */
  constructor(parts: JobsParts, found: Iterable<readonly [number, readonly StoredChunk[]]>) {
    this.#appender = parts.appender;
    this.#pipeline = parts.pipeline;
    this.#parts = parts;
    this.#found = new Map(found);
  }

  queue(name: string): StoreQueue | null {
    return this.#parts.names.queues.get(name) ?? null;
  }

  openQueue(name: string, owner = ""): StoreQueue {
    const { names, checkOpen } = this.#parts;
    const present = names.queues.get(name);
    if (present !== undefined) return present;
    checkOpen("open a queue");
    return names.openQueue(name, owner);
  }

  queues(): Iterable<StoreQueue> {
    return this.#parts.names.queues.values();
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
    this.#parts.forget(state, completion);
  }

  async reload(): Promise<void> {
    this.#found = new Map(await this.#parts.chunks());
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
    pipeline.gathering.operations.add(Operation.STATES, own(queue).id, first, states);
    pipeline.want();
  }

  dropChunk(queue: StoreQueue, first: number): void {
    const pipeline = this.#pipeline;
    pipeline.gathering.operations.add(Operation.DROP, own(queue).id, first);
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
    const { checkOpen, reads } = this.#parts;
    checkOpen("read jobs");
    assert(jobs.every((count) => count <= MAX_CHUNK_JOBS), "a chunk has so many jobs at most");
    return await reads.readChunks(own(queue).id, firsts);
  }
}

/** The store's own queue object behind the interface. */
function own(queue: StoreQueue): StoredLog {
  assert(queue instanceof StoredLog && queue.kind === "queue", "a queue is one of the store's");
  return queue;
}
