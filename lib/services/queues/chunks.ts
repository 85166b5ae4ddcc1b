/**
 * The chunks of one queue: which job lies in which chunk, and which chunks the next batch must write.
 *
 * Invariants: a chunk is dropped with the batch in which the last of its jobs goes; the states of a chunk
 * are written at most once a batch, however many of its jobs changed. Chunks of a push that failed were
 * never there.
 */
import {
  CHUNK_FULL_BYTES,
  type JobLog,
  MAX_CHUNK_JOBS,
  type StoreQueue,
} from "../../ports/job_log.ts";
import type { StorePage } from "../../ports/store_page.ts";
import { assert } from "../../base/errors.ts";
import { NONE, SlotList } from "../../logic/queues/slot_list.ts";
import { DurableState } from "../../logic/queues/work_queue.ts";
import { type KeptJob, PLAIN_JOB, StatesWriter } from "./job_states.ts";
import type { SlotBlocks } from "./slot_blocks.ts";

/** Stands for the slot of a job that is gone. */
const GONE = -1;

/** A chunk: jobs that lie together in the store. */
export class JobChunk {
  /** The id of the first job. */
  readonly first: number;
  /** The time when the first job was pushed, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The number that stands for the chunk in the column of its jobs; NONE when it has none. */
  number = NONE;
  /** The number of jobs, with those that are gone. */
  jobs = 0;
  bytes = 0;
  /** The number of jobs that will be there after the batch that gathers. */
  live = 0;
  /** Whether the chunk is committed. */
  stored: boolean;
  /** Whether the states of the jobs must be written with the batch that gathers. */
  dirty = false;
  /** The neighbours in the order of ids; null beyond the oldest and the newest. */
  next: JobChunk | null = null;
  previous: JobChunk | null = null;
  /** Whether more chunks are to be read ahead once a job of this one goes out. */
  readsAhead = false;
  readonly #blocks: SlotBlocks;
  /** The block of the slots of the jobs in the order of their ids, and its places; NONE once all jobs are gone. */
  #block: number;
  #room = MAX_CHUNK_JOBS;

  constructor(blocks: SlotBlocks, first: number, timeMs: number, stored: boolean) {
    this.#blocks = blocks;
    this.#block = blocks.take(MAX_CHUNK_JOBS);
    this.first = first;
    this.timeMs = timeMs;
    this.stored = stored;
  }

  /** The slot of the job at `index`, in the order of ids; negative when the job is gone. */
  slotAt(index: number): number {
    return this.#block === NONE ? GONE : this.#blocks.get(this.#block + index);
  }

