/**
 * What is to happen when its time has come: deadlines, in order.
 *
 * Pure: time is an argument. Almost all deadlines of a client lie the same time ahead, so there is one
 * first-in-first-out queue for each length of time, and the next deadline is the least of their heads.
 * Adding takes constant time, and an entry that is done early costs nothing more.
 */
import { LazyFifo, type Waiting } from "../lazy_fifo.ts";

/** With this many queues, the empty ones are dropped before another is made. */
const SMALLEST_SWEEP = 64;

/** Something with a deadline. */
export interface Expirable extends Waiting {
  /** When it is due; set by the queue. */
  deadlineMs: number;
  /** Called once when it is due and not done. After that it is out of the queue. */
  expire(): void;
}

/** Deadlines, in order. */
export class DeadlineQueue {
  readonly #byDuration = new Map<number, LazyFifo<Expirable>>();
  #lastDurationMs = -1;
  #lastFifo: LazyFifo<Expirable> | null = null;
  #sweepAt = SMALLEST_SWEEP;

  /** Adds what is due `afterMs` after `nowMs`; fractions of a millisecond are rounded up. */
  add(entry: Expirable, afterMs: number, nowMs: number): void {
    const durationMs = Math.ceil(afterMs);
    entry.deadlineMs = nowMs + durationMs;
    if (durationMs !== this.#lastDurationMs || this.#lastFifo === null) {
      this.#lastDurationMs = durationMs;
      this.#lastFifo = this.#fifo(durationMs);
    }
    this.#lastFifo.push(entry);
  }

  /** When the next one is due; Infinity when nothing waits. */
  nextMs(): number {
    let next = Infinity;
    for (const [durationMs, fifo] of this.#byDuration) {
      const first = fifo.peek();
      if (first === undefined) this.#drop(durationMs, fifo);
      else if (first.deadlineMs < next) next = first.deadlineMs;
    }
    return next;
  }

  /** Expires everything that is due at `nowMs`. */
  expire(nowMs: number): void {
    for (const fifo of [...this.#byDuration.values()]) {
      for (let first = fifo.peek(); first !== undefined; first = fifo.peek()) {
        if (first.deadlineMs > nowMs) break;
        fifo.shift();
        first.expire();
      }
    }
  }

  #fifo(durationMs: number): LazyFifo<Expirable> {
    let fifo = this.#byDuration.get(durationMs);
    if (fifo === undefined) {
      // Programs that count down a budget use ever new durations: the empty queues must not pile up.
      if (this.#byDuration.size >= this.#sweepAt) {
        this.nextMs();
        this.#sweepAt = Math.max(SMALLEST_SWEEP, this.#byDuration.size * 2);
      }
      this.#byDuration.set(durationMs, fifo = new LazyFifo());
    }
    return fifo;
  }

  #drop(durationMs: number, fifo: LazyFifo<Expirable>): void {
    this.#byDuration.delete(durationMs);
    if (this.#lastFifo === fifo) this.#lastFifo = null;
  }
}
