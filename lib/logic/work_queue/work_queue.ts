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
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { Change, ChangeLog } from "./change_log.ts";
import { Consumer } from "./consumer.ts";
import { Flag, JobState, JobTable, NONE } from "./job_table.ts";
import { KeyLines } from "./key_lines.ts";
import {
  DeathReason,
  DurableState,
  MOST_PRIORITY,
  type WorkQueueEffects,
  type WorkQueueOptions,
} from "./options.ts";
import { ReadyLine } from "./ready_line.ts";
import { TimeHeap } from "./time_heap.ts";

export { Consumer } from "./consumer.ts";
export { JobState } from "./job_table.ts";
export {
  DeathReason,
  DurableState,
  MOST_PRIORITY,
  type WorkQueueEffects,
  type WorkQueueOptions,
} from "./options.ts";

/** After so many picks in a row that passed lower priorities over, one of these is next. */
export const MOST_PASSED_OVER = 15;
/** Jobs that one call of `dispatch` leases, unless told otherwise. */
const MOST_LEASES = 65_536;

/** A queue; `T` is what the host attaches to consumers. */
export class WorkQueue<T> {
  readonly options: WorkQueueOptions;
  /** Jobs that can be handed out. */
  ready = 0;
  /** Jobs that wait for a time. */
  delayed = 0;
  /** Jobs that wait for another of their key. */
  blocked = 0;
  /** Jobs that are out, at their end, or being settled. */
  leased = 0;
  /** All jobs but those that are leaving. */
  jobs = 0;
  /** Their bytes. */
  bytes = 0;
  /** Whether nothing is handed out. */
  paused = false;

  readonly #effects: WorkQueueEffects<T>;
  readonly #random: () => number;
  readonly #table = new JobTable<T>();
  readonly #times = new TimeHeap<T>(this.#table);
  readonly #lines: readonly ReadyLine<T>[];
  readonly #keys = new KeyLines();
  readonly #log = new ChangeLog();
  readonly #consumers: Consumer<T>[] = [];
  #turn = 0;
  #passedOver = 0;
  /** Restored jobs that are at their end. */
  #ended: number[] = [];

  /** `random` gives numbers from 0 to below 1. */
  constructor(options: WorkQueueOptions, effects: WorkQueueEffects<T>, random: () => number) {
    this.options = options;
    this.#effects = effects;
    this.#random = random;
    this.#lines = Array.from(
      { length: MOST_PRIORITY + 1 },
      () => new ReadyLine<T>(this.#table),
    );
  }

  // What is known of a job.

  id(slot: number): number {
    return this.#table.ids[slot];
  }

  state(slot: number): number {
    return this.#table.states[slot];
  }

  priority(slot: number): number {
    return this.#table.priorities[slot];
  }

  /** How often it was leased. */
  attempts(slot: number): number {
    return this.#table.attempts[slot];
  }

  sizeOf(slot: number): number {
    return this.#table.bytes[slot];
  }

  /** The number that stands for its key; 0 when it has none. */
  keyOf(slot: number): number {
    return this.#table.keys[slot];
  }

  /** When it is due, or when its lease ends. */
  timeMs(slot: number): number {
    return this.#table.times[slot];
  }

  generation(slot: number): number {
    return this.#table.generations[slot];
  }