  /** Adds the slot of the next job; GONE when the job is gone. */
  push(slot: number): void {
    assert(this.jobs < this.#room, "a chunk that takes a job has room for it");
    this.#blocks.set(this.#block + this.jobs++, slot);
  }

  /** Notes that the job at `index` is gone. */
  lose(index: number): void {
    this.#blocks.set(this.#block + index, GONE);
  }

  /** Says that the chunk gets no more jobs. */
  close(): void {
    if (this.#block === NONE || this.jobs === 0) return;
    this.#block = this.#blocks.shrink(this.#block, this.#room, this.jobs);
    this.#room = this.jobs;
  }

  /** Says that all jobs are gone. */
  release(): void {
    if (this.#block === NONE) return;
    this.#blocks.give(this.#block, this.#room);
    this.#block = NONE;
  }
}

/** The queue that chunks belong to. Its place in the store is made with its first job. */
export interface StoredQueue {
  readonly name: string;
  readonly log: StoreQueue;
}

/** Reads the jobs of `chunks`, as far as they are in the store. */
export function readJobs(
  log: JobLog,
  queue: StoredQueue,
  chunks: readonly JobChunk[],
): Promise<StorePage> {
  return log.readChunks(
    queue.log,
    chunks.map((chunk) => chunk.first),
    chunks.map((chunk) => chunk.jobs),
  );
}

/**
 * Visits the jobs of `page`, which was read from `chunks` in this order, as far as they are still there. Ends
 * early when `visit` gives false; gives whether all were visited.
 */
export function visitJobs(
  chunks: readonly JobChunk[],
  page: StorePage,
  visit: (slot: number, id: number, start: number, end: number) => boolean | void,
): boolean {
  const walk = new JobWalk(chunks, page);
  while (walk.next()) {
    if (visit(walk.slot, walk.id, walk.start, walk.end) === false) return false;
  }
  return true;
}

/** A walk over the jobs of a page that are still there when the walk comes to them. */
export class JobWalk {
  slot = 0;
  id = 0;
  /** The body lies from `start` to `end` in the bytes of the page. */
  start = 0;
  end = 0;
  readonly #chunks: readonly JobChunk[];
  readonly #page: StorePage;
  #chunk = 0;
  #index = 0;

  /** `page` is what was read of `chunks`. */
  constructor(chunks: readonly JobChunk[], page: StorePage) {
    this.#chunks = chunks;
    this.#page = page;
  }

  /** Moves to the next job; false behind the last one. */
  next(): boolean {
    const { count, seqs, ranges } = this.#page;
    const chunks = this.#chunks;
    while (this.#index < count) {
      const index = this.#index++;
      const id = seqs[index];
      while (isBeyond(chunks[this.#chunk], id)) this.#chunk++;
      const chunk = chunks[this.#chunk];
      const slot = chunk.slotAt(id - chunk.first);
      if (slot === GONE) continue;
      this.slot = slot;
      this.id = id;
      this.start = ranges[2 * index];
      this.end = ranges[2 * index + 1];
      return true;
    }
    return false;
  }
}

function isBeyond({ first, jobs }: JobChunk, id: number): boolean {
  return id < first || id >= first + jobs;
}

/** The chunks that a batch creates and drops. */
interface ChunkChanges {
  readonly created: readonly JobChunk[];
  readonly dropped: readonly JobChunk[];
}

/** Fills `job` with what is to be stored of the job in `slot`. */
export type Describe = (slot: number, job: KeptJob) => void;

const writer = new StatesWriter();
const kept: KeptJob = { ...PLAIN_JOB };

/** The chunks of one queue. */
export class JobChunks {
  readonly #log: JobLog;
  readonly #queue: StoredQueue;
  readonly #describe: Describe;
  /** The chunks by the ids of their first jobs, in order. */
  readonly #chunks = new Map<number, JobChunk>();
  readonly #blocks: SlotBlocks;
  /** The number of the chunk of each job, and the chunks that have these numbers. */
  readonly #of = new SlotList();
  readonly #numbered: (JobChunk | null)[] = [];
  readonly #freeNumbers: number[] = [];
  #open: JobChunk | null = null;
  #newest: JobChunk | null = null;
  #created: JobChunk[] = [];
  #dirty: JobChunk[] = [];
  readonly #underWay: ChunkChanges[] = [];

  /** The slots of the jobs are kept in `blocks`. */
  constructor(log: JobLog, queue: StoredQueue, blocks: SlotBlocks, describe: Describe) {
    this.#log = log;
    this.#blocks = blocks;
    this.#queue = queue;
    this.#describe = describe;
  }

  /** Whether the next job begins a chunk. */
  get needsNew(): boolean {
    const open = this.#open;
    return open === null || open.jobs >= MAX_CHUNK_JOBS || open.bytes >= CHUNK_FULL_BYTES;
  }

  /** All chunks, oldest first. */
  all(): IterableIterator<JobChunk> {
    return this.#chunks.values();
  }

  /** The chunks that have jobs behind `id`, oldest first. */
  *behind(id: number): Generator<JobChunk> {
    for (const chunk of this.#chunks.values()) {
      if (chunk.first + chunk.jobs - 1 > id) yield chunk;
    }
  }

  /** The time when the oldest chunk with jobs began, in milliseconds since 1970; 0 when there are no jobs. */
  get oldestMs(): number {
    for (const chunk of this.#chunks.values()) if (chunk.live > 0) return chunk.timeMs;
    return 0;
  }

  /** The id of the newest job that there is a chunk of; 0 when there is none. */
  get newestId(): number {
    const newest = this.#newest;
    return newest === null ? 0 : newest.first + newest.jobs - 1;
  }

  /** The chunk of a job. */
  of(slot: number): JobChunk {
    return this.#numbered[this.#of.get(slot)]!;
  }

  /** Adds a pushed job, before the next one is handed to the store. */
  add(slot: number, id: number, bytes: number, timeMs: number): void {
    let chunk = this.#open;
    if (chunk === null || this.needsNew) {
      chunk?.close();
      chunk = this.#open = new JobChunk(this.#blocks, id, timeMs, false);
      this.#append(chunk);
      this.#created.push(chunk);
    }
    this.#enter(chunk, slot, bytes);
  }

  /** Adds a chunk that was there at start. */
  addStored(first: number, timeMs: number): JobChunk {
    const chunk = new JobChunk(this.#blocks, first, timeMs, true);
    this.#append(chunk);
    return chunk;
  }

  /** Says that all jobs of a chunk that was there at start were added. */
  endStored(chunk: JobChunk): void {
    chunk.close();
  }

  /** Adds the next job of a chunk that was there at start; `slot` is null for a job that is gone. */
  addStoredJob(chunk: JobChunk, slot: number | null, bytes: number): void {
    if (slot === null) chunk.push(GONE);
    else this.#enter(chunk, slot, bytes);
  }

  /** Notes that the stored state of a job must be written anew. */
  changed(slot: number): void {
    const chunk = this.of(slot);
    if (chunk.dirty) return;
    chunk.dirty = true;
    this.#dirty.push(chunk);
  }

  /** Notes that a job goes with the batch that gathers. */
  leaving(slot: number): void {
    this.of(slot).live--;
    this.changed(slot);
  }

  /** Notes that a job stays after all: the batch that it was leaving with has failed. */
  staying(slot: number): void {
    this.of(slot).live++;
    this.changed(slot);
  }

  /** Forgets a job that is gone. */
  freed(slot: number, id: number): void {
    const chunk = this.of(slot);
    this.#of.set(slot, NONE);
    chunk.lose(id - chunk.first);
  }

  /** Hands the batch that gathers over to the store: states and drops of the chunks that changed. */
  seal(wallMs: number): void {
    const dropped: JobChunk[] = [];
    for (const chunk of this.#dirty) {
      chunk.dirty = false;
      if (chunk.live === 0) {
        dropped.push(chunk);
        this.#log.dropChunk(this.#queue.log, chunk.first);
      } else this.#writeStates(chunk, wallMs);
    }
    this.#underWay.push({ created: this.#created, dropped });
    this.#open?.close();
    this.#created = [];
    this.#dirty = [];
    this.#open = null;
  }

  /** Carries out the oldest sealed batch, which is committed. */
  committed(): void {
    const { created, dropped } = this.#underWay.shift()!;
    for (const chunk of created) chunk.stored = true;
    for (const chunk of dropped) this.#remove(chunk);
  }

  /** Takes back all sealed batches, which have failed, and the one that gathers; jobs were taken back before. */
  failed(): void {
    for (const { created } of [...this.#underWay, { created: this.#created }]) {
      for (const chunk of created) this.#remove(chunk);
    }
    for (const chunk of this.#dirty) chunk.dirty = false;
    this.#underWay.length = 0;
    this.#created = [];
    this.#dirty = [];
    this.#open = null;
  }

  #append(chunk: JobChunk): void {
    this.#chunks.set(chunk.first, chunk);
    chunk.number = this.#freeNumbers.pop() ?? this.#numbered.length;
    this.#numbered[chunk.number] = chunk;
    chunk.previous = this.#newest;
    if (this.#newest !== null) this.#newest.next = chunk;
    this.#newest = chunk;
  }

  #remove(chunk: JobChunk): void {
    const { previous, next } = chunk;
    this.#chunks.delete(chunk.first);
    this.#numbered[chunk.number] = null;
    this.#freeNumbers.push(chunk.number);
    chunk.release();
    if (previous !== null) previous.next = next;
    if (next !== null) next.previous = previous;
    else this.#newest = previous;
  }

  #enter(chunk: JobChunk, slot: number, bytes: number): void {
    this.#of.set(slot, chunk.number);
    chunk.push(slot);
    chunk.bytes += bytes;
    chunk.live++;
  }

  #writeStates(chunk: JobChunk, wallMs: number): void {
    writer.begin();
    for (let index = 0; index < chunk.jobs; index++) {
      const slot = chunk.slotAt(index);
      if (slot === GONE) {
        Object.assign(kept, PLAIN_JOB);
        kept.state = DurableState.GONE;
      } else this.#describe(slot, kept);
      writer.add(kept, wallMs);
    }
    this.#log.setStates(this.#queue.log, chunk.first, writer.bytes);
  }
}
