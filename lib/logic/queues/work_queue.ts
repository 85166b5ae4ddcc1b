/**
 * The state machine of one work queue: all that is decided about jobs is decided here.
 *
 * Decisions take effect at once and become durable later, in transactions that gather, are sealed, and are
 * committed in order. If one fails, those behind it fail too, and all of them are taken back in reverse. So
 * a push and the lease of its job can share a transaction; what leaves for others (deliveries, freed
 * slots, the next job of a key) waits for the commit.
 *
 * Pure: time (monotonic, in milliseconds) and chance are arguments. A job costs no object. Leasing and
 * settling cost the same whatever waits; only what is out or delayed adds a logarithm.
 */
import { assert } from "../../base/errors.ts";
import { Change } from "./change_log.ts";
import { backoffMs } from "./backoff.ts";
import type { Consumer } from "./consumer.ts";
import { ConsumerRing } from "./consumer_ring.ts";
import { link, unlink } from "./held_jobs.ts";
import { Flag, JobState } from "./job_table.ts";
import { NONE } from "./slot_list.ts";
import { JobChanges } from "./job_changes.ts";
import {
  DeathReason,
  DurableState,
  queueIsFull,
  type WorkQueueEffects,
  type WorkQueueOptions,
} from "./options.ts";

export type { Consumer } from "./consumer.ts";
export { JobState } from "./job_table.ts";
export {
  DeathReason,
  DurableState,
  MAX_PRIORITY,
  type WorkQueueEffects,
  type WorkQueueOptions,
} from "./options.ts";

/** Jobs that one call of `dispatch` leases, unless told otherwise. */
const MAX_LEASES = 65_536;
/** Deliveries that are counted. */
const MAX_ATTEMPTS = 0xffff;

/** A queue; `T` is what the host attaches to consumers. */
export class WorkQueue<T> extends JobChanges<T> {
  /** Whether nothing is handed out. */
  paused = false;

  readonly #random: () => number;
  readonly #consumers = new ConsumerRing<T>();
  /** Restored jobs that are at their end. */
  #ended: number[] = [];

  /** `random` gives numbers from 0 to below 1. */
  constructor(options: WorkQueueOptions, effects: WorkQueueEffects<T>, random: () => number) {
    super(options, effects);
    this.#random = random;
    this.table.firstGeneration = Math.floor(random() * 2 ** 32);
  }

  // Pushing.

  /**
   * Makes sure that a job of `bytes` fits, by dropping the oldest ones that nobody holds if the queue is set
   * up so. Raises RESOURCE_EXHAUSTED that names the limit, and drops nothing, when that would not do.
   */
  admit(bytes: number): void {
    const { maxJobs, maxBytes, whenFull } = this.options;
    const held = this.jobs - this.ready - this.delayed - this.blocked;
    if (whenFull === "refuse" || held >= maxJobs || this.heldBytes + bytes > maxBytes) {
      return this.checkRoom(bytes);
    }
    while (this.jobs >= maxJobs || this.bytes + bytes > maxBytes) this.drop(this.oldestFree());
  }

  /** Raises RESOURCE_EXHAUSTED that names the limit when a job of `bytes` does not fit as things are. */
  checkRoom(bytes: number): void {
    const { maxJobs, maxBytes } = this.options;
    if (bytes > maxBytes) {
      throw queueIsFull(`a job of ${bytes} bytes`, `max_bytes ${maxBytes}`, false);
    }
    if (this.jobs >= maxJobs) {
      throw queueIsFull(`it holds ${this.jobs} jobs`, `max_jobs ${maxJobs}`, true);
    }
    if (this.bytes + bytes > maxBytes) {
      throw queueIsFull(`it holds ${this.bytes} bytes`, `max_bytes ${maxBytes}`, true);
    }
  }

  /**
   * Takes in a job that was admitted, and gives its slot. `id` is above all before. `key` counts where the
   * queue is ordered, 0 for none. Before `dueMs` it is not handed out; a time that has passed counts as none.
   */
  push(
    id: number,
    bytes: number,
    priority: number,
    key: number,
    dueMs: number,
    nowMs: number,
  ): number {
    const slot = this.enter(id, bytes, priority, key);
    this.place(slot, dueMs > nowMs ? dueMs : 0);
    this.log.gathering.add(slot, Change.PUSH);
    return slot;
  }

