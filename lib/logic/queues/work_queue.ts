/**
 * The state machine of one work queue: everything about jobs is decided here.
 *
 * Decisions take effect at once and become durable later, in transactions that gather, are sealed, and are
 * committed in order. If one fails, those behind it fail too, and all of them are taken back in reverse. So
 * a push and the lease of its job can share a transaction; what leaves for others (deliveries, freed
 * slots, the next job of a key) waits for the commit.
 *
 * Pure: time (monotonic, in milliseconds) and chance are arguments. A job costs no object. Leasing and
 * settling cost the same however many jobs wait; only those that are leased or delayed add a logarithm.
 */
import { assert } from "../../base/errors.ts";
import { backoffMs } from "./backoff.ts";
import { Change } from "./change_log.ts";
import type { Consumer } from "./consumer.ts";
import { ConsumerRing } from "./consumer_ring.ts";
import { JobChanges } from "./job_changes.ts";
import { JobLeases } from "./job_leases.ts";
import { JobPlaces } from "./job_places.ts";
import { Flag, JobState, JobTable } from "./job_table.ts";
import { JobViews } from "./job_views.ts";
import {
  type ByteCount,
  DeathReason,
  DurableState,
  type LeaseToken,
  type NewJob,
  queueIsFull,
  type RestoredJob,
  type WorkQueueEffects,
  type WorkQueueOptions,
} from "./options.ts";
import { NONE } from "./slot_list.ts";

export type { Consumer } from "./consumer.ts";
export { JobState } from "./job_table.ts";
export {
  DeathReason,
  DurableState,
  type LeaseToken,
  MAX_PRIORITY,
  type NewJob,
  type RestoredJob,
  type WorkQueueEffects,
  type WorkQueueOptions,
} from "./options.ts";

/** The most jobs that one call of `dispatch` leases, unless told otherwise. */
const MAX_LEASES = 65_536;

/** A queue; `T` is what its host attaches to consumers. */
export class WorkQueue<T> {
  readonly options: WorkQueueOptions;
  /** The single jobs, as the host may see them. */
  readonly views: JobViews<T>;
  /** The number of jobs that were dropped to make room for others. */
  dropped = 0;

  readonly #effects: WorkQueueEffects<T>;
  readonly #random: () => number;
  readonly #table: JobTable<T>;
  readonly #places: JobPlaces<T>;
  readonly #leases: JobLeases<T>;
  readonly #changes: JobChanges<T>;
  readonly #consumers = new ConsumerRing<T>();
  #paused = false;
  /** Restored jobs that are at their end. */
  #ended: number[] = [];

  /** `random` gives numbers from 0 to below 1. */
  constructor(options: WorkQueueOptions, effects: WorkQueueEffects<T>, random: () => number) {
    options = this.options = { ...options };
    this.#effects = effects;
    this.#random = random;
    const table = this.#table = new JobTable<T>(Math.floor(random() * 2 ** 32));
    const places = this.#places = new JobPlaces(table, options.ordered);
    const leases = this.#leases = new JobLeases(table, places, options, effects);
    this.#changes = new JobChanges({ table, places, leases, effects });
    this.views = new JobViews(table);
  }

  /** Counts the bytes of its jobs for `count`, too; once, before the first job. */
  countFor(count: ByteCount | null): void {
    this.#places.count = count;
  }

  /** Goes by other options from now on; whether jobs of one key wait for each other stays as it is. */
  configure(options: WorkQueueOptions): void {
    Object.assign(this.options, options, { ordered: this.options.ordered });
  }

  // Figures.

  /** Jobs that can be handed out. */
  get ready(): number {
    return this.#places.ready;
  }

  /** Jobs that wait for a time. */
  get delayed(): number {
    return this.#places.delayed;
  }

  /** Jobs that wait for another of their key. */
  get blocked(): number {
    return this.#places.blocked;
  }

  /** Jobs that are leased, at their end, or being settled. */
  get leased(): number {
    return this.#places.leased;
  }

  /** All jobs but those that are leaving. */
  get jobs(): number {
    return this.#places.jobs;
  }

  /** The bytes of all jobs but those that are leaving. */
  get bytes(): number {
    return this.#places.bytes;
  }

  /** The parts of the queue: for looking at, not for work. */
  look() {
    const { ready, blocked, due, keys } = this.#places.look();
    const { heldBytes } = this.#places;
    return {
      table: this.#table,
      leases: this.#leases.look(),
      ready,
      blocked,
      due,
      keys,
      heldBytes,
    };
  }

