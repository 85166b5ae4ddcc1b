/**
 * The jobs of one queue as columns: a job is a slot, a small number that another job gets once it is gone.
 *
 * Columns grow by doubling, one after the other before the first is full, and never shrink, so that a job
 * costs no object and a lookup is an index. A column is replaced when it grows, so no caller may keep one.
 * Generations count the leases of a slot over all its jobs and never go back: a slot and a generation name one
 * delivery for ever. Each start of the server begins at another generation, so a token of an earlier run is late.
 */
import { ColumnGrowth, columnOf } from "./column_growth.ts";
import { SlotConsumers } from "./slot_consumers.ts";
import { NONE } from "./slot_list.ts";

/** The states of a job. */
export const JobState = {
  /** The slot has no job. */
  FREE: 0,
  /** The job can be handed out. */
  READY: 1,
  /** The job waits for a time. */
  DELAYED: 2,
  /** The job waits for another job of its key. */
  BLOCKED: 3,
  /** The job's lease is decided, and not durable yet. */
  LEASING: 4,
  /** A consumer holds the job. */
  LEASED: 5,
  /** The job was acknowledged, which is not durable yet. */
  DONE: 6,
  /** The job was given back to be tried again, which is not durable yet. */
  RETRYING: 7,
  /** The job was given back untried, which is not durable yet. */
  RELEASING: 8,
  /** The job is at its end, and is to be moved to the dead letters. */
  DYING: 9,
  /** The job was moved to the dead letters, which is not durable yet. */
  MOVING: 10,
  /** The job was dropped, which is not durable yet. */
  DROPPING: 11,
} as const;

/** Flags of a job. */
export const Flag = {
  /** The job may have been delivered before. */
  REDELIVERED: 1,
  /** The job is at its end, and dies when its time comes. */
  DOOMED: 2,
} as const;

/** The fewest slots. */
const FIRST_SLOTS = 64;
/** The columns of the table that grow. */
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
] as const;

/** The positions of jobs in the lists, lines and heaps of their queue, as columns. */
export class JobLinks {
  /** Neighbours in the list of the jobs that a consumer holds; `next` also links the free slots. */
  next = new Int32Array(FIRST_SLOTS);
  previous = new Int32Array(FIRST_SLOTS);
  /** A number that goes up whenever a job of the slot enters or leaves a ready line. */
  entries = new Uint32Array(FIRST_SLOTS);
  /** The job's place in the time heap that holds it; NONE when none does. */
  places = new Int32Array(FIRST_SLOTS).fill(NONE);
}

/** All that a queue knows of its jobs, as columns. */
export class JobTable<T> {
  ids = new Float64Array(FIRST_SLOTS);
  /** The time when the job is due or its lease ends, by the monotonic clock; 0 when neither applies. */
  times = new Float64Array(FIRST_SLOTS);
  /** The end of the lease that a settlement has ended, while that settlement is not durable. */
  formerTimes = new Float64Array(FIRST_SLOTS);
  keys = new Float64Array(FIRST_SLOTS);
  bytes = new Uint32Array(FIRST_SLOTS);
  generations = new Uint32Array(FIRST_SLOTS);
  attempts = new Uint16Array(FIRST_SLOTS);
  states = new Uint8Array(FIRST_SLOTS);
  priorities = new Uint8Array(FIRST_SLOTS);
  flags = new Uint8Array(FIRST_SLOTS);
  reasons = new Uint8Array(FIRST_SLOTS);
  readonly links = new JobLinks();
  /** The consumer that each job is leased to; null when there is none. */
  readonly consumers = new SlotConsumers<T>();
  readonly #firstGeneration: number;
  #used = 0;
  #free = NONE;
  #jobs = 0;
  readonly #growth: ColumnGrowth = new ColumnGrowth([
    ...COLUMNS.map((name) => columnOf(this, name, 0)),
    columnOf(this.links, "next", 0),
    columnOf(this.links, "previous", 0),
    columnOf(this.links, "entries", 0),
    columnOf(this.links, "places", NONE),
  ]);

  /** `firstGeneration` is the generation of every slot before its first lease. */
  constructor(firstGeneration = 0) {
    this.#firstGeneration = firstGeneration;
  }

  /** Slots from this one on are free, and not in the list of free slots. */
  get used(): number {
    return this.#used;
  }

  /** Takes a free slot for a job. */
  take(): number {
    this.#jobs++;
    const slot = this.#free;
    if (slot !== NONE) {
      this.#free = this.links.next[slot];
      return slot;
    }
    const next = this.#used++;
    if (next >= this.#growth.dueAt) this.#growth.grow(next);
    if (next === this.consumers.length) {
      this.consumers.set(next, null);
      this.generations[next] = this.#firstGeneration;
    }
    return next;
  }

  /**
   * Gives a slot back. Once no slot is taken, slots are taken in ascending order again: successive jobs then lie
   * beside each other, which is several times as fast when they are too many for the caches.
   */
  give(slot: number): void {
    this.states[slot] = JobState.FREE;
    this.flags[slot] = 0;
    this.consumers.set(slot, null);
    this.links.next[slot] = this.#free;
    this.#free = slot;
    if (--this.#jobs > 0) return;
    this.#free = NONE;
    this.#used = 0;
  }
}