  /** Takes in a job that was there at start, in the order of ids; what it is told is what was kept. */
  restore(
    id: number,
    bytes: number,
    priority: number,
    key: number,
    attempts: number,
    dueMs: number,
    state: DurableState,
    redelivered: boolean,
  ): number {
    const slot = this.enter(id, bytes, priority, key);
    const table = this.table;
    table.attempts[slot] = attempts;
    const out = state === DurableState.LEASED;
    if (redelivered || out) table.flags[slot] |= Flag.REDELIVERED;
    const rejected = state === DurableState.REJECTED;
    // Also one that was at home, when its queue allows fewer deliveries than it did.
    if (rejected || this.isLast(slot)) {
      table.reasons[slot] = rejected ? DeathReason.REJECTED : DeathReason.MAX_DELIVERIES;
      if (this.options.ordered && key !== 0) this.keys.add(key, slot);
      table.states[slot] = JobState.DYING;
      this.takeOut(slot);
      this.#ended.push(slot);
    } else this.place(slot, dueMs);
    return slot;
  }

  /** All that was there at start is. */
  restored(): void {
    for (const slot of this.#ended) {
      this.effects.dying(slot, this.table.reasons[slot] as DeathReason);
    }
    this.#ended = [];
  }

  // Consuming.

  /** Adds a consumer that may hold `prefetch` jobs. */
  addConsumer(prefetch: number, attached: T): Consumer<T> {
    return this.#consumers.add(prefetch, attached);
  }

  /** Changes how many it may hold; what is above stays with it until it is settled. */
  setPrefetch(consumer: Consumer<T>, prefetch: number): void {
    consumer.prefetch = prefetch;
  }

  /** Has it get nothing until that is taken back. */
  hold(consumer: Consumer<T>, held: boolean): void {
    consumer.held = held;
  }

