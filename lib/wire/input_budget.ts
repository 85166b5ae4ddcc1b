/**
 * The memory of input that waits, on all connections of a server together: parts of messages, lines, request heads.
 *
 * Each connection has an account, through which it takes every buffer beyond its first small one, so what counts
 * is memory and not bytes. When the budget is used up, who holds most without progress goes first: accounts are
 * weighed by what they hold times how long they have stood still. Several go at once, so that the next buffer
 * does not look through all accounts again. Whoever makes progress quickly weighs next to nothing.
 *
 * The account of one that had to go is empty at once. A buffer that a read is still pending on cannot be freed
 * before that settles; it counts as `leavingBytes`, and when those are many, peers are not left the time to
 * read why they had to go.
 *
 * Progress is what a slow but honest link still makes: `PROGRESS_BYTES` more of a message, or the next message.
 * Non-goal: deadlines; `stillSinceMs` tells the sweep what it needs.
 */
import { INPUT_PROGRESS_BYTES, READ_BUFFER_FIRST_BYTES } from "../base/limits.ts";
import type { Buffer, Buffers } from "./slab_pool.ts";

/** The share of the budget that is freed at once, as a power of two. */
const FREED_LOG2 = 3;
/** A buffer that is empty is kept while so many of its size would still be free. */
const KEPT_COUNT = 512;

/** The source of a reader's buffers. */
export interface InputMemory {
  /** A buffer of at least `bytes` bytes. Whoever cannot have one is told to give up, and gets it all the same. */
  take(bytes: number): Buffer;
  /** Takes back a buffer that nobody uses any more. */
  give(buffer: Buffer): void;
  /** Whether an empty buffer of `bytes` bytes may be kept for what may come. */
  mayKeep(bytes: number): boolean;
  /** Takes note that bytes have come. `waits` says whether a message is not whole, `anew` whether it is another one. */
  progressed(bytes: number, waits: boolean, anew: boolean): void;
  /** A buffer for a message that is whole, until it has been dealt with; it counts with nobody. */
  borrow(bytes: number): Buffer;
  /** Takes back what was borrowed. */
  giveBack(buffer: Buffer): void;
  /** Ends the account, for nothing waits any more: what is not given back by now is only still in use. */
  leave(): void;
}

/** Memory without a budget, for clients. */
export const UNCOUNTED: InputMemory = {
  take: (bytes) => new Uint8Array(bytes),
  give() {},
  mayKeep: () => true,
  progressed() {},
  borrow: (bytes) => new Uint8Array(bytes),
  giveBack() {},
  leave() {},
};

/** The budget of one server. */
export class InputBudget {
  /** The bytes that all accounts hold. */
  bytes = 0;
  /** The bytes that connections hold that were told to go. */
  leavingBytes = 0;
  /** The number of connections that had to go. */
  gone = 0;
  readonly buffers: Buffers;
  #limitBytes: number;
  readonly #nowMs: () => number;
  readonly #onRelief: (heldBytes: number) => void;
  readonly #holders = new Set<InputAccount>();

  /** `onRelief` is told when some have to go, and how much all of them hold. */
  constructor(
    limitBytes: number,
    buffers: Buffers,
    nowMs: () => number,
    onRelief: (heldBytes: number) => void = () => {},
  ) {
    this.#onRelief = onRelief;
    this.#limitBytes = limitBytes;
    this.buffers = buffers;
    this.#nowMs = nowMs;
  }

  /** Lets all accounts together hold so much from now on; what is over that goes with the next buffer that is taken. */
  setLimit(limitBytes: number): void {
    this.#limitBytes = limitBytes;
  }

  /** The time, to within a sweep. */
  get nowMs(): number {
    return this.#nowMs();
  }

  /** An account; `giveUp` ends the connection, and does not wait for its peer when `atOnce`. */
  open(giveUp: (atOnce: boolean) => void): InputAccount {
    return new InputAccount(this, giveUp);
  }

  /** Whether so much more may be held by one who needs it only perhaps. */
  mayKeep(bytes: number): boolean {
    return bytes * KEPT_COUNT <= this.#limitBytes - this.bytes;
  }

