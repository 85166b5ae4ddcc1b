/**
 * The places of jobs: ready, waiting for a time, or behind another of their key; and how many there are of
 * each. A job that is out, at its end or being settled has none of these and counts as leased.
 */
import { JobState } from "./job_table.ts";
import { JobViews } from "./job_views.ts";
import { KeyLines } from "./key_lines.ts";
import { MAX_PRIORITY, type WorkQueueOptions } from "./options.ts";
import { ReadyLine } from "./ready_line.ts";
import { ReadyLines } from "./ready_lines.ts";
import { TimeHeap } from "./time_heap.ts";

/** Jobs in their places. */
export class JobPlaces<T> extends JobViews<T> {
  readonly options: WorkQueueOptions;
  /** Jobs that wait for a time. */
  delayed = 0;
  /** Jobs that are out, at their end, or being settled. */
  leased = 0;
  /** All jobs but those that are leaving. */
  jobs = 0;
  /** Their bytes. */
  bytes = 0;

  protected readonly readyLines = new ReadyLines<T>(this.table);
  /** Those that wait for another of their key. */
  protected readonly blockedLine = new ReadyLine<T>(this.table);
  /** Those that wait for a time, and those whose lease ends at one. */
  protected readonly due = new TimeHeap<T>(this.table);
  protected readonly leases = new TimeHeap<T>(this.table);
  protected readonly keys = new KeyLines();
  /** The bytes of jobs that count as leased and are not leaving: what no drop can free. */
  protected heldBytes = 0;

  constructor(options: WorkQueueOptions) {
    super();
    this.options = options;
  }

  /** Jobs that can be handed out. */
  get ready(): number {
    return this.readyLines.count;
  }

  /** Jobs that wait for another of their key. */
  get blocked(): number {
    return this.blockedLine.count;
  }

  /** Takes in a job, without a place yet. */
  protected enter(id: number, bytes: number, priority: number, key: number): number {
    const table = this.table;
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
  protected place(slot: number, dueMs: number): void {
    const { keys, times, states, attempts } = this.table;
    times[slot] = dueMs;
    const key = keys[slot];
    if (this.options.ordered && key !== 0 && !this.keys.add(key, slot)) {
      states[slot] = JobState.BLOCKED;
      this.blockedLine.push(slot);
    } else if (dueMs > 0 || attempts[slot] > 0) this.wait(slot, dueMs);
    else {
      states[slot] = JobState.READY;
      this.readyLines.push(slot);
    }
  }

  /** Has a job wait for its time, or makes it ready when it has none. */
  protected wait(slot: number, dueMs: number): void {
    const { times, states } = this.table;
    times[slot] = dueMs;
    if (dueMs === 0) return this.makeReady(slot);
    states[slot] = JobState.DELAYED;
    this.delayed++;
    this.due.put(slot);
  }

  /** Makes a job ready that was not when it came. */
  protected makeReady(slot: number): void {
    const { states, times } = this.table;
    states[slot] = JobState.READY;
    times[slot] = 0;
    this.readyLines.putBack(slot);
  }

  /** Takes a job that nobody holds out of its place. */
  protected displace(slot: number): void {
    const { states } = this.table;
    const state = states[slot];
    if (state === JobState.READY) {
      this.readyLines.leave(slot);
    } else if (state === JobState.DELAYED) {
      this.delayed--;
      this.due.remove(slot);
    } else this.blockedLine.leave(slot);
  }

  /** A job has no place any more: it is out, or at its end. */
  protected takeOut(slot: number): void {
    this.leased++;
    this.heldBytes += this.table.bytes[slot];
  }

  /** A job that was out is to have a place again. */
  protected takeBack(slot: number): void {
    this.leased--;
    this.heldBytes -= this.table.bytes[slot];
  }

  /**
   * A job that nobody holds: the oldest ready one, otherwise the one that is due next, otherwise the oldest that
   * waits for another of its key. NONE when there is none.
   */
  protected oldestFree(): number {
    if (this.ready > 0) return this.readyLines.oldest(MAX_PRIORITY);
    return this.delayed > 0 ? this.due.at(0) : this.blockedLine.first();
  }

  /** Whether the job was delivered as often as it may be. */
  protected isLast(slot: number): boolean {
    const { maxDeliveries } = this.options;
    return maxDeliveries > 0 && this.table.attempts[slot] >= maxDeliveries;
  }
}
