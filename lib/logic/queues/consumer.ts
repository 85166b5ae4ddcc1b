/**
 * A consumer as a work queue knows it: how many jobs it may hold, and which it holds.
 */
import { NONE } from "./slot_list.ts";

/** A consumer; `T` is what the host attaches to it. */
export class Consumer<T> {
  readonly attached: T;
  /** The most jobs that the consumer may hold. */
  prefetch: number;
  /** The number of jobs that are leased to the consumer, durably or not. */
  inFlight = 0;
  /** Whether the consumer gets no jobs at present, whatever its prefetch. */
  held = false;
  /** Whether the consumer was removed from its queue. */
  removed = false;
  /** The slot of the first job in the list of those that are leased to the consumer. */
  first = NONE;

  /** The number that stands for the consumer in the column of its jobs; NONE while it has none. */
  number = NONE;

  constructor(prefetch: number, attached: T) {
    this.prefetch = prefetch;
    this.attached = attached;
  }

  /** Whether the consumer can be given another job. */
  get hasCredit(): boolean {
    return this.inFlight < this.prefetch && !this.held;
  }
}
