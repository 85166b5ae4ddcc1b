/**
 * The deadlines of the calls under way, as a wheel of slots that time passes over.
 *
 * A record stands in the slot of its deadline's tick; slots are used again after `SLOTS` ticks, about
 * 16 seconds, and then those whose time has not come stay. Invariants: adding and removing cost the same
 * however many there are; `takeDue(now)` gives every record whose deadline is at or before `now` and no
 * other; it passes over no slot twice. Non-goal: order among those that are due together.
 */
import type { CallRecord } from "./call_lists.ts";

const SLOTS = 1024;
const TICK_MS = 16;

/** Deadlines in monotonic milliseconds. */
export class DeadlineWheel<O> {
  readonly #slots = new Array<CallRecord<O> | null>(SLOTS).fill(null);
  /** The first tick that may still hold something due. */
  #tick = 0;

  /** Adds a record; one whose deadline has passed is due at the next `takeDue`. */
  add(record: CallRecord<O>): void {
    const tick = Math.max(Math.floor(record.deadlineMs / TICK_MS), this.#tick);
    const slot = tick & (SLOTS - 1);
    const first = this.#slots[slot];
    record.dueSlot = slot;
    record.nextDue = first;
    if (first !== null) first.previousDue = record;
    this.#slots[slot] = record;
  }

  /** Removes a record, which must be here. */
  remove(record: CallRecord<O>): void {
    if (record.previousDue === null) this.#slots[record.dueSlot] = record.nextDue;
    else record.previousDue.nextDue = record.nextDue;
    if (record.nextDue !== null) record.nextDue.previousDue = record.previousDue;
    record.nextDue = record.previousDue = null;
  }

  /** Removes and gives all that are due at `nowMs`; null when none is. */
  takeDue(nowMs: number): CallRecord<O>[] | null {
    let due: CallRecord<O>[] | null = null;
    const nowTick = Math.floor(nowMs / TICK_MS);
    const last = Math.min(nowTick, this.#tick + SLOTS - 1);
    for (let tick = this.#tick; tick <= last; tick++) {
      let next = this.#slots[tick & (SLOTS - 1)];
      while (next !== null) {
        const record = next;
        next = record.nextDue;
        if (record.deadlineMs > nowMs) continue;
        this.remove(record);
        (due ??= []).push(record);
      }
    }
    // The present tick is not over: what is due later in it will be looked for again.
    this.#tick = Math.max(this.#tick, nowTick);
    return due;
  }
}
