/**
 * The bytes that wait to leave on one connection: everything of one turn goes in one write.
 *
 * Writers reserve room, fill `bytes` from `length` on, and `advance`; `flush` starts a write unless one is
 * under way, and what gathers meanwhile is the next batch. Bytes leave in the order they were put.
 * Buffers are borrowed from a pool only while bytes wait, and the budget counts them as what they are, not as
 * how much of them is filled. The outbox itself refuses nothing: those who fill it hold the limit (`size`),
 * because only they know what may be dropped or slowed.
 *
 * After the first write that fails nothing more is written, everyone who waits is released, and `failure`
 * says why.
 */
import { detached } from "../base/detached.ts";
import { WriteAbandoned } from "../base/write_abandoned.ts";
import type { OutboxBudget } from "./outbox_budget.ts";
import type { Buffer, Buffers } from "./slab_pool.ts";

const NOTHING: Buffer = new Uint8Array(0);

/** Up to this size the buffer that gathers is doubled; beyond it, it grows by half. */
const DOUBLED_BYTES = 256 * 1024;

/** Writes one batch; the bytes are lent until the promise settles, or as WriteAbandoned says. */
export type WriteBatch = (batch: Uint8Array) => Promise<void>;

/** The bytes on their way to one peer. */
export class Outbox {
  /** The batch that gathers. Fill it after `reserve`; it may be another buffer after each `reserve`. */
  bytes: Buffer = NOTHING;
  /** The number of bytes of `bytes` that are filled. Read it; `advance` and `rewind` move it. */
  length = 0;
  /** Whether a fan-out has put something here that it has not flushed yet. Its own mark. */
  dirty = false;
  /** Whether a fan-out has found it more than half full in this turn. Its own mark, too. */
  behind = false;
  /** Whether what was not sent is kept when a write fails, for `takeUnsent`. */
  keepUnsent = false;
  /** Why nothing is written any more; null while all is well. */
  failure: Error | null = null;

  readonly #write: WriteBatch;
  readonly #pool: Buffers;
  readonly #budget: OutboxBudget;
  #underWay = 0;
  #batch: Buffer = NOTHING;
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
    return this.length + this.#underWay;
  }

  /** Whether a write is under way. */
  get writing(): boolean {
    return this.#writing;
  }

  /** Makes room for `count` more bytes behind `length`. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const had = this.bytes.length;
    const larger = this.#take(Math.max(needed, had + (had <= DOUBLED_BYTES ? had : had >>> 1)));
    if (this.length > 0) larger.set(this.bytes.subarray(0, this.length));
    if (this.bytes !== NOTHING) this.#give(this.bytes);
    this.bytes = larger;
  }

  /** Says that `count` more bytes were filled. */
  advance(count: number): void {
    this.length += count;
  }

  /** Takes back what was filled since `length` was `mark`, if it still waits. */
  rewind(mark: number): void {
    if (mark < this.length) this.length = mark;
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
    const underWay = this.#batch.slice(0, this.#underWay);
    const waiting = this.bytes.slice(0, this.length);
    const sentOfUnderWay = Math.max(0, bytesWritten - this.#doneBytes);
    this.#dropUnsent();
    return { underWay, sentOfUnderWay, waiting };
  }

  /** Starts to write what waits, unless a write is under way: then it follows by itself. */
  flush(): void {
    if (this.#writing) return;
    if (this.failure !== null && !this.keepUnsent) this.rewind(0);
    if (this.length === 0) return this.#release();
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
      while (this.length > 0 && this.failure === null) {
        const batch = this.bytes;
        const count = this.length;
        this.bytes = NOTHING;
        this.length = 0;
        this.#underWay = count;
        this.#batch = batch;
        await this.#write(count === batch.length ? batch : batch.subarray(0, count));
        this.#underWay = 0;
        this.#doneBytes += count;
        this.#batch = NOTHING;
        if (this.bytes === NOTHING) this.bytes = batch;
        else this.#give(batch);
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

  /** Forgets what was not sent. A batch that was cut off goes back when nobody reads it any more. */
  #dropUnsent(): void {
    this.rewind(0);
    this.#underWay = 0;
    const batch = this.#batch;
    this.#batch = NOTHING;
    if (batch !== NOTHING) {
      if (this.#released === null) this.#give(batch);
      else detached(this.#giveWhenReleased(batch, this.#released), "take back a buffer");
    }
    this.#release();
  }

  async #giveWhenReleased(batch: Buffer, released: Promise<void>): Promise<void> {
    await released;
    this.#give(batch);
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