  // Pushing.

  /**
   * Makes sure that a job of `bytes` fits, by dropping the oldest jobs that nobody holds if the queue is set
   * up so. Raises RESOURCE_EXHAUSTED that names the limit, and drops nothing, when that would not suffice.
   */
  admit(bytes: number): void {
    const { maxJobs, maxBytes, whenFull } = this.options;
    const places = this.#places;
    const held = places.jobs - places.ready - places.delayed - places.blocked;
    if (whenFull === "refuse" || held >= maxJobs || places.heldBytes + bytes > maxBytes) {
      return this.checkRoom(bytes);
    }
    while (places.jobs >= maxJobs || places.bytes + bytes > maxBytes) {
      this.drop(places.oldestFree());
      this.dropped++;
    }
  }

  /** Raises RESOURCE_EXHAUSTED that names the limit when a job of `bytes` does not fit at present. */
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

  /** Takes a job that was admitted; gives its slot. A due time that has passed counts as none. */
  push(job: Readonly<NewJob>, nowMs: number): number {
    const slot = this.#places.enter(job);
    this.#places.place(slot, job.dueMs > nowMs ? job.dueMs : 0);
    this.#changes.add(slot, Change.PUSH);
    return slot;
  }

  /** Takes a job that was there at start, in the order of ids; gives its slot. */
  restore(job: Readonly<RestoredJob>): number {
    const { attempts, state, redelivered } = job;
    const slot = this.#places.enter(job);
    const table = this.#table;
    table.attempts[slot] = attempts;
    const wasOut = state === DurableState.LEASED;
    if (redelivered || wasOut) table.flags[slot] |= Flag.REDELIVERED;
    const rejected = state === DurableState.REJECTED;
    // A job that was not out can be at its end, too, when its queue allows fewer deliveries than before.
    if (rejected || this.#leases.isLast(slot)) {
      table.reasons[slot] = rejected ? DeathReason.REJECTED : DeathReason.MAX_DELIVERIES;
      this.#places.placeEnded(slot);
      this.#ended.push(slot);
    } else this.#places.place(slot, job.dueMs);
    return slot;
  }

  /** Ends restoring: all jobs that were there at start have been restored. */
  restored(): void {
    for (const slot of this.#ended) {
      this.#effects.dying(slot, this.#table.reasons[slot] as DeathReason);
    }
    this.#ended = [];
  }

  // Consuming.

  /** Adds a consumer that may hold `prefetch` jobs. */
  addConsumer(prefetch: number, attached: T): Consumer<T> {
    return this.#consumers.add(prefetch, attached);
  }

  /** Changes how many jobs a consumer may hold; it keeps those above that until it settles them. */
  setPrefetch(consumer: Consumer<T>, prefetch: number): void {
    consumer.prefetch = prefetch;
  }

  /** Holds a consumer, which then gets no more jobs, or lets it go on. */
  hold(consumer: Consumer<T>, held: boolean): void {
    consumer.held = held;
  }

