/**
 * The places where jobs wait: ready, until a time, or behind another job of their key; and how many jobs and
 * bytes there are. A job that is leased, at its end or being settled has no place and counts as leased.
 *
 * Non-goals: who a job is leased to (job_leases), and what of it is durable (job_changes).
 */
import { JobState, type JobTable } from "./job_table.ts";
import { KeyLines } from "./key_lines.ts";
import { type ByteCount, MAX_PRIORITY, type NewJob } from "./options.ts";
import { ReadyLine } from "./ready_line.ts";
import { ReadyLines } from "./ready_lines.ts";
import { NONE } from "./slot_list.ts";
import { TimeHeap } from "./time_heap.ts";

/** The places of the jobs of one queue. */
export class JobPlaces<T> {
  readonly #table: JobTable<T>;
  readonly #ordered: boolean;
  readonly #ready: ReadyLines<T>;
  /** Jobs that wait for another of their key. */
  readonly #blocked: ReadyLine<T>;
  /** Jobs that wait for a time. */
  readonly #due: TimeHeap<T>;
  readonly #keys = new KeyLines();
  #leased = 0;
  #jobs = 0;
  #bytes = 0;
  /** Where the bytes count, too; null for nowhere. */
  count: ByteCount | null = null;
  #heldBytes = 0;

  /** `ordered` says whether jobs of one key run one after the other. */
  constructor(table: JobTable<T>, ordered: boolean) {
    this.#table = table;
    this.#ordered = ordered;
    this.#ready = new ReadyLines(table);
    this.#blocked = new ReadyLine(table);
    this.#due = new TimeHeap(table);
  }

  /** Jobs that can be handed out. */
  get ready(): number {
    return this.#ready.count;
  }

  /** Jobs that wait for a time. */
  get delayed(): number {
    return this.#due.size;
  }

  /** Jobs that wait for another of their key. */
  get blocked(): number {
    return this.#blocked.count;
  }

  /** Jobs that are leased, at their end, or being settled. */
  get leased(): number {
    return this.#leased;
  }

  /** All jobs but those that are leaving. */
  get jobs(): number {
    return this.#jobs;
  }

  /** The bytes of all jobs but those that are leaving. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The bytes of jobs that count as leased and are not leaving: dropping jobs cannot free them. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The time when the next delayed job is due; Infinity when there is none. */
  get soonestMs(): number {
    return this.#due.soonest;
  }

  /** Takes a slot for a job, without a place yet. */
  enter({ id, bytes, priority, key }: Readonly<NewJob>): number {
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
    this.#jobs++;
    this.#add(bytes);
    return slot;
  }

  /** Gives a job that was entered its first place; `dueMs` is 0 when it waits for no time. */
  place(slot: number, dueMs: number): void {
    const { keys, times, states, attempts } = this.#table;
    times[slot] = dueMs;
    const key = keys[slot];
    if (this.#ordered && key !== 0 && !this.#keys.add(key, slot)) {
      states[slot] = JobState.BLOCKED;
      this.#blocked.push(slot);
    } else if (dueMs > 0 || attempts[slot] > 0) this.wait(slot, dueMs);
    else {
      states[slot] = JobState.READY;
      this.#ready.push(slot);
    }
  }

  /** Enters a job that is at its end from the start, so that it counts as leased. */
  placeEnded(slot: number): void {
    const key = this.#table.keys[slot];
    if (this.#ordered && key !== 0) this.#keys.add(key, slot);
    this.#table.states[slot] = JobState.DYING;
    this.takeOut(slot);
  }

  /** Makes a job wait until `dueMs`, or ready when that is 0. */
  wait(slot: number, dueMs: number): void {
    const { times, states } = this.#table;
    times[slot] = dueMs;
    if (dueMs === 0) return this.#makeReady(slot);
    states[slot] = JobState.DELAYED;
    this.#due.put(slot);
  }

  /** Makes a job ready that was not when it came. */
  #makeReady(slot: number): void {
    const { states, times } = this.#table;
    states[slot] = JobState.READY;
    times[slot] = 0;
    this.#ready.putBack(slot);
  }

