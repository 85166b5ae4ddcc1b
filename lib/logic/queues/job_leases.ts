/**
 * The leases of one queue: which consumer holds which job, and until when.
 *
 * A lease is decided first, begins once it is durable, and ends when its consumer settles the job, when its
 * time is over, or when its consumer goes. A settlement that failed has its lease go on.
 */
import type { Consumer } from "./consumer.ts";
import { link, unlink } from "./held_jobs.ts";
import type { JobPlaces } from "./job_places.ts";
import { Flag, JobState, type JobTable } from "./job_table.ts";
import { DeathReason, type WorkQueueEffects, type WorkQueueOptions } from "./options.ts";
import { NONE } from "./slot_list.ts";
import { TimeHeap } from "./time_heap.ts";

/** The most deliveries that are counted. */
const MAX_ATTEMPTS = 0xffff;

/** The leases of the jobs of one queue. */
export class JobLeases<T> {
  readonly #table: JobTable<T>;
  readonly #places: JobPlaces<T>;
  readonly #options: WorkQueueOptions;
  readonly #effects: WorkQueueEffects<T>;
  /** The leased jobs, by the end of their leases. */
  readonly #ends: TimeHeap<T>;

  constructor(
    table: JobTable<T>,
    places: JobPlaces<T>,
    options: WorkQueueOptions,
    effects: WorkQueueEffects<T>,
  ) {
    this.#table = table;
    this.#places = places;
    this.#options = options;
    this.#effects = effects;
    this.#ends = new TimeHeap(table);
  }

  /** The time when the next lease ends; Infinity when there is none. */
  get soonestMs(): number {
    return this.#ends.soonest;
  }

  /** Whether the job was delivered as often as its queue allows. */
  isLast(slot: number): boolean {
    const { maxDeliveries } = this.#options;
    return maxDeliveries > 0 && this.#table.attempts[slot] >= maxDeliveries;
  }

  /** Decides to lease a job that has no place any more. */
  decide(slot: number, consumer: Consumer<T>): void {
    const { states, attempts, generations } = this.#table;
    states[slot] = JobState.LEASING;
    // The column holds no more than this, and to stop counting is better than to begin anew.
    if (attempts[slot] < MAX_ATTEMPTS) attempts[slot]++;
    generations[slot]++;
    link(this.#table, slot, consumer);
  }

  /** Takes a decision to lease back that has failed: the job is ready again, as if it had not been leased. */
  undecide(slot: number): void {
    const { consumers } = this.#table;
    const consumer = consumers.get(slot);
    if (consumer !== null) unlink(this.#table, slot, consumer);
    consumers.set(slot, null);
    this.#withdraw(slot);
  }

  /** Begins a lease that was decided and is durable now. */
  begin(slot: number, nowMs: number): void {
    const { states, times, consumers } = this.#table;
    const consumer = consumers.get(slot);
    if (consumer === null) {
      // Its consumer has gone, and never saw the job.
      this.#withdraw(slot);
      this.#effects.changed(slot);
      return;
    }
    states[slot] = JobState.LEASED;
    times[slot] = nowMs + this.#options.leaseMs;
    this.#ends.put(slot);
    this.#effects.deliver(slot, consumer);
  }

  /** Moves the end of a lease. */
  extend(slot: number, endMs: number): void {
    this.#table.times[slot] = endMs;
    this.#ends.put(slot);
  }

  /** Ends a lease because its consumer settled the job, which is in `state` from now on. */
  settle(slot: number, consumer: Consumer<T>, state: number): void {
    const { states, times, formerTimes } = this.#table;
    this.#ends.remove(slot);
    unlink(this.#table, slot, consumer);
    formerTimes[slot] = times[slot];
    states[slot] = state;
  }

  /** Lets a lease go on whose settlement has failed; the job comes back when its consumer has gone. */
  resume(slot: number): void {
    const { states, times, formerTimes, consumers, reasons, flags } = this.#table;
    // A job at its end may wait for another try by now.
    if (states[slot] === JobState.DELAYED) {
      this.#places.displace(slot);
      flags[slot] &= ~Flag.DOOMED;
      this.#places.takeOut(slot);
    }
    states[slot] = JobState.LEASED;
    times[slot] = formerTimes[slot];
    reasons[slot] = 0;
    const consumer = consumers.get(slot)!;
    if (consumer.removed) return this.#comeBack(slot);
    link(this.#table, slot, consumer);
    this.#ends.put(slot);
  }

  /** Ends all leases of a consumer that was removed. */
  endAll(consumer: Consumer<T>): void {
    const { states, consumers } = this.#table;
    while (consumer.first !== NONE) {
      const slot = consumer.first;
      unlink(this.#table, slot, consumer);
      // A lease that is not durable yet is withdrawn once it would begin.
      if (states[slot] === JobState.LEASING) consumers.set(slot, null);
      else this.#comeBack(slot);
    }
  }

  /** Ends the leases whose time is over. */
  expire(nowMs: number): void {
    while (this.#ends.soonest <= nowMs) {
      const slot = this.#ends.at(0);
      unlink(this.#table, slot, this.#table.consumers.get(slot)!);
      this.#comeBack(slot);
    }
  }

  /** The heap of leases: for looking at, not for work. */
  look(): TimeHeap<T> {
    return this.#ends;
  }

  /** Makes a job ready again whose consumer never saw it, so the lease does not count. */
  #withdraw(slot: number): void {
    this.#table.attempts[slot]--;
    this.#places.putBack(slot, 0);
  }

  /** Takes a leased job back that was not settled: it is ready again, or at its end. */
  #comeBack(slot: number): void {
    const { states, flags, consumers, reasons } = this.#table;
    this.#ends.remove(slot);
    flags[slot] |= Flag.REDELIVERED;
    consumers.set(slot, null);
    if (!this.isLast(slot)) return this.#places.putBack(slot, 0);
    states[slot] = JobState.DYING;
    reasons[slot] = DeathReason.MAX_DELIVERIES;
    this.#effects.dying(slot, DeathReason.MAX_DELIVERIES);
  }
}