  /** Removes a consumer; its jobs come back at once, those that it settled are settled. */
  removeConsumer(consumer: Consumer<T>): void {
    if (this.#consumers.remove(consumer)) this.#leases.endAll(consumer);
  }

  /** Leases ready jobs to consumers in turn, at most `most`; gives how many. */
  dispatch(most = MAX_LEASES): number {
    if (this.#paused) return 0;
    const places = this.#places;
    let leased = 0;
    while (places.ready > 0 && leased < most) {
      const consumer = this.#consumers.next();
      if (consumer === null) break;
      const slot = places.takeReady();
      this.#leases.decide(slot, consumer);
      this.#changes.add(slot, Change.LEASE);
      this.#effects.changed(slot);
      leased++;
    }
    return leased;
  }

  /** Whether the queue is paused. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Stops handing out jobs until `resume`; all else goes on. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  // Settling. Each method gives false, and changes nothing, when the lease is not the consumer's any more.

  /** Settles a job as done. */
  ack(token: Readonly<LeaseToken<T>>): boolean {
    if (!this.views.isHeld(token)) return false;
    const { slot } = token;
    this.#settle(token, JobState.DONE, Change.DONE);
    this.#places.leave(slot);
    this.#effects.leaving(slot);
    return true;
  }

  /** Settles a job as to be tried again after `delayMs`, or after the queue's backoff when that is negative. */
  nack(token: Readonly<LeaseToken<T>>, delayMs: number, nowMs: number): boolean {
    if (!this.views.isHeld(token)) return false;
    const { slot } = token;
    if (this.#leases.isLast(slot)) this.#end(token, DeathReason.MAX_DELIVERIES);
    else {
      const { times, attempts } = this.#table;
      this.#settle(token, JobState.RETRYING, Change.RETRY);
      const waitMs = delayMs < 0
        ? backoffMs(this.options, attempts[slot], this.#random())
        : delayMs;
      times[slot] = nowMs + waitMs;
      this.#effects.changed(slot);
    }
    return true;
  }

  /** Settles a job as never to be tried again. */
  reject(token: Readonly<LeaseToken<T>>): boolean {
    if (!this.views.isHeld(token)) return false;
    this.#end(token, DeathReason.REJECTED);
    return true;
  }

  /** Settles a job as not tried: it goes back to its place, and the lease does not count. */
  release(token: Readonly<LeaseToken<T>>): boolean {
    if (!this.views.isHeld(token)) return false;
    this.#settle(token, JobState.RELEASING, Change.RELEASE);
    this.#effects.changed(token.slot);
    return true;
  }

  /** Extends a lease to `leaseMs` from now, or the usual length when that is 0. The new end is not made durable. */
  extend(token: Readonly<LeaseToken<T>>, leaseMs: number, nowMs: number): boolean {
    if (!this.views.isHeld(token)) return false;
    this.#leases.extend(token.slot, nowMs + (leaseMs || this.options.leaseMs));
    return true;
  }

  /** Ends the lease of a job whose consumer settled it. */
  #settle({ slot, consumer }: Readonly<LeaseToken<T>>, state: number, change: number): void {
    this.#leases.settle(slot, consumer, state);
    this.#changes.add(slot, change);
  }

  #end(token: Readonly<LeaseToken<T>>, reason: DeathReason): void {
    const { slot } = token;
    this.#settle(token, JobState.DYING, Change.DIE);
    this.#table.reasons[slot] = reason;
    this.#effects.changed(slot);
    this.#effects.dying(slot, reason);
  }

  // Ends.

  /** Removes a dying job with the transaction that gathers: its host put it among the dead letters. */
  moveOut(slot: number): void {
    const { states } = this.#table;
    assert(states[slot] === JobState.DYING, "only a dying job is moved out");
    states[slot] = JobState.MOVING;
    this.#changes.add(slot, Change.MOVE);
    this.#places.leave(slot);
    this.#effects.leaving(slot);
  }

  /** Defers a dying job that cannot be put among the dead letters now: it is dying again after `delayMs`. */
  putOff(slot: number, delayMs: number, nowMs: number): void {
    const { states, flags } = this.#table;
    assert(states[slot] === JobState.DYING && delayMs > 0, "a dying job waits for a while");
    flags[slot] |= Flag.DOOMED;
    this.#places.putBack(slot, nowMs + delayMs);
  }

  /** Drops a job that waits; false when a consumer holds it, or a decision about it is under way. */
  drop(slot: number): boolean {
    if (!this.views.isFree(slot)) return false;
    this.#places.displace(slot);
    this.#table.states[slot] = JobState.DROPPING;
    this.#changes.add(slot, Change.DROP);
    this.#places.leave(slot);
    this.#effects.leaving(slot);
    return true;
  }

  // Time and transactions.

  /** The time when `tick` has something to do next; Infinity when there is none. */
  get nextMs(): number {
    return Math.min(this.#leases.soonestMs, this.#places.soonestMs);
  }

  /** Ends leases that are over and makes due jobs ready. */
  tick(nowMs: number): void {
    const table = this.#table;
    const places = this.#places;
    this.#leases.expire(nowMs);
    for (let slot = places.takeDue(nowMs); slot !== NONE; slot = places.takeDue(nowMs)) {
      if ((table.flags[slot] & Flag.DOOMED) === 0) {
        places.wait(slot, 0);
        continue;
      }
      table.flags[slot] &= ~Flag.DOOMED;
      table.states[slot] = JobState.DYING;
      places.takeOut(slot);
      this.#effects.dying(slot, table.reasons[slot] as DeathReason);
    }
  }

  /** Ends the transaction that gathers: it is on its way, and another one gathers. */
  seal(): void {
    this.#changes.seal();
  }

  /** Carries out the oldest transaction on its way, which is durable: its leases begin. */
  committed(nowMs: number): void {
    this.#changes.committed(nowMs);
  }

  /** Takes back all transactions on their way, which have failed, and the one that gathers. */
  failed(): void {
    this.#changes.failed();
  }
}
