/**
 * Buffers for outboxes, lent for the time that bytes wait or are under way: those of a client.
 *
 * The pool keeps a bounded number of returned buffers in each size; whatever is larger than the largest size
 * is left to the garbage collector. A server, which has to give memory back, has slab_pool.
 */
import type { Buffer, Buffers } from "./slab_pool.ts";

/** The sizes that are kept, each four times the one before. */
const SIZES = [4 * 1024, 16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024] as const;
/** The most bytes that are kept in each size. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** Lends buffers and takes them back. */
export class BufferPool implements Buffers {
  readonly #free: Buffer[][] = SIZES.map(() => []);

  /** A buffer of at least `bytes` bytes with any content. */
  take(bytes: number): Buffer {
    for (let index = 0; index < SIZES.length; index++) {
      if (bytes <= SIZES[index]) return this.#free[index].pop() ?? new Uint8Array(SIZES[index]);
    }
    return new Uint8Array(bytes);
  }

  /** Takes back a buffer that nobody uses any more. */
  give(buffer: Buffer): void {
    for (let index = 0; index < SIZES.length; index++) {
      if (buffer.length !== SIZES[index]) continue;
      const free = this.#free[index];
      if ((free.length + 1) * SIZES[index] <= KEPT_BYTES) free.push(buffer);
      return;
    }
  }
}