  /** Counts a change of what an account holds; lets some go when it is too much. */
  changed(account: InputAccount, bytes: number): void {
    this.bytes += bytes;
    if (bytes > 0) this.#holders.add(account);
    else if (account.bytes === 0) this.#holders.delete(account);
    if (bytes > 0 && this.bytes > this.#limitBytes) this.#relieve();
  }

  #relieve(): void {
    this.#onRelief(this.bytes);
    const nowMs = this.#nowMs();
    const enough = this.#limitBytes - (this.#limitBytes >>> FREED_LOG2);
    const weigh = (account: InputAccount): number =>
      account.bytes * (account.stillSinceMs > 0 ? nowMs - account.stillSinceMs + 1 : 1);
    const heaviest = [...this.#holders].map((account) => ({ account, weight: weigh(account) }))
      .sort((one, other) => other.weight - one.weight);
    for (const { account } of heaviest) {
      if (this.bytes <= enough) return;
      this.gone++;
      account.giveUp(this.leavingBytes > this.#limitBytes >>> FREED_LOG2);
    }
  }
}

/** The account of one connection. */
export class InputAccount implements InputMemory {
  /** The number of bytes that the connection holds; 0 after it has left. */
  bytes = 0;
  /** Since when what waits has made no progress, by the coarse clock; 0 while nothing waits. */
  stillSinceMs = 0;
  readonly #budget: InputBudget;
  readonly #giveUp: (atOnce: boolean) => void;
  #left = false;
  #arrived = 0;
  /** What of its bytes is not its own memory. */
  #heldBytes = 0;

  constructor(budget: InputBudget, giveUp: (atOnce: boolean) => void) {
    this.#budget = budget;
    this.#giveUp = giveUp;
  }

  take(bytes: number): Buffer {
    // The first small buffer is everybody's, and lives as long as the connection: it is no part of a slab.
    if (bytes <= READ_BUFFER_FIRST_BYTES) return new Uint8Array(bytes);
    const buffer = this.#budget.buffers.take(bytes);
    if (this.#left) this.#budget.leavingBytes += buffer.length;
    else {
      this.bytes += buffer.length;
      this.#budget.changed(this, buffer.length);
    }
    return buffer;
  }

  give(buffer: Buffer): void {
    if (buffer.length <= READ_BUFFER_FIRST_BYTES) return;
    this.#budget.buffers.give(buffer);
    if (this.#left) this.#budget.leavingBytes -= buffer.length;
    else {
      this.bytes -= buffer.length;
      this.#budget.changed(this, -buffer.length);
    }
  }

  /** Counts bytes that wait in memory of another's, until they are released. */
  hold(bytes: number): void {
    if (this.#left || bytes === 0) return;
    this.#heldBytes += bytes;
    this.bytes += bytes;
    this.#budget.changed(this, bytes);
  }

  /** Counts bytes no more that were held. */
  release(bytes: number): void {
    if (this.#left || bytes === 0) return;
    this.#heldBytes -= bytes;
    this.bytes -= bytes;
    this.#budget.changed(this, -bytes);
  }

  mayKeep(bytes: number): boolean {
    return this.#budget.mayKeep(bytes);
  }

  progressed(bytes: number, waits: boolean, anew: boolean): void {
    if (!waits || this.#left) this.stillSinceMs = this.#arrived = 0;
    else {
      this.#arrived += bytes;
      if (this.stillSinceMs > 0 && !anew && this.#arrived < INPUT_PROGRESS_BYTES) return;
      this.#arrived = 0;
      this.stillSinceMs = this.#budget.nowMs;
    }
  }

  /** Forgives all standing still up to now: it was not the peer's. */
  forgive(): void {
    if (this.stillSinceMs > 0) this.stillSinceMs = this.#budget.nowMs;
  }

  borrow(bytes: number): Buffer {
    return this.#budget.buffers.take(bytes);
  }

  giveBack(buffer: Buffer): void {
    this.#budget.buffers.give(buffer);
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.stillSinceMs = 0;
    const held = this.bytes;
    this.bytes = 0;
    this.#budget.leavingBytes += held - this.#heldBytes;
    this.#budget.changed(this, -held);
  }

  /** Ends the connection for the sake of others. */
  giveUp(atOnce: boolean): void {
    this.#giveUp(atOnce);
  }
}
