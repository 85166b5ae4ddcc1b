/**
 * The one timer of a client: for its requests, its connections' silence and its reconnecting.
 *
 * It is armed for the earliest deadline and left alone when that is met early: it then fires once for
 * nothing, which is cheaper than a timer made and cancelled for each request. After `close` it is gone
 * and takes nothing more.
 */
import { DeadlineQueue, type Expirable } from "./deadline_queue.ts";

/** What runtimes take at most. */
const MAX_DELAY_MS = 0x7fffffff;

/** Calls `expire` of what was added, when it is due. */
export class DeadlineTimer {
  readonly #queue = new DeadlineQueue();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #firesMs = Infinity;
  #closed = false;

  /** Adds what is due after `afterMs` milliseconds. */
  add(entry: Expirable, afterMs: number): void {
    if (this.#closed) return;
    const nowMs = performance.now();
    this.#queue.add(entry, afterMs, nowMs);
    if (entry.deadlineMs < this.#firesMs) this.#arm(entry.deadlineMs, nowMs);
  }

  /** Forgets everything. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #arm(deadlineMs: number, nowMs: number): void {
    clearTimeout(this.#timer);
    this.#firesMs = deadlineMs;
    const delayMs = Math.min(MAX_DELAY_MS, Math.max(0, Math.ceil(deadlineMs - nowMs)));
    this.#timer = setTimeout(() => this.#fire(), delayMs);
  }

  #fire(): void {
    // While entries expire, new ones must not arm the timer: the next deadline is only known afterwards.
    this.#firesMs = -Infinity;
    this.#queue.expire(performance.now());
    this.#firesMs = Infinity;
    if (this.#closed) return;
    const nextMs = this.#queue.nextMs();
    if (nextMs !== Infinity) this.#arm(nextMs, performance.now());
  }
}
