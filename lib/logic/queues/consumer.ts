/**
 * A consumer as the machine knows it: how many jobs it may hold, and which it holds.
 */
import { NONE } from "./slot_list.ts";

/** One consumer; `T` is what its host attaches to it. */
export class Consumer<T> {
  readonly attached: T;
  /** The most jobs that it may hold. */
  prefetch: number;
  /** How many it holds, or will when their leases are durable. */
  inFlight = 0;
  /** Whether it gets nothing for the moment, whatever it may hold. */
  held = false;
  /** Whether it is gone. */
  removed = false;
  /** The first of the jobs that it holds. */
  first = NONE;

  constructor(prefetch: number, attached: T) {
    this.prefetch = prefetch;
    this.attached = attached;
  }

  /** Whether it can be given a job. */
  get hasCredit(): boolean {
    return this.inFlight < this.prefetch && !this.held;
  }
}
