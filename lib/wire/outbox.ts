/**
 * The bytes that wait to leave on one connection: everything of one turn goes in one write.
 *
 * Writers reserve room, fill `bytes` from `length` on, and `advance`; `flush` starts a write unless one is
 * under way, and what gathers meanwhile is the next batch. Bytes leave in the order they were put.
 * Of a peer that does not read much gathers: then what gathered becomes a piece, and another buffer begins, so that nothing is copied
 * to grow; and of large runs that many get (SharedBytes) it has a reference instead of a copy. Pieces hold whole frames.
 * Buffers are borrowed from a pool only while bytes wait, and the budget counts them as what they are, not as
 * how much of them is filled. The outbox itself refuses nothing: those who fill it hold the limit (`size`),
 * because only they know what may be dropped or slowed.
 *
 * After the first write that fails nothing more is written, everyone who waits is released, and `failure`
 * says why.
 */
import { detached } from "../base/detached.ts";
import { joinBytes } from "../base/join_bytes.ts";
import { WriteAbandoned } from "../base/write_abandoned.ts";
import type { OutboxBudget, SharedBytes } from "./outbox_budget.ts";
import type { Buffer, Buffers } from "./slab_pool.ts";

const NOTHING: Buffer = new Uint8Array(0);

/**
 * A buffer of this size that is full is not replaced by a larger one: it becomes a piece, and one of the other size goes on.
 * Hundreds of outboxes that are not read grow in the same moment: whatever one of them copies for it, all of them copy.
 */
const FULL_BYTES = 64 * 1024;
const NEXT_BYTES = 128 * 1024;

/** A part of what waits. */
export interface Piece {
  readonly bytes: Buffer;
  /** The bytes that wait lie from `start` to `end`. */
  start: number;
  end: number;
  /** What others share; null when the buffer is this outbox's own. */
  readonly shared: SharedBytes | null;
}

/** Writes one batch; the bytes are lent until the promise settles, or as WriteAbandoned says. */
export type WriteBatch = (batch: Uint8Array) => Promise<void>;

/** The bytes on their way to one peer. */
export class Outbox {
  /** The batch that gathers. Fill it after `reserve`; it may be another buffer after each `reserve`. */
  bytes: Buffer = NOTHING;
  /** The number of bytes of `bytes` that are filled. Read it; `advance` and `rewind` move it. */
  length = 0;
  /** What waits before the batch that gathers, the oldest first. After shortening a piece, call `shortened`. */
  readonly pieces: Piece[] = [];
  /** Whether a fan-out has put something here that it has not flushed yet. Its own mark. */
  dirty = false;
  /** Whether a fan-out has found it more than half full in this turn. Its own mark, too. */
  behind = false;
  /** Whether what was not sent is kept when a write fails, for `takeUnsent`. */
  keepUnsent = false;
  /** Whether what waits may be dropped frame by frame, so that it must not be shared with others. */
  dropsOldest = false;
  /** Why nothing is written any more; null while all is well. */
  failure: Error | null = null;

  readonly #write: WriteBatch;
  readonly #pool: Buffers;
  readonly #budget: OutboxBudget;
  #underWay = 0;
  #pieceBytes = 0;
  /** The bytes that have left the buffer that gathers, since the beginning. */
  #passedBytes = 0;
  #batch: Buffer = NOTHING;
  #batchStart = 0;
  #batchShared: SharedBytes | null = null;
  #doneBytes = 0;
  #writing = false;
  #waiters: { atMost: number; resolve: () => void }[] | null = null;
  #whenIdle: (() => void) | null = null;
  /** Resolves when the batch that a failed write left is no longer read; null when it is not by now. */
  #released: Promise<void> | null = null;

  constructor(write: WriteBatch, pool: Buffers, budget: OutboxBudget) {
    this.#write = write;
    this.#pool = pool;
    this.#budget = budget;
  }

  /** The bytes that wait, with those under way. */
  get size(): number {
    return this.length + this.#pieceBytes + this.#underWay;
  }

  /** The bytes that wait, without those under way. */
  get waitingBytes(): number {
    return this.length + this.#pieceBytes;
  }

  /** Where what is put next begins, for `rewind`. */
  get position(): number {
    return this.#passedBytes + this.length;
  }

  /** Whether a write is under way. */
  get writing(): boolean {
    return this.#writing;
  }