  /** Takes the next ready job out of its place; there is one. */
  takeReady(): number {
    const slot = this.#ready.pick();
    this.#ready.leave(slot);
    this.takeOut(slot);
    return slot;
  }

  /** The next job that is due at `nowMs`, taken out of its place; NONE when there is none. */
  takeDue(nowMs: number): number {
    if (this.#due.soonest > nowMs) return NONE;
    const slot = this.#due.at(0);
    this.displace(slot);
    return slot;
  }

  /** Takes a job that waits out of its place. */
  displace(slot: number): void {
    const state = this.#table.states[slot];
    if (state === JobState.READY) this.#ready.leave(slot);
    else if (state === JobState.DELAYED) this.#due.remove(slot);
    else this.#blocked.leave(slot);
  }

  /** Counts a job that has no place any more as leased. */
  takeOut(slot: number): void {
    this.#leased++;
    this.#heldBytes += this.#table.bytes[slot];
  }

  /** Counts a job as leased no more; its caller gives it a place. */
  takeBack(slot: number): void {
    this.#leased--;
    this.#heldBytes -= this.#table.bytes[slot];
  }

  /** Makes a job that counts as leased wait again until `dueMs`, or ready when that is 0. */
  putBack(slot: number, dueMs: number): void {
    this.takeBack(slot);
    this.wait(slot, dueMs);
  }

  /** Counts a job out that leaves with the transaction that gathers; its state says so already. */
  leave(slot: number): void {
    const { bytes, states } = this.#table;
    this.#jobs--;
    this.#add(-bytes[slot]);
    if (states[slot] !== JobState.DROPPING) this.#heldBytes -= bytes[slot];
  }

  /** Counts a job in again whose leaving has failed; its state is still that of `leave`. */
  stay(slot: number): void {
    const { bytes, states } = this.#table;
    this.#jobs++;
    this.#add(bytes[slot]);
    if (states[slot] !== JobState.DROPPING) this.#heldBytes += bytes[slot];
  }

  /** Gives a job that stays after it was dropped its place back. */
  replace(slot: number): void {
    const { keys, states, times } = this.#table;
    const key = keys[slot];
    const waits = this.#ordered && key !== 0 && this.#keys.first(key) !== slot;
    if (!waits) return this.wait(slot, times[slot]);
    states[slot] = JobState.BLOCKED;
    this.#blocked.putBack(slot);
  }

  /** Takes a job that never was out of its place: its push has failed. */
  withdraw(slot: number): void {
    this.displace(slot);
    this.#jobs--;
    this.#add(-this.#table.bytes[slot]);
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    if (this.count !== null) this.count.bytes += bytes;
  }

  /** Takes a job that is gone out of the line of its key, whose next job may be handed out now. */
  vacate(slot: number): void {
    const { keys, states, times } = this.#table;
    if (states[slot] === JobState.DONE || states[slot] === JobState.MOVING) this.#leased--;
    const key = keys[slot];
    if (!this.#ordered || key === 0) return;
    const next = this.#keys.remove(key, slot);
    if (next === NONE || states[next] !== JobState.BLOCKED) return;
    this.#blocked.leave(next);
    this.wait(next, times[next]);
  }

  /**
   * The next job to drop: the oldest ready one, otherwise the one that is due next, otherwise the oldest that waits
   * for another of its key. NONE when no job waits.
   */
  oldestFree(): number {
    if (this.#ready.count > 0) return this.#ready.oldest(MAX_PRIORITY);
    return this.#due.size > 0 ? this.#due.at(0) : this.#blocked.first();
  }

  /** The lists, heap and lines themselves: for looking at, not for work. */
  look() {
    const [ready, blocked, due, keys] = [this.#ready, this.#blocked, this.#due, this.#keys];
    return { ready, blocked, due, keys };
  }
}
