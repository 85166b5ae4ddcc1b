/**
 * A poll without sockets: it resolves when the test says so, or at once, and counts.
 */
import type { IoPoll } from "../../lib/ports/io_poll.ts";

/** A poll whose driver is the test. */
export class FakePoll implements IoPoll {
  /** How often it was asked for. */
  polls = 0;
  closed = false;
  /** Done while the runtime looks outside: here others become ready. */
  onPoll: ((poll: number) => void) | null = null;
  #holding = false;
  #settle: (() => void) | null = null;

  /** Lets polls wait for `release` from now on. */
  hold(): void {
    this.#holding = true;
  }

  /** Lets the poll that waits resolve. */
  release(): void {
    this.#settle?.();
    this.#settle = null;
  }

  /** Whether a poll is under way. */
  get underWay(): boolean {
    return this.#settle !== null;
  }

  poll(): Promise<void> {
    this.polls++;
    this.onPoll?.(this.polls);
    if (!this.#holding) return Promise.resolve();
    return new Promise((resolve) => this.#settle = resolve);
  }

  close(): void {
    this.closed = true;
    this.release();
  }
}
