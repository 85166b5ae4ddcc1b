/**
 * A poll without sockets: it resolves when the test says so, or once all that is ready has gone on, as a real
 * one does; and counts.
 */
import { setImmediate } from "node:timers";
import type { IoPoll } from "../../lib/ports/io_poll.ts";

/** A poll whose driver is the test. */
export class FakePoll implements IoPoll {
  /** How often it was asked for. */
  polls = 0;
  closed = false;
  /** Done when the runtime looks outside, which ends the poll: here others become ready. */
  onPoll: ((poll: number) => void) | null = null;
  #holding = false;
  #settle: (() => void) | null = null;

  /** Lets polls wait for `release` from now on. */
  hold(): void {
    this.#holding = true;
  }

  /** Lets the poll that waits resolve. */
  release(): void {
    const settle = this.#settle;
    if (settle === null) return;
    this.#settle = null;
    this.onPoll?.(this.polls);
    settle();
  }

  /** Whether a poll is under way. */
  get underWay(): boolean {
    return this.#settle !== null;
  }

  poll(): Promise<void> {
    this.polls++;
    return new Promise((resolve) => {
      this.#settle = resolve;
      if (!this.#holding) setImmediate(() => this.release());
    });
  }

  close(): void {
    this.closed = true;
    this.release();
  }
}
