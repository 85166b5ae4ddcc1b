/**
 * The bodies of one queue's jobs: those that will be handed out soon are at hand in a ring, the others are read
 * from the store.
 *
 * Reads go by whole chunks, one read at a time, each of bounded size. The reader is told of each body that was
 * read, and of each chunk whose read is over. A long queue is read ahead of its consumers, so that few reads
 * serve many jobs and no delivery waits for one.
 */
import { guard } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { logger } from "../../base/log.ts";
import { numberArray } from "../../logic/number_array.ts";
import type { JobLog } from "../../ports/job_log.ts";
import type { BodyRing } from "../../wire/body_ring.ts";
import { releasePage, type StorePage } from "../../ports/store_page.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import { type JobChunk, JobWalk, readJobs, type StoredQueue } from "./chunks.ts";

const log = logger("server");

/** The bytes of the chunks of one read, about; one chunk may be larger. */
const READ_BYTES = 2 * 1024 * 1024;

/** The bodies that are told of in one go. */
const TOLD_AT_ONCE = 64;

/** The bytes that are read ahead; more is read once half of them have gone out. */
const AHEAD_BYTES = 1024 * 1024;

/** The slots of a page, and those of the first page at first. */
const PAGE_BITS = 12;
const PAGE_SLOTS = 1 << PAGE_BITS;
const FIRST_SLOTS = 64;

/** The owner of bodies, which is told of what was read. */
export interface BodyReader {
  /** Bodies that were read are told of in these turns. */
  readonly readTurn: TurnTaker;
  /** Tells the body of the job in `slot`, which lies from `start` to `end`. */
  bodyRead(slot: number, bytes: Uint8Array, start: number, end: number): void;
  /** Tells that a chunk was read: bodies of it that were not told of by now could not be read. */
  chunkRead(chunk: JobChunk): void;
  /** Tells that a read, or a part of it, is over. */
  readEnded(): void;
}

/** The bodies of one queue. */
export class JobBodies {
  readonly ring: BodyRing;
  readonly #log: JobLog;
  readonly #queue: StoredQueue;
  readonly #reader: BodyReader;
  /** Where the bodies lie by slot, in pages, so that many slots cost no copy of what is there. */
  readonly #positions: Float64Array[] = [new Float64Array(FIRST_SLOTS)];
  readonly #lengths: Uint32Array[] = [new Uint32Array(FIRST_SLOTS)];
  readonly #wanted = new Set<JobChunk>();
  /** The chunks that are being read. */
  readonly #underWay = new Set<JobChunk>();
  /** The last chunk that was read, or is to be read, ahead. */
  #lastAhead: JobChunk | null = null;
  #reading = false;
  /** Whether bodies that were read are being told of. */
  #telling = false;

  constructor(ring: BodyRing, log: JobLog, queue: StoredQueue, reader: BodyReader) {
    this.ring = ring;
    this.#log = log;
    this.#queue = queue;
    this.#reader = reader;
  }

