/**
 * The jobs of one queue as columns: a job is a slot, a small number that is used again after it.
 *
 * Columns grow by doubling, one after the other before the first is full, and never shrink, so that a job
 * costs no object and a lookup is an index. Columns are replaced when they grow: nobody keeps one. Generations count the leases of a slot,
 * over all its jobs, and are never set back: with the slot they name one delivery for ever. They begin
 * somewhere else with each start, so that a token from before it is late, too.
 */
import { ColumnGrowth } from "./column_growth.ts";
import type { Consumer } from "./consumer.ts";
import { NONE, SlotList } from "./slot_list.ts";

/** Where a job stands. */
export const JobState = {
  /** No job. */
  FREE: 0,
  /** Can be handed out. */
  READY: 1,
  /** Waits for a time. */
  DELAYED: 2,
  /** Waits for another job of its key. */
  BLOCKED: 3,
  /** Its lease is decided, and not durable yet. */
  LEASING: 4,
  /** A consumer holds it. */
  LEASED: 5,
  /** Acknowledged, and that is not durable yet. */
  DONE: 6,
  /** Given back to be tried again, and that is not durable yet. */
  RETRYING: 7,
  /** Given back untried, and that is not durable yet. */
  RELEASING: 8,
  /** At its end; waits for its burial. */
  DYING: 9,
  /** Its burial is not durable yet. */
  BURYING: 10,
  /** Dropped, and that is not durable yet. */
  DROPPING: 11,
} as const;

/** Flags of a job. */
export const Flag = {
  /** It may have been delivered before. */
  REDELIVERED: 1,
  /** It dies when its time has come. */
  DOOMED: 2,
} as const;

/** The fewest slots. */
const FIRST_SLOTS = 64;
/** The columns that grow. */
const COLUMNS = [
  "ids",
  "times",
  "formerTimes",
  "keys",
  "bytes",
  "generations",
  "attempts",
  "states",
  "priorities",
  "flags",
  "reasons",
  "next",
  "previous",
  "entries",
  "places",
] as const;

/** The columns. */
export class JobTable<T> {
  ids = new Float64Array(FIRST_SLOTS);
  /** Due or end of lease, by the monotonic clock; 0 when there is neither. */
  times = new Float64Array(FIRST_SLOTS);
  /** The end of the lease that a settlement under way would end. */
  formerTimes = new Float64Array(FIRST_SLOTS);
  keys = new Float64Array(FIRST_SLOTS);
  bytes = new Uint32Array(FIRST_SLOTS);
  generations = new Uint32Array(FIRST_SLOTS);
  attempts = new Uint16Array(FIRST_SLOTS);
  states = new Uint8Array(FIRST_SLOTS);
  priorities = new Uint8Array(FIRST_SLOTS);
  flags = new Uint8Array(FIRST_SLOTS);
  reasons = new Uint8Array(FIRST_SLOTS);
  /** Neighbours in the list of what a consumer holds; `next` links free slots, too. */
  next = new Int32Array(FIRST_SLOTS);
  previous = new Int32Array(FIRST_SLOTS);
  /** Goes up whenever the job enters or leaves a line, over all jobs of the slot. */
  entries = new Uint32Array(FIRST_SLOTS);
  /** Its place in the heap of times that it is in. */
  places = new Int32Array(FIRST_SLOTS).fill(NONE);
  readonly consumers = new SlotList<Consumer<T> | null>();
  /** Slots from here on are free, and not in the list of free ones. */
  used = 0;
  /** What the generation of a slot is before its first lease. */
  firstGeneration = 0;
  #free = NONE;
  #jobs = 0;
  readonly #growth: ColumnGrowth<typeof COLUMNS[number]> = new ColumnGrowth(
    this,
    COLUMNS,
    (name) => name === "places" ? NONE : 0,
  );

  /** A slot for a job. */
  take(): number {
    this.#jobs++;
    const slot = this.#free;
    if (slot !== NONE) {
      this.#free = this.next[slot];
      return slot;
    }
    if (this.used >= this.#growth.dueAt) this.#growth.grow(this.used);
    if (this.used === this.consumers.length) {
      this.consumers.set(this.used, null);
      this.generations[this.used] = this.firstGeneration;
    }
    return this.used++;
  }

  /**
   * Gives a slot back. When it was the last, slots are given in their order again: jobs that follow each
   * other then lie beside each other, which is several times as fast once they are too many for the caches.
   */
  give(slot: number): void {
    this.states[slot] = JobState.FREE;
    this.flags[slot] = 0;
    this.consumers.set(slot, null);
    this.next[slot] = this.#free;
    this.#free = slot;
    if (--this.#jobs > 0) return;
    this.#free = NONE;
    this.used = 0;
  }
}