  /** Makes room for `count` more bytes behind `length`. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    if (this.bytes.length >= FULL_BYTES && this.length >= FULL_BYTES / 2) {
      this.#seal();
      if (count > this.bytes.length) this.#replace(this.#take(Math.max(count, NEXT_BYTES)));
      return;
    }
    this.#replace(this.#take(Math.max(needed, Math.min(2 * this.bytes.length, FULL_BYTES))));
  }

  /** Has another buffer go on, with what gathered. */
  #replace(larger: Buffer): void {
    if (this.length > 0) larger.set(this.bytes.subarray(0, this.length));
    if (this.bytes !== NOTHING) this.#give(this.bytes);
    this.bytes = larger;
  }

  /** Says that `count` more bytes were filled. */
  advance(count: number): void {
    this.length += count;
  }

  /** Takes back what was filled since `position` was this, as far as it is still in the buffer that gathers. */
  rewind(position: number): void {
    const length = Math.max(0, position - this.#passedBytes);
    if (length < this.length) this.length = length;
  }

  /** Drops all that waits; what is under way leaves. */
  dropWaiting(): void {
    for (const { bytes, shared } of this.pieces.splice(0)) this.#giveBatch(bytes, shared);
    this.#pieceBytes = 0;
    this.length = 0;
  }

  /** Takes out all that waits, as one. */
  takeWaiting(): Uint8Array {
    const parts = this.pieces.map(({ bytes, start, end }) => bytes.subarray(start, end));
    const waiting = joinBytes([...parts, this.bytes.subarray(0, this.length)]);
    this.dropWaiting();
    return waiting;
  }

  /** Says that pieces were shortened; those that are empty go back. */
  shortened(): void {
    const { pieces } = this;
    this.#pieceBytes = 0;
    let kept = 0;
    for (const piece of pieces) {
      this.#pieceBytes += piece.end - piece.start;
      if (piece.end > piece.start) pieces[kept++] = piece;
      else this.#giveBatch(piece.bytes, piece.shared);
    }
    pieces.length = kept;
  }

  /** Puts bytes behind what waits that others hold, too: a reference instead of a copy. */
  share(shared: SharedBytes): void {
    if (this.length > 0) this.#seal();
    shared.hold();
    const { bytes, length } = shared;
    this.pieces.push({ bytes, start: 0, end: length, shared });
    this.#pieceBytes += length;
  }

  /** Makes what gathered a piece, in a smaller buffer if it is small: then the larger one goes on. */
  #seal(): void {
    let bytes = this.bytes;
    const { length } = this;
    if (4 * length <= bytes.length) {
      const smaller = this.#take(length);
      smaller.set(bytes.subarray(0, length));
      bytes = smaller;
    } else this.bytes = NOTHING;
    this.pieces.push({ bytes, start: 0, end: length, shared: null });
    this.#pieceBytes += length;
    this.#passedBytes += length;
    this.length = 0;
  }

  /** Copies the first `count` bytes of `source` behind what waits. */
  append(source: Uint8Array, count: number): void {
    this.reserve(count);
    // Short runs are copied by a loop: a call into the runtime costs as much as some fifty bytes.
    const target = this.bytes;
    const at = this.length;
    if (count <= 48) {
      for (let index = 0; index < count; index++) target[at + index] = source[index];
    } else target.set(count === source.length ? source : source.subarray(0, count), at);
    this.advance(count);
  }

  /**
   * Gives the bytes that the peer cannot have got, once a write has failed and `keepUnsent` was set:
   * those of the batch under way from `bytesWritten` (by the link's count) on, and those that waited.
   * The first may begin within a message. Empty when all was sent.
   */
  takeUnsent(
    bytesWritten: number,
  ): { underWay: Uint8Array; sentOfUnderWay: number; waiting: Uint8Array } {
    const underWay = this.#batch.slice(this.#batchStart, this.#batchStart + this.#underWay);
    const waiting = this.takeWaiting();
    const sentOfUnderWay = Math.max(0, bytesWritten - this.#doneBytes);
    this.#dropUnsent();
    return { underWay, sentOfUnderWay, waiting };
  }

  /** Starts to write what waits, unless a write is under way: then it follows by itself. */
  flush(): void {
    if (this.#writing) return;
    if (this.failure !== null && !this.keepUnsent) this.dropWaiting();
    if (this.waitingBytes === 0) return this.#release();
    // What was not sent stays until it is taken.
    if (this.failure !== null) return;
    this.#writing = true;
    detached(this.#writeAll(), "write to a peer");
  }

  /** Resolves when at most `bytes` bytes wait or are under way, or when nothing is written any more. */
  whenAtMost(bytes: number): Promise<void> {
    if (this.size <= bytes || this.failure !== null) return Promise.resolve();
    return new Promise((resolve) => {
      (this.#waiters ??= []).push({ atMost: bytes, resolve });
    });
  }

  /** Resolves when no write is under way; only one may wait for that. */
  whenIdle(): Promise<void> {
    if (!this.#writing) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle = resolve);
  }

  /** Writes nothing more and releases everyone who waits. The first reason given stays. */
  fail(reason: Error): void {
    this.failure ??= reason;
    if (!this.#writing && !this.keepUnsent) this.#dropUnsent();
    this.#wake();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.waitingBytes > 0 && this.failure === null) {
        const batch = this.#beginBatch();
        await this.#write(batch);
        this.#underWay = 0;
        this.#doneBytes += batch.length;
        this.#giveBack();
        if (this.#waiters !== null) this.#wake();
      }
    } catch (reason) {
      this.failure ??= reason instanceof Error ? reason : new Error(String(reason));
      if (reason instanceof WriteAbandoned) this.#released = reason.released;
    }
    this.#writing = false;
    if (this.failure !== null && !this.keepUnsent) this.#dropUnsent();
    this.#release();
    if (this.#waiters !== null) this.#wake();
    this.#whenIdle?.();
  }

  /** Takes out the oldest of what waits: a piece, or else all that gathered. */
  #beginBatch(): Uint8Array {
    const piece = this.pieces.shift();
    if (piece === undefined) {
      this.#batch = this.bytes;
      this.#underWay = this.length;
      this.#passedBytes += this.length;
      this.bytes = NOTHING;
      this.length = 0;
    } else {
      this.#batch = piece.bytes;
      this.#batchStart = piece.start;
      this.#batchShared = piece.shared;
      this.#underWay = piece.end - piece.start;
      this.#pieceBytes -= this.#underWay;
    }
    const whole = this.#underWay === this.#batch.length;
    return whole
      ? this.#batch
      : this.#batch.subarray(this.#batchStart, this.#batchStart + this.#underWay);
  }

  /** Gives back the buffer of a batch that was written, or lets it gather again. */
  #giveBack(): void {
    const [batch, shared] = [this.#batch, this.#batchShared];
    this.#batch = NOTHING;
    this.#batchStart = 0;
    this.#batchShared = null;
    if (shared === null && this.bytes === NOTHING) this.bytes = batch;
    else this.#giveBatch(batch, shared);
  }

  /** Forgets what was not sent. A batch that was cut off goes back when nobody reads it any more. */
  #dropUnsent(): void {
    this.dropWaiting();
    this.#underWay = 0;
    const [batch, shared] = [this.#batch, this.#batchShared];
    this.#batch = NOTHING;
    this.#batchShared = null;
    if (batch !== NOTHING) {
      if (this.#released === null) this.#giveBatch(batch, shared);
      else detached(this.#giveWhenReleased(batch, shared, this.#released), "take back a buffer");
    }
    this.#release();
  }

  async #giveWhenReleased(
    batch: Buffer,
    shared: SharedBytes | null,
    released: Promise<void>,
  ): Promise<void> {
    await released;
    this.#giveBatch(batch, shared);
  }

  #giveBatch(batch: Buffer, shared: SharedBytes | null): void {
    if (shared === null) this.#give(batch);
    else shared.release();
  }

  /** Gives the empty buffer back. */
  #release(): void {
    if (this.bytes === NOTHING || this.length > 0) return;
    this.#give(this.bytes);
    this.bytes = NOTHING;
  }

  #take(bytes: number): Buffer {
    const buffer = this.#pool.take(bytes);
    this.#budget.bytes += buffer.length;
    return buffer;
  }

  #give(buffer: Buffer): void {
    this.#budget.free(buffer.length);
    this.#pool.give(buffer);
  }

  #wake(): void {
    if (this.#waiters === null) return;
    const size = this.failure === null ? this.size : -1;
    const waiting = this.#waiters.filter((waiter) => {
      if (size > waiter.atMost) return true;
      waiter.resolve();
      return false;
    });
    this.#waiters = waiting.length > 0 ? waiting : null;
  }
}
