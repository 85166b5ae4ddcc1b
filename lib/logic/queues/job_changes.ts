/**
 * What was decided of jobs and is not durable yet: carried out when its transaction is committed, taken back
 * when that failed.
 *
 * Taking back goes in reverse, so each change finds the job as it left it. A transaction that is taken back
 * takes those behind it along; so a push that is undone has no lease any more that was not undone before.
 */
import { Change, ChangeLog } from "./change_log.ts";
import { link, unlink } from "./held_jobs.ts";
import { JobPlaces } from "./job_places.ts";
import { Flag, JobState } from "./job_table.ts";
import { NONE } from "./slot_list.ts";
import { DeathReason, type WorkQueueEffects, type WorkQueueOptions } from "./options.ts";

/** Jobs with what is under way for them. */
export class JobChanges<T> extends JobPlaces<T> {
  protected readonly effects: WorkQueueEffects<T>;
  protected readonly log = new ChangeLog();

  constructor(options: WorkQueueOptions, effects: WorkQueueEffects<T>) {
    super(options);
    this.effects = effects;
  }

  /** What was decided since the last call is a transaction on its way. */
  seal(): void {
    this.log.seal();
  }

  /** The oldest transaction on its way is durable. Its leases begin. */
  committed(nowMs: number): void {
    const changes = this.log.takeOldest();
    if (changes === undefined) return;
    for (let index = 0; index < changes.length; index++) {
      this.#commit(changes.slotAt(index), changes.kindAt(index), nowMs);
    }
    this.log.reuse(changes);
  }

  /** No transaction on its way is durable, nor what gathers: all of it is taken back. */
  failed(): void {
    for (const changes of this.log.takeAll()) {
      for (let index = changes.length - 1; index >= 0; index--) {
        this.#undo(changes.slotAt(index), changes.kindAt(index));
      }
    }
  }

  #commit(slot: number, kind: number, nowMs: number): void {
    const { states, flags, times, attempts, consumers } = this.table;
    switch (kind) {
      case Change.PUSH:
        return;
      case Change.LEASE:
        return this.#begin(slot, nowMs);
      case Change.RETRY:
        flags[slot] |= Flag.REDELIVERED;
        consumers.set(slot, null);
        this.takeBack(slot);
        this.wait(slot, times[slot] > nowMs ? times[slot] : 0);
        return;
      case Change.RELEASE:
        flags[slot] |= Flag.REDELIVERED;
        consumers.set(slot, null);
        attempts[slot]--;
        this.takeBack(slot);
        this.wait(slot, 0);
        return;
      case Change.DIE:
        consumers.set(slot, null);
        return;
      case Change.DONE:
      case Change.BURY:
        this.leased--;
        return this.free(slot);
      case Change.DROP:
        return this.free(slot);
      default:
        throw new Error(`${states[slot]} knows no change ${kind}`);
    }
  }

  /** A lease is durable. */
  #begin(slot: number, nowMs: number): void {
    const { states, times, attempts, consumers } = this.table;
    const consumer = consumers.get(slot);
    if (consumer === null) {
      // Whom it was for is gone, and never saw it.
      attempts[slot]--;
      this.takeBack(slot);
      this.wait(slot, 0);
      this.effects.changed(slot);
      return;
    }
    states[slot] = JobState.LEASED;
    times[slot] = nowMs + this.options.leaseMs;
    this.leases.put(slot);
    this.effects.deliver(slot, consumer);
  }

  #undo(slot: number, kind: number): void {
    const { states, attempts, consumers, keys } = this.table;
    switch (kind) {
      case Change.PUSH:
        this.displace(slot);
        this.jobs--;
        this.bytes -= this.table.bytes[slot];
        return this.free(slot);
      case Change.LEASE: {
        const consumer = consumers.get(slot);
        if (consumer !== null) unlink(this.table, slot, consumer);
        consumers.set(slot, null);
        attempts[slot]--;
        this.takeBack(slot);
        return this.wait(slot, 0);
      }
      case Change.DONE:
        this.heldBytes += this.table.bytes[slot];
        this.stay(slot);
        return this.#resumeLease(slot);
      case Change.RETRY:
      case Change.RELEASE:
      case Change.DIE:
        return this.#resumeLease(slot);
      case Change.BURY:
        this.heldBytes += this.table.bytes[slot];
        this.stay(slot);
        states[slot] = JobState.DYING;
        return;
      default: {
        this.stay(slot);
        const key = keys[slot];
        const waits = this.options.ordered && key !== 0 && this.keys.first(key) !== slot;
        if (!waits) return this.wait(slot, this.table.times[slot]);
        states[slot] = JobState.BLOCKED;
        this.blockedLine.putBack(slot);
      }
    }
  }

  /** A settlement was taken back: the lease goes on, if its consumer is there. */
  #resumeLease(slot: number): void {
    const { states, times, formerTimes, consumers, reasons } = this.table;
    // What is dying may wait for another try by now.
    if (states[slot] === JobState.DELAYED) {
      this.displace(slot);
      this.table.flags[slot] &= ~Flag.DOOMED;
      this.takeOut(slot);
    }
    states[slot] = JobState.LEASED;
    times[slot] = formerTimes[slot];
    reasons[slot] = 0;
    const consumer = consumers.get(slot)!;
    if (consumer.removed) return this.comeBack(slot);
    link(this.table, slot, consumer);
    this.leases.put(slot);
  }

  /** A leased job comes back unsettled. */
  protected comeBack(slot: number): void {
    const { states, flags, consumers, reasons } = this.table;
    this.leases.remove(slot);
    flags[slot] |= Flag.REDELIVERED;
    consumers.set(slot, null);
    if (!this.isLast(slot)) {
      this.takeBack(slot);
      return this.wait(slot, 0);
    }
    states[slot] = JobState.DYING;
    reasons[slot] = DeathReason.MAX_DELIVERIES;
    this.effects.dying(slot, DeathReason.MAX_DELIVERIES);
  }

  /** A job goes with the transaction that gathers. */
  protected leave(slot: number): void {
    this.jobs--;
    this.bytes -= this.table.bytes[slot];
    this.effects.leaving(slot);
  }

  /** That was taken back. */
  protected stay(slot: number): void {
    this.jobs++;
    this.bytes += this.table.bytes[slot];
    this.effects.staying(slot);
  }

  /** A job is gone; the next of its key has its turn. */
  protected free(slot: number): void {
    const { keys, states, times } = this.table;
    const key = keys[slot];
    if (this.options.ordered && key !== 0) {
      const next = this.keys.remove(key, slot);
      if (next !== NONE && states[next] === JobState.BLOCKED) {
        this.blockedLine.leave(next);
        this.wait(next, times[next]);
      }
    }
    this.effects.freed(slot);
    this.table.give(slot);
  }
}