  /** Whether the body of the job in `slot` is at hand. */
  has(slot: number): boolean {
    return this.#hasRoom(slot) &&
      this.ring.has(this.#positions[slot >>> PAGE_BITS][slot & PAGE_SLOTS - 1]);
  }

  /** The place in the ring's bytes where the body of the job in `slot` begins; only when `has` it. */
  start(slot: number): number {
    return this.ring.offset(this.#positions[slot >>> PAGE_BITS][slot & PAGE_SLOTS - 1]);
  }

  /** The length of the body of the job in `slot`; only when `has` it. */
  length(slot: number): number {
    return this.#lengths[slot >>> PAGE_BITS][slot & PAGE_SLOTS - 1];
  }

  /** Keeps the body of the job in `slot` at hand. */
  put(slot: number, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#hasRoom(slot)) this.#makeRoom(slot);
    const page = slot >>> PAGE_BITS;
    this.#positions[page][slot & PAGE_SLOTS - 1] = this.ring.put(bytes, start, end);
    this.#lengths[page][slot & PAGE_SLOTS - 1] = end - start;
  }

  /** Forgets the body of the job in `slot`. */
  forget(slot: number): void {
    if (this.#hasRoom(slot)) this.#positions[slot >>> PAGE_BITS][slot & PAGE_SLOTS - 1] = 0;
  }

  /** Asks for the bodies of a chunk to be read. */
  want(chunk: JobChunk): void {
    // While it is told of, the job in question may have been told of before anybody waited for it.
    if (this.#underWay.has(chunk) && !this.#telling) return;
    this.#wanted.add(chunk);
    if (!this.#reading) detached(this.#read(), "read jobs");
  }

  /** Asks for the body of a job that is about to go out, and for those of the jobs behind it, if need be. */
  wantSoon(slot: number, chunk: JobChunk): void {
    if (chunk.readsAhead) {
      chunk.readsAhead = false;
      if (this.#lastAhead !== null) this.#readAhead(this.#lastAhead);
    }
    if (!chunk.stored || this.has(slot) || this.#underWay.has(chunk)) return;
    if (this.#wanted.has(chunk)) return;
    this.want(chunk);
    this.#readAhead(chunk);
  }

  /** Asks for the chunks behind `from`, as far as they are stored and not at hand. */
  #readAhead(from: JobChunk): void {
    let bytes = 0;
    let last = from;
    for (let chunk = from.next; chunk !== null && bytes < AHEAD_BYTES; chunk = chunk.next) {
      if (!chunk.stored || this.#isAtHand(chunk)) break;
      if (chunk.live === 0) continue;
      const half = bytes < AHEAD_BYTES / 2;
      bytes += chunk.bytes;
      if (half && bytes >= AHEAD_BYTES / 2) chunk.readsAhead = true;
      this.want(chunk);
      last = chunk;
    }
    this.#lastAhead = last;
  }

  #isAtHand(chunk: JobChunk): boolean {
    for (let index = 0; index < chunk.jobs; index++) {
      const slot = chunk.slotAt(index);
      if (slot >= 0) return this.has(slot);
    }
    return false;
  }

  async #read(): Promise<void> {
    this.#reading = true;
    // The chunks that the present turn asks for are read together.
    await Promise.resolve();
    while (this.#wanted.size > 0) {
      const chunks = this.#take();
      for (const chunk of chunks) this.#underWay.add(chunk);
      try {
        const page = await readJobs(this.#log, this.#queue, chunks);
        await this.#tell(chunks, page);
        releasePage(page);
      } catch (error) {
        log.error("cannot read jobs of queue {queue}: {error}", { queue: this.#queue.name, error });
      }
      this.#telling = false;
      this.#underWay.clear();
      for (const chunk of chunks) {
        // One that was asked for again is read again first.
        if (this.#wanted.has(chunk)) continue;
        guard("go on after jobs were read", () => this.#reader.chunkRead(chunk));
      }
      guard("go on after jobs were read", () => this.#reader.readEnded());
    }
    this.#reading = false;
  }

  /** Tells of the bodies of a page, which can be very many, in turns. */
  async #tell(chunks: readonly JobChunk[], page: StorePage): Promise<void> {
    const reader = this.#reader;
    const turn = reader.readTurn;
    const walk = new JobWalk(chunks, page);
    await turn.admit();
    this.#telling = true;
    for (let told = 1; walk.next(); told++) {
      reader.bodyRead(walk.slot, page.bytes, walk.start, walk.end);
      if (told % TOLD_AT_ONCE !== 0) continue;
      // What was handed out leaves before others have their turn.
      reader.readEnded();
      await turn.did(TOLD_AT_ONCE);
    }
  }

  /** Takes the chunks of the next read out of the wanted ones. */
  #take(): JobChunk[] {
    const chunks: JobChunk[] = [];
    let bytes = 0;
    for (const chunk of this.#wanted) {
      if (bytes > 0 && bytes + chunk.bytes > READ_BYTES) break;
      bytes += chunk.bytes;
      chunks.push(chunk);
      this.#wanted.delete(chunk);
    }
    return chunks;
  }

  #hasRoom(slot: number): boolean {
    const page = slot >>> PAGE_BITS;
    return page < this.#positions.length &&
      (slot & PAGE_SLOTS - 1) < this.#positions[page].length;
  }

  /** Makes room for a slot: its page, and while there is but one, a larger one. */
  #makeRoom(slot: number): void {
    const page = slot >>> PAGE_BITS;
    if (page === 0) return this.#growFirst(slot);
    this.#growFirst(PAGE_SLOTS - 1);
    while (page >= this.#positions.length) {
      this.#positions.push(numberArray(Float64Array, PAGE_SLOTS));
      this.#lengths.push(numberArray(Uint32Array, PAGE_SLOTS));
    }
  }

  #growFirst(slot: number): void {
    let size = this.#positions[0].length;
    if (slot < size) return;
    while (size <= slot) size *= 2;
    const positions = numberArray(Float64Array, size);
    positions.set(this.#positions[0]);
    this.#positions[0] = positions;
    const lengths = numberArray(Uint32Array, size);
    lengths.set(this.#lengths[0]);
    this.#lengths[0] = lengths;
  }
}
