/**
 * A job log as simple as it can be said, to compare others with: what is committed, what each batch that is
 * under way would make of it, and what was handed over since.
 *
 * A moment is never changed once another follows it; a failure goes back to the last one committed.
 */
import assert from "node:assert/strict";

/** A job of the model. */
export interface ModelJob {
  readonly id: number;
  readonly timeMs: number;
  readonly payload: string;
}

/** A job to add. */
export interface ModelPush {
  readonly payload: string;
  readonly timeMs: number;
  /** Empty for none. */
  readonly messageId: string;
  /** Whether it begins a chunk. */
  readonly begins: boolean;
}

/** A chunk of the model. */
export interface ModelChunk {
  readonly jobs: readonly ModelJob[];
  readonly states: string | null;
}

/** A queue at one moment. */
export interface ModelQueue {
  readonly lastId: number;
  readonly lastTimeMs: number;
  /** By their first ids, in order. */
  readonly chunks: ReadonlyMap<number, ModelChunk>;
  readonly ids: ReadonlyMap<string, number>;
  /** The chunk that grows; 0 when the next job must begin one. */
  readonly growing: number;
}

const EMPTY: ModelQueue = {
  lastId: 0,
  lastTimeMs: 0,
  chunks: new Map(),
  ids: new Map(),
  growing: 0,
};

type Moment = ReadonlyMap<string, ModelQueue>;

/** The model. */
export class ModelJobLog {
  #now: Moment = new Map();
  #underWay: Moment[] = [];
  #committed: Moment = new Map();
  #changed = false;
  /** Whether nothing was in the batch that left last. */
  #empty = true;

  /** A queue with all that was handed over. */
  queue(name: string): ModelQueue {
    return this.#now.get(name) ?? EMPTY;
  }

  /** A queue with what is committed. */
  committedQueue(name: string): ModelQueue {
    return this.#committed.get(name) ?? EMPTY;
  }

  /** Adds a job. Gives its id, or that of the one it duplicates. */
  push(name: string, { payload, timeMs, messageId, begins }: ModelPush): number {
    this.#changed = true;
    const queue = this.queue(name);
    const first = queue.ids.get(messageId);
    if (first !== undefined) return first;
    const id = queue.lastId + 1;
    const growing = begins ? id : queue.growing;
    const job = { id, timeMs: Math.max(timeMs, queue.lastTimeMs), payload };
    const { jobs, states } = queue.chunks.get(growing) ?? { jobs: [], states: null };
    this.#set(name, {
      lastId: id,
      lastTimeMs: job.timeMs,
      chunks: new Map(queue.chunks).set(growing, { jobs: [...jobs, job], states }),
      ids: messageId === "" ? queue.ids : new Map(queue.ids).set(messageId, id),
      growing,
    });
    return id;
  }

  setStates(name: string, first: number, states: string): void {
    const queue = this.queue(name);
    const chunks = new Map(queue.chunks);
    chunks.set(first, { ...chunks.get(first)!, states });
    this.#set(name, { ...queue, chunks });
  }

  dropChunk(name: string, first: number): void {
    const queue = this.queue(name);
    const chunks = new Map(queue.chunks);
    chunks.delete(first);
    this.#set(name, { ...queue, chunks, growing: queue.growing === first ? 0 : queue.growing });
  }

  /** Gives a way back to this moment. */
  mark(): () => void {
    const [now, changed] = [this.#now, this.#changed];
    return () => {
      this.#now = now;
      this.#changed = changed;
    };
  }

  /** The batch leaves. Chunks end with their batch. */
  leave(): void {
    this.#empty = !this.#changed;
    this.#now = new Map([...this.#now].map(([name, queue]) => [name, { ...queue, growing: 0 }]));
    this.#underWay.push(this.#now);
    this.#changed = false;
  }

  /** It did not, since there was nothing in it. */
  stay(): void {
    assert(this.#empty, "a batch with something in it leaves");
    this.#underWay.pop();
  }

  commit(): void {
    this.#committed = this.#underWay.shift()!;
  }

  fallBack(): void {
    this.#now = this.#committed;
    this.#underWay = [];
    this.#changed = false;
  }

  /** Notes that something was handed over that is not of jobs. */
  touch(): void {
    this.#changed = true;
  }

  #set(name: string, queue: ModelQueue): void {
    this.#changed = true;
    this.#now = new Map(this.#now).set(name, queue);
  }
}