  /** Takes a consumer out; its jobs come back at once, those that it settled are settled. */
  removeConsumer(consumer: Consumer<T>): void {
    if (!this.#consumers.remove(consumer)) return;
    const { states, consumers } = this.table;
    while (consumer.first !== NONE) {
      const slot = consumer.first;
      unlink(this.table, slot, consumer);
      // A lease that is not durable yet comes back when it is.
      if (states[slot] === JobState.LEASING) consumers.set(slot, null);
      else this.comeBack(slot);
    }
  }

  /** Leases ready jobs to consumers in turn, at most `most`; gives how many. */
  dispatch(most = MAX_LEASES): number {
    if (this.paused) return 0;
    let leased = 0;
    while (this.ready > 0 && leased < most) {
      const consumer = this.#consumers.next();
      if (consumer === null) break;
      this.#lease(this.readyLines.pick(), consumer);
      leased++;
    }
    return leased;
  }

  // Settling. Each gives false, and changes nothing, when the lease is not the consumer's any more.

  /** It is done. */
  ack(consumer: Consumer<T>, slot: number, generation: number): boolean {
    if (!this.isHeldBy(consumer, slot, generation)) return false;
    this.#settle(slot, consumer, JobState.DONE, Change.DONE);
    this.heldBytes -= this.table.bytes[slot];
    this.leave(slot);
    return true;
  }

  /** It is to be tried again after `delayMs`, or after the queue's backoff when that is negative. */
  nack(
    consumer: Consumer<T>,
    slot: number,
    generation: number,
    delayMs: number,
    nowMs: number,
  ): boolean {
    if (!this.isHeldBy(consumer, slot, generation)) return false;
    if (this.isLast(slot)) this.#end(slot, consumer, DeathReason.MAX_DELIVERIES);
    else {
      const { times, attempts } = this.table;
      this.#settle(slot, consumer, JobState.RETRYING, Change.RETRY);
      const waitMs = delayMs < 0
        ? backoffMs(this.options, attempts[slot], this.#random())
        : delayMs;
      times[slot] = nowMs + waitMs;
      this.effects.changed(slot);
    }
    return true;
  }

  /** It is never to be tried again. */
  reject(consumer: Consumer<T>, slot: number, generation: number): boolean {
    if (!this.isHeldBy(consumer, slot, generation)) return false;
    this.#end(slot, consumer, DeathReason.REJECTED);
    return true;
  }

  /** It was not tried: it goes back to its place, and the lease does not count. */
  release(consumer: Consumer<T>, slot: number, generation: number): boolean {
    if (!this.isHeldBy(consumer, slot, generation)) return false;
    this.#settle(slot, consumer, JobState.RELEASING, Change.RELEASE);
    this.effects.changed(slot);
    return true;
  }

  /** Its lease begins anew, for `leaseMs`, or as long as usual when that is 0. Is not made durable. */
  extend(
    consumer: Consumer<T>,
    slot: number,
    generation: number,
    leaseMs: number,
    nowMs: number,
  ): boolean {
    if (!this.isHeldBy(consumer, slot, generation)) return false;
    this.table.times[slot] = nowMs + (leaseMs || this.options.leaseMs);
    this.leases.put(slot);
    return true;
  }

  // Ends.

  /** The dying job goes with the transaction that gathers: the host put it where the dead are. */
  bury(slot: number): void {
    assert(this.state(slot) === JobState.DYING, "only a dying job is buried");
    this.table.states[slot] = JobState.BURYING;
    this.log.gathering.add(slot, Change.BURY);
    this.heldBytes -= this.table.bytes[slot];
    this.leave(slot);
  }

  /** The dying job cannot be buried now: it dies again after `delayMs`. */
  unbury(slot: number, delayMs: number, nowMs: number): void {
    assert(this.state(slot) === JobState.DYING && delayMs > 0, "a dying job waits for a while");
    this.table.flags[slot] |= Flag.DOOMED;
    this.takeBack(slot);
    this.wait(slot, nowMs + delayMs);
  }

  /** Drops a job that nobody holds; false when somebody does, or it is on its way. */
  drop(slot: number): boolean {
    if (!this.isFree(slot)) return false;
    this.displace(slot);
    this.table.states[slot] = JobState.DROPPING;
    this.log.gathering.add(slot, Change.DROP);
    this.leave(slot);
    return true;
  }

  // Time.

  /** When `tick` has something to do next; Infinity when never. */
  get nextMs(): number {
    return Math.min(this.leases.soonest, this.due.soonest);
  }

  /** Ends leases that are over and makes due jobs ready. */
  tick(nowMs: number): void {
    const { table } = this;
    while (this.leases.soonest <= nowMs) {
      const slot = this.leases.at(0);
      unlink(table, slot, table.consumers.get(slot)!);
      this.comeBack(slot);
    }
    while (this.due.soonest <= nowMs) {
      const slot = this.due.at(0);
      this.displace(slot);
      if ((table.flags[slot] & Flag.DOOMED) !== 0) {
        table.flags[slot] &= ~Flag.DOOMED;
        table.states[slot] = JobState.DYING;
        this.takeOut(slot);
        this.effects.dying(slot, table.reasons[slot] as DeathReason);
      } else this.makeReady(slot);
    }
  }

  /** Hands nothing out any more; all else goes on. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  #lease(slot: number, consumer: Consumer<T>): void {
    const { states, attempts, generations } = this.table;
    this.readyLines.leave(slot);
    states[slot] = JobState.LEASING;
    // The column holds no more than this, and saying so is better than beginning anew.
    if (attempts[slot] < MAX_ATTEMPTS) attempts[slot]++;
    generations[slot]++;
    this.takeOut(slot);
    link(this.table, slot, consumer);
    this.log.gathering.add(slot, Change.LEASE);
    this.effects.changed(slot);
  }

  /** A leased job is settled: it is the consumer's no more, and what is durable of it follows. */
  #settle(slot: number, consumer: Consumer<T>, state: number, change: number): void {
    const { states, times, formerTimes } = this.table;
    this.leases.remove(slot);
    unlink(this.table, slot, consumer);
    formerTimes[slot] = times[slot];
    states[slot] = state;
    this.log.gathering.add(slot, change);
  }

  #end(slot: number, consumer: Consumer<T>, reason: DeathReason): void {
    this.#settle(slot, consumer, JobState.DYING, Change.DIE);
    this.table.reasons[slot] = reason;
    this.effects.changed(slot);
    this.effects.dying(slot, reason);
  }
}
