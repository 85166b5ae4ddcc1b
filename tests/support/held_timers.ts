/**
 * Timers that go when a test says so: `setTimeout` is replaced, nothing waits, and all that was to be waited for is
 * written down.
 *
 * For code that sets its timers itself; what takes a Clock gets a manual one instead.
 */

/** A timer that was set. */
interface HeldTimer {
  readonly ms: number;
  readonly go: () => void;
}

/** Holds the timers of this process until it is disposed of. */
export class HeldTimers implements Disposable {
  /** How long each timer was set for, in the order in which they were set. */
  readonly setMs: number[] = [];
  readonly #waiting = new Map<number, HeldTimer>();
  readonly #real = { setTimeout, clearTimeout };
  #last = 0;

  constructor() {
    globalThis.setTimeout = ((go: () => void, ms = 0) => {
      this.setMs.push(ms);
      this.#waiting.set(++this.#last, { ms, go });
      return this.#last;
    }) as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((timer: number) => {
      this.#waiting.delete(timer);
    }) as unknown as typeof clearTimeout;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** How long all of them together were set for. */
  get totalMs(): number {
    return this.setMs.reduce((sum, ms) => sum + ms, 0);
  }

  /** Lets the oldest that waits go; says whether there was one. */
  goOn(): boolean {
    for (const [timer, { go }] of this.#waiting) {
      this.#waiting.delete(timer);
      go();
      return true;
    }
    return false;
  }

  /** Lets timers go, one after the other, until `promise` is settled; gives what it resolves with. */
  async through<Value>(promise: Promise<Value>): Promise<Value> {
    let settled = false;
    const watched = promise.finally(() => settled = true);
    while (!settled) {
      // All that follows from the last one happens first.
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      if (!settled && !this.goOn()) await new Promise((resolve) => this.#real.setTimeout(resolve));
    }
    return await watched;
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
  }
}