  /** Whether it may have been delivered before this delivery. */
  redelivered(slot: number): boolean {
    return (this.#table.flags[slot] & Flag.REDELIVERED) !== 0;
  }

  /** Whose it is; null when it is nobody's, or of one that is gone. */
  holder(slot: number): Consumer<T> | null {
    return this.#table.consumers[slot];
  }

  /** Whether this lease of the slot goes on. */
  isLeased(slot: number, generation: number): boolean {
    const { states, generations } = this.#table;
    return states[slot] === JobState.LEASED && generations[slot] === generation;
  }

  /** Whether it is this consumer's. */
  isHeldBy(consumer: Consumer<T>, slot: number, generation: number): boolean {
    return slot >= 0 && slot < this.#table.used && this.isLeased(slot, generation) &&
      this.#table.consumers[slot] === consumer;
  }

  /** What is to be kept of where it stands once the transaction that gathers is committed. */
  durableState(slot: number): DurableState {
    const { states, times, flags, reasons } = this.#table;
    const ending = reasons[slot] === DeathReason.REJECTED
      ? DurableState.REJECTED
      : DurableState.LEASED;
    switch (states[slot]) {
      case JobState.LEASING:
      case JobState.LEASED:
        return DurableState.LEASED;
      case JobState.DYING:
        return ending;
      case JobState.DELAYED:
        return (flags[slot] & Flag.DOOMED) === 0 ? DurableState.DELAYED : ending;
      case JobState.RETRYING:
        return DurableState.DELAYED;
      case JobState.BLOCKED:
        return times[slot] > 0 ? DurableState.DELAYED : DurableState.READY;
      case JobState.DONE:
      case JobState.BURYING:
      case JobState.DROPPING:
        return DurableState.GONE;
      default:
        return DurableState.READY;
    }
  }

  /** The same of how often it was leased. */
  durableAttempts(slot: number): number {
    const { attempts, states } = this.#table;
    return states[slot] === JobState.RELEASING ? attempts[slot] - 1 : attempts[slot];
  }

  // Pushing.

  /**
   * Makes sure that a job of `bytes` fits, by dropping the oldest ones that nobody holds if the queue is set
   * up so. Raises RESOURCE_EXHAUSTED that names the limit.
   */
  admit(bytes: number): void {
    const { maxJobs, maxBytes, whenFull } = this.options;
    if (bytes > maxBytes) throw full(`a job of ${bytes} bytes`, `max_bytes ${maxBytes}`, false);
    while (this.jobs >= maxJobs || this.bytes + bytes > maxBytes) {
      const oldest = whenFull === "refuse" ? NONE : this.#oldestFree();
      if (oldest !== NONE) this.drop(oldest);
      else if (this.jobs >= maxJobs) {
        throw full(`it holds ${this.jobs} jobs`, `max_jobs ${maxJobs}`, true);
      } else throw full(`it holds ${this.bytes} bytes`, `max_bytes ${maxBytes}`, true);
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
    const slot = this.#enter(id, bytes, priority, key);
    this.#table.flags[slot] = Flag.UNCOMMITTED;
    this.#place(slot, dueMs > nowMs ? dueMs : 0);
    this.#log.gathering.add(slot, Change.PUSH);
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
    const slot = this.#enter(id, bytes, priority, key);
    const table = this.#table;
    table.attempts[slot] = attempts;
    const out = state === DurableState.LEASED;
    if (redelivered || out) table.flags[slot] |= Flag.REDELIVERED;
    const rejected = state === DurableState.REJECTED;
    if (rejected || (out && this.#isLast(slot))) {
      table.reasons[slot] = rejected ? DeathReason.REJECTED : DeathReason.MAX_DELIVERIES;
      if (this.options.ordered && key !== 0) this.#keys.add(key, slot);
      table.states[slot] = JobState.DYING;
      this.leased++;
      this.#ended.push(slot);
    } else this.#place(slot, dueMs);
    return slot;
  }

  /** All that was there at start is. */
  restored(): void {
    for (const slot of this.#ended) {
      this.#effects.dying(slot, this.#table.reasons[slot] as DeathReason);
    }
    this.#ended = [];
  }

  // Consuming.

  /** Adds a consumer that may hold `prefetch` jobs. */
  addConsumer(prefetch: number, attached: T): Consumer<T> {
    const consumer = new Consumer(prefetch, attached);
    this.#consumers.push(consumer);
    return consumer;
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
    const at = this.#consumers.indexOf(consumer);
    if (at < 0) return;
    this.#consumers.splice(at, 1);
    if (this.#turn > at) this.#turn--;
    consumer.removed = true;
    const { states, consumers } = this.#table;
    while (consumer.first !== NONE) {
      const slot = consumer.first;
      this.#unlink(slot, consumer);
      // A lease that is not durable yet comes back when it is.
      if (states[slot] === JobState.LEASING) consumers[slot] = null;
      else this.#comeBack(slot);
    }
  }

  /** Leases ready jobs to consumers in turn, at most `most`; gives how many. */
  dispatch(most = MOST_LEASES): number {
    if (this.paused) return 0;
    let leased = 0;
    while (this.ready > 0 && leased < most) {
      const consumer = this.#nextConsumer();
      if (consumer === null) break;
      this.#lease(this.#pick(), consumer);
      leased++;
    }
    return leased;
  }

  // Settling. Each gives false, and changes nothing, when the lease is not the consumer's any more.

  /** It is done. */
  ack(consumer: Consumer<T>, slot: number, generation: number): boolean {
    if (!this.isHeldBy(consumer, slot, generation)) return false;
    this.#settle(slot, consumer, JobState.DONE, Change.DONE);
    this.#leave(slot);
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
    if (this.#isLast(slot)) this.#end(slot, consumer, DeathReason.MAX_DELIVERIES);
    else {
      this.#settle(slot, consumer, JobState.RETRYING, Change.RETRY);
      this.#table.times[slot] = nowMs + (delayMs < 0 ? this.#backoffMs(slot) : delayMs);
      this.#effects.changed(slot);
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
    this.#effects.changed(slot);
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
    this.#table.times[slot] = nowMs + (leaseMs || this.options.leaseMs);
    this.#times.put(slot);
    return true;
  }

  // Ends.

  /** The dying job goes with the transaction that gathers: the host put it where the dead are. */
  bury(slot: number): void {
    this.#table.states[slot] = JobState.BURYING;
    this.#log.gathering.add(slot, Change.BURY);
    this.#leave(slot);
  }

  /** The dying job cannot be buried now: it dies again after `delayMs`. */
  unbury(slot: number, delayMs: number, nowMs: number): void {
    const { states, times, flags } = this.#table;
    states[slot] = JobState.DELAYED;
    flags[slot] |= Flag.DOOMED;
    times[slot] = nowMs + delayMs;
    this.leased--;
    this.delayed++;
    this.#times.put(slot);
  }

  /** Drops a job that nobody holds; false when somebody does, or it is on its way. */
  drop(slot: number): boolean {
    const { states } = this.#table;
    const state = states[slot];
    if (state !== JobState.READY && state !== JobState.DELAYED && state !== JobState.BLOCKED) {
      return false;
    }
    this.#displace(slot);
    states[slot] = JobState.DROPPING;
    this.#log.gathering.add(slot, Change.DROP);
    this.#leave(slot);
    return true;
  }

  // Time.

  /** When `tick` has something to do next; Infinity when never. */
  get nextMs(): number {
    return this.#times.soonest;
  }

  /** Ends leases that are over and makes due jobs ready. */
  tick(nowMs: number): void {
    const { states, flags, consumers, reasons } = this.#table;
    while (this.#times.soonest <= nowMs) {
      const slot = this.#times.at(0);
      if (states[slot] === JobState.LEASED) {
        this.#unlink(slot, consumers[slot]!);
        this.#comeBack(slot);
        continue;
      }
      this.#times.remove(slot);
      this.delayed--;
      if ((flags[slot] & Flag.DOOMED) !== 0) {
        flags[slot] &= ~Flag.DOOMED;
        states[slot] = JobState.DYING;
        this.leased++;
        this.#effects.dying(slot, reasons[slot] as DeathReason);
      } else this.#makeReady(slot);
    }
  }

  /** Hands nothing out any more; all else goes on. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  // Transactions.

  /** What was decided since the last call is a transaction on its way. */
  seal(): void {
    this.#log.seal();
  }

  /** The oldest transaction on its way is durable. Its leases begin. */
  committed(nowMs: number): void {
    const changes = this.#log.takeOldest();
    if (changes === undefined) return;
    for (let index = 0; index < changes.length; index++) {
      this.#commit(changes.slotAt(index), changes.kindAt(index), nowMs);
    }
    this.#log.reuse(changes);
  }

  /** No transaction on its way is durable, nor what gathers: all of it is taken back. */
  failed(): void {
    for (const changes of this.#log.takeAll()) {
      for (let index = changes.length - 1; index >= 0; index--) {
        this.#undo(changes.slotAt(index), changes.kindAt(index));
      }
    }
  }

  #commit(slot: number, kind: number, nowMs: number): void {
    const { states, flags, times, attempts } = this.#table;
    switch (kind) {
      case Change.PUSH:
        flags[slot] &= ~Flag.UNCOMMITTED;
        return;
      case Change.LEASE:
        return this.#begin(slot, nowMs);
      case Change.RETRY:
        flags[slot] |= Flag.REDELIVERED;
        this.leased--;
        this.#wait(slot, times[slot] > nowMs ? times[slot] : 0);
        return;
      case Change.RELEASE:
        flags[slot] |= Flag.REDELIVERED;
        attempts[slot]--;
        this.leased--;
        this.#wait(slot, 0);
        return;
      case Change.DIE:
        return;
      case Change.DONE:
      case Change.BURY:
        this.leased--;
        return this.#free(slot);
      case Change.DROP:
        return this.#free(slot);
      default:
        throw new Error(`${states[slot]} knows no change ${kind}`);
    }
  }

  /** A lease is durable. */
  #begin(slot: number, nowMs: number): void {
    const { states, times, attempts, consumers } = this.#table;
    const consumer = consumers[slot];
    if (consumer === null) {
      // Whom it was for is gone, and never saw it.
      attempts[slot]--;
      this.leased--;
      this.#wait(slot, 0);
      this.#effects.changed(slot);
      return;
    }
    states[slot] = JobState.LEASED;
    times[slot] = nowMs + this.options.leaseMs;
    this.#times.put(slot);
    this.#effects.deliver(slot, consumer);
  }

  #undo(slot: number, kind: number): void {
    const { states, attempts, consumers, keys } = this.#table;
    switch (kind) {
      case Change.PUSH:
        this.#displace(slot);
        this.jobs--;
        this.bytes -= this.#table.bytes[slot];
        return this.#free(slot);
      case Change.LEASE: {
        const consumer = consumers[slot];
        if (consumer !== null) this.#unlink(slot, consumer);
        consumers[slot] = null;
        attempts[slot]--;
        this.leased--;
        return this.#wait(slot, 0);
      }
      case Change.DONE:
        this.#stay(slot);
        return this.#resumeLease(slot);
      case Change.RETRY:
      case Change.RELEASE:
      case Change.DIE:
        return this.#resumeLease(slot);
      case Change.BURY:
        this.#stay(slot);
        states[slot] = JobState.DYING;
        return;
      default: {
        this.#stay(slot);
        const key = keys[slot];
        const waits = this.options.ordered && key !== 0 && this.#keys.first(key) !== slot;
        if (!waits) return this.#wait(slot, this.#table.times[slot]);
        states[slot] = JobState.BLOCKED;
        this.blocked++;
      }
    }
  }

  /** A settlement was taken back: the lease goes on, if its consumer is there. */
  #resumeLease(slot: number): void {
    const { states, times, formerTimes, consumers, reasons } = this.#table;
    // What is dying may wait for another try by now.
    if (states[slot] === JobState.DELAYED) {
      this.#times.remove(slot);
      this.#table.flags[slot] &= ~Flag.DOOMED;
      this.delayed--;
      this.leased++;
    }
    states[slot] = JobState.LEASED;
    times[slot] = formerTimes[slot];
    reasons[slot] = 0;
    const consumer = consumers[slot]!;
    if (consumer.removed) return this.#comeBack(slot);
    this.#link(slot, consumer);
    this.#times.put(slot);
  }

  // Places.

  #enter(id: number, bytes: number, priority: number, key: number): number {
    const table = this.#table;
    const slot = table.take();
    table.ids[slot] = id;
    table.bytes[slot] = bytes;
    table.priorities[slot] = priority;
    table.keys[slot] = key;
    table.attempts[slot] =
      table.times[slot] =
      table.reasons[slot] =
      table.flags[slot] =
        0;
    this.jobs++;
    this.bytes += bytes;
    return slot;
  }

  /** Gives a job that has come its first place. */
  #place(slot: number, dueMs: number): void {
    const { keys, times, states, priorities, attempts } = this.#table;
    times[slot] = dueMs;
    const key = keys[slot];
    if (this.options.ordered && key !== 0 && !this.#keys.add(key, slot)) {
      states[slot] = JobState.BLOCKED;
      this.blocked++;
    } else if (dueMs > 0 || attempts[slot] > 0) this.#wait(slot, dueMs);
    else {
      states[slot] = JobState.READY;
      this.ready++;
      this.#lines[priorities[slot]].push(slot);
    }
  }

