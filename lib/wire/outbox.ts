/**
 * What waits to leave on one connection: everything of one turn goes in one write.
 *
 * Writers reserve room, fill `bytes` from `length` on, and raise `length`; `flush` starts a write unless
 * one is under way, and what gathers meanwhile is the next batch. Bytes leave in the order they were put.
 * Buffers are borrowed from a pool only while bytes wait. The outbox itself refuses nothing: those who
 * fill it hold the limit (`size`), because only they know what may be dropped or slowed.
 *
 * After the first write that fails nothing more is written, everyone who waits is released, and `failure`
 * says why.
 */
import { type Buffer, BufferPool } from "./buffer_pool.ts";

const NOTHING: Buffer = new Uint8Array(0);

/** Writes one batch; the bytes are lent until the promise settles. */
export type WriteBatch = (batch: Uint8Array) => Promise<void>;

/** The bytes on their way to one peer. */
export class Outbox {
  /** The batch that gathers. Fill it after `reserve`; it may be another buffer after each `reserve`. */
  bytes: Buffer = NOTHING;
  /** How much of `bytes` is filled. */
  length = 0;
  /** Why nothing is written any more; null while all is well. */
  failure: Error | null = null;

  readonly #write: WriteBatch;
  readonly #pool: BufferPool;
  #underWay = 0;
  #writing = false;
  #waiters: { atMost: number; resolve: () => void }[] | null = null;

  constructor(write: WriteBatch, pool: BufferPool) {
    this.#write = write;
    this.#pool = pool;
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
    const larger = this.#pool.take(Math.max(needed, Math.min(this.bytes.length * 2, needed * 2)));
    if (this.length > 0) larger.set(this.bytes.subarray(0, this.length));
    if (this.bytes !== NOTHING) this.#pool.give(this.bytes);
    this.bytes = larger;
  }

  /** Starts to write what waits, unless a write is under way: then it follows by itself. */
  flush(): void {
    if (this.#writing || this.length === 0) return;
    if (this.failure !== null) {
      this.length = 0;
      return;
    }
    this.#writing = true;
    void this.#writeAll();
  }

  /** Resolves when at most `bytes` bytes wait or are under way, or when nothing is written any more. */
  whenAtMost(bytes: number): Promise<void> {
    if (this.size <= bytes || this.failure !== null) return Promise.resolve();
    return new Promise((resolve) => {
      (this.#waiters ??= []).push({ atMost: bytes, resolve });
    });
  }

  /** Writes nothing more and releases everyone who waits. The first reason given stays. */
  fail(reason: Error): void {
    this.failure ??= reason;
    this.length = 0;
    if (!this.#writing) this.#release();
    this.#wake();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.length > 0) {
        const batch = this.bytes;
        const count = this.length;
        this.bytes = NOTHING;
        this.length = 0;
        this.#underWay = count;
        await this.#write(count === batch.length ? batch : batch.subarray(0, count));
        this.#underWay = 0;
        if (this.bytes === NOTHING) this.bytes = batch;
        else this.#pool.give(batch);
        if (this.#waiters !== null) this.#wake();
      }
    } catch (reason) {
      // The batch stays with the runtime: a write that was cut off may still read from it.
      this.#underWay = 0;
      this.failure ??= reason instanceof Error ? reason : new Error(String(reason));
      this.length = 0;
    }
    this.#writing = false;
    this.#release();
    if (this.#waiters !== null) this.#wake();
  }

  /** Gives the empty buffer back. */
  #release(): void {
    if (this.bytes === NOTHING || this.length > 0) return;
    this.#pool.give(this.bytes);
    this.bytes = NOTHING;
  }

  #wake(): void {
    if (this.#waiters === null) return;
    const size = this.failure === null ? this.size : 0;
    const waiting = this.#waiters.filter((waiter) => {
      if (size > waiter.atMost) return true;
      waiter.resolve();
      return false;
    });
    this.#waiters = waiting.length > 0 ? waiting : null;
  }
}
