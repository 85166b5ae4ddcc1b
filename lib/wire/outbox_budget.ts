/**
 * The memory that all outboxes of a server hold together, and the share that one of them may hold.
 *
 * A shared budget with a dynamic threshold: one outbox may hold as much as is still free, so the more is
 * held, the sooner those who do not read hit their limit, while those who do read never notice. A hundred
 * stuck subscribers thus settle at a hundredth each. When nothing is free, publishers wait.
 *
 * Source of the threshold: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
 * switches", IEEE/ACM Transactions on Networking 6 (1998).
 */

import type { Buffer, Buffers } from "./slab_pool.ts";

/**
 * However little is free, an outbox may hold this much: a few full runs of the fan-out, or those who
 * read would be treated as if they did not, as soon as others hold everything.
 */
const FLOOR_BYTES = 256 * 1024;

/** Counts the bytes of all outboxes. */
export class OutboxBudget {
  /** The bytes that all outboxes hold now. */
  bytes = 0;
  #limitBytes: number;
  #waiters: (() => void)[] = [];

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Lets all outboxes together hold so much from now on. */
  setLimit(limitBytes: number): void {
    this.#limitBytes = limitBytes;
    if (this.#waiters.length > 0 && !this.exhausted) this.#wake();
  }

  /** The most bytes that one outbox may hold at this moment. */
  get thresholdBytes(): number {
    return Math.max(this.#limitBytes - this.bytes, FLOOR_BYTES);
  }

  /** Whether nothing is free. */
  get exhausted(): boolean {
    return this.bytes >= this.#limitBytes;
  }

  /** Says that `count` bytes left, or were dropped. */
  free(count: number): void {
    this.bytes -= count;
    if (this.#waiters.length > 0 && !this.exhausted) this.#wake();
  }

  /** Resolves when something is free. */
  whenFree(): Promise<void> {
    if (!this.exhausted) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

/**
 * Bytes that wait in several outboxes at once: a large run of events for many receivers. They are copied once and counted
 * once, however many connections they wait for, and go back to the pool when the last of these has written or dropped
 * them. So a large event for hundreds that do not read takes no more time and memory than for one. Nobody changes
 * them. They are held by whoever called `hold`, and at first by whoever made them.
 */
export class SharedBytes {
  readonly bytes: Buffer;
  readonly length: number;
  readonly #pool: Buffers;
  readonly #budget: OutboxBudget;
  #holders = 1;

  /** Copies the first `length` bytes of `source`. */
  constructor(pool: Buffers, budget: OutboxBudget, source: Uint8Array, length: number) {
    this.#pool = pool;
    this.#budget = budget;
    this.length = length;
    this.bytes = pool.take(length);
    this.bytes.set(source.subarray(0, length));
    budget.bytes += this.bytes.length;
  }

  /** Says that one more holds them. */
  hold(): void {
    this.#holders++;
  }

  /** Says that one of those who held them does not any more. */
  release(): void {
    if (--this.#holders > 0) return;
    this.#budget.free(this.bytes.length);
    this.#pool.give(this.bytes);
  }
}