  /** Has a job wait for its time, or makes it ready when it has none. */
  #wait(slot: number, dueMs: number): void {
    const { times, states } = this.#table;
    this.#table.consumers[slot] = null;
    times[slot] = dueMs;
    if (dueMs === 0) return this.#makeReady(slot);
    states[slot] = JobState.DELAYED;
    this.delayed++;
    this.#times.put(slot);
  }

  #makeReady(slot: number): void {
    const { states, times, priorities } = this.#table;
    states[slot] = JobState.READY;
    times[slot] = 0;
    this.ready++;
    this.#lines[priorities[slot]].putBack(slot);
  }

  /** Takes a job that nobody holds out of its place. */
  #displace(slot: number): void {
    const { states, priorities } = this.#table;
    const state = states[slot];
    if (state === JobState.READY) {
      this.ready--;
      this.#lines[priorities[slot]].leave(slot);
    } else if (state === JobState.DELAYED) {
      this.delayed--;
      this.#times.remove(slot);
    } else this.blocked--;
  }

  /** The next job to lease; there is one. */
  #pick(): number {
    let top = MOST_PRIORITY;
    while (this.#lines[top].count === 0) top--;
    if (this.#lines[top].count === this.ready) {
      this.#passedOver = 0;
      return this.#lines[top].first();
    }
    if (this.#passedOver < MOST_PASSED_OVER) {
      this.#passedOver++;
      return this.#lines[top].first();
    }
    this.#passedOver = 0;
    return this.#oldestReady(top - 1);
  }

  /** The oldest of the ready jobs up to this priority. */
  #oldestReady(most: number): number {
    const { ids } = this.#table;
    let oldest = NONE;
    for (let priority = most; priority >= 0; priority--) {
      const slot = this.#lines[priority].first();
      if (slot !== NONE && (oldest === NONE || ids[slot] < ids[oldest])) oldest = slot;
    }
    return oldest;
  }

  /** A job that nobody holds: the oldest ready one, otherwise the one that is due next. */
  #oldestFree(): number {
    if (this.ready > 0) return this.#oldestReady(MOST_PRIORITY);
    for (let place = 0; place < this.#times.size && this.delayed > 0; place++) {
      const slot = this.#times.at(place);
      if (this.#table.states[slot] === JobState.DELAYED) return slot;
    }
    return NONE;
  }

  #nextConsumer(): Consumer<T> | null {
    const consumers = this.#consumers;
    for (let looks = consumers.length; looks > 0; looks--) {
      if (this.#turn >= consumers.length) this.#turn = 0;
      const consumer = consumers[this.#turn++];
      if (consumer.hasCredit) return consumer;
    }
    return null;
  }

  #lease(slot: number, consumer: Consumer<T>): void {
    const { states, priorities, attempts, generations } = this.#table;
    this.#lines[priorities[slot]].leave(slot);
    states[slot] = JobState.LEASING;
    attempts[slot]++;
    generations[slot]++;
    this.ready--;
    this.leased++;
    this.#link(slot, consumer);
    this.#log.gathering.add(slot, Change.LEASE);
    this.#effects.changed(slot);
  }

  /** A leased job is settled: it is the consumer's no more, and what is durable of it follows. */
  #settle(slot: number, consumer: Consumer<T>, state: number, change: number): void {
    const { states, times, formerTimes } = this.#table;
    this.#times.remove(slot);
    this.#unlink(slot, consumer);
    formerTimes[slot] = times[slot];
    states[slot] = state;
    this.#log.gathering.add(slot, change);
  }

  #end(slot: number, consumer: Consumer<T>, reason: DeathReason): void {
    this.#settle(slot, consumer, JobState.DYING, Change.DIE);
    this.#table.reasons[slot] = reason;
    this.#effects.changed(slot);
    this.#effects.dying(slot, reason);
  }

  /** A leased job comes back unsettled. */
  #comeBack(slot: number): void {
    const { states, flags, consumers, reasons } = this.#table;
    this.#times.remove(slot);
    flags[slot] |= Flag.REDELIVERED;
    consumers[slot] = null;
    if (!this.#isLast(slot)) {
      this.leased--;
      return this.#wait(slot, 0);
    }
    states[slot] = JobState.DYING;
    reasons[slot] = DeathReason.MAX_DELIVERIES;
    this.#effects.dying(slot, DeathReason.MAX_DELIVERIES);
  }

  #isLast(slot: number): boolean {
    const { maxDeliveries } = this.options;
    return maxDeliveries > 0 && this.#table.attempts[slot] >= maxDeliveries;
  }

  #backoffMs(slot: number): number {
    const { backoffMinMs, backoffMaxMs } = this.options;
    const wholeMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** (this.#table.attempts[slot] - 1));
    return wholeMs * (0.5 + this.#random() / 2);
  }

  #leave(slot: number): void {
    this.jobs--;
    this.bytes -= this.#table.bytes[slot];
    this.#effects.leaving(slot);
  }

  #stay(slot: number): void {
    this.jobs++;
    this.bytes += this.#table.bytes[slot];
    this.#effects.staying(slot);
  }

  /** A job is gone; the next of its key has its turn. */
  #free(slot: number): void {
    const { keys, states, times } = this.#table;
    const key = keys[slot];
    if (this.options.ordered && key !== 0) {
      const next = this.#keys.remove(key, slot);
      if (next !== NONE && states[next] === JobState.BLOCKED) {
        this.blocked--;
        this.#wait(next, times[next]);
      }
    }
    this.#effects.freed(slot);
    this.#table.give(slot);
  }

  #link(slot: number, consumer: Consumer<T>): void {
    const { next, previous, consumers } = this.#table;
    consumers[slot] = consumer;
    next[slot] = consumer.first;
    previous[slot] = NONE;
    if (consumer.first !== NONE) previous[consumer.first] = slot;
    consumer.first = slot;
    consumer.inFlight++;
  }

  #unlink(slot: number, consumer: Consumer<T>): void {
    const { next, previous } = this.#table;
    if (previous[slot] === NONE) consumer.first = next[slot];
    else next[previous[slot]] = next[slot];
    if (next[slot] !== NONE) previous[next[slot]] = previous[slot];
    consumer.inFlight--;
  }
}

function full(what: string, limit: string, retryable: boolean): ParleyError {
  return new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, `cannot push: the queue is full, ${what}`, {
    retryable,
    accepted: `what fits into ${limit}`,
  });
}
