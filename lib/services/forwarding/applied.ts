/**
 * Waits until this node has applied the log up to a position, so that what an answer rests upon is there when it arrives.
 *
 * A node that is far behind does not hold answers up again and again: once one has waited in vain, none waits until the node has
 * come to where that one was to be.
 */
import { guard } from "../../base/defects.ts";

/** The longest that answers wait. */
export const MAX_LAG_MS = 1000;
/** How often is looked besides being told. */
const LOOK_MS = 20;

/** The waits of one node; one may wait at a time for each channel. */
export class Applied {
  readonly #replica: { readonly position: number };
  readonly #nowMs: () => number;
  readonly #waiting = new Set<() => void>();
  /** The position that was not reached in time; none is waited for before that is. */
  #missed = 0;

  constructor(replica: { readonly position: number }, nowMs: () => number) {
    this.#replica = replica;
    this.#nowMs = nowMs;
  }

  /** Resolves when the log was applied up to `position`, or there is no more time; undefined when there is nothing to wait for. */
  until(position: number): Promise<void> | undefined {
    const { position: applied } = this.#replica;
    if (applied >= position || applied < this.#missed) return undefined;
    return this.#wait(position);
  }

  /** Says that more was applied. */
  more(): void {
    for (const wake of this.#waiting) wake();
  }

  async #wait(position: number): Promise<void> {
    const untilMs = this.#nowMs() + MAX_LAG_MS;
    while (this.#replica.position < position) {
      if (this.#nowMs() >= untilMs) {
        this.#missed = position;
        return;
      }
      await this.#next();
    }
  }

  async #next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => guard("look how far the log was applied", resolve), LOOK_MS);
    this.#waiting.add(resolve);
    await promise;
    this.#waiting.delete(resolve);
    clearTimeout(timer);
  }
}
