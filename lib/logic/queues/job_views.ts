/**
 * The jobs of a queue as its host sees them, slot by slot. Reads the table and changes nothing.
 */
import type { Consumer } from "./consumer.ts";
import { Flag, JobState, type JobTable } from "./job_table.ts";
import { DeathReason, DurableState, type LeaseToken } from "./options.ts";

/** The jobs of one queue, to be looked at. */
export class JobViews<T> {
  readonly #table: JobTable<T>;

  constructor(table: JobTable<T>) {
    this.#table = table;
  }

  id(slot: number): number {
    return this.#table.ids[slot];
  }

  /** The state of the job, one of JobState. */
  state(slot: number): number {
    return this.#table.states[slot];
  }

  priority(slot: number): number {
    return this.#table.priorities[slot];
  }

  /** The number of times that the job was leased. */
  attempts(slot: number): number {
    return this.#table.attempts[slot];
  }

  /** The bytes of the job. */
  sizeOf(slot: number): number {
    return this.#table.bytes[slot];
  }

  /** The number that stands for the job's key; 0 when it has none. */
  keyOf(slot: number): number {
    return this.#table.keys[slot];
  }

  /** The time when the job is due, or when its lease ends, by the monotonic clock. */
  timeMs(slot: number): number {
    return this.#table.times[slot];
  }

  generation(slot: number): number {
    return this.#table.generations[slot];
  }

  /** Whether the job may have been delivered before the present delivery. */
  redelivered(slot: number): boolean {
    const { states, flags } = this.#table;
    // What is being given back was delivered: a crash must not take that mark away.
    return (flags[slot] & Flag.REDELIVERED) !== 0 || states[slot] === JobState.RETRYING ||
      states[slot] === JobState.RELEASING;
  }

  /** Whether the job waits in the queue: no consumer holds it, and no decision about it is under way. */
  isFree(slot: number): boolean {
    const state = this.#table.states[slot];
    return state === JobState.READY || state === JobState.DELAYED || state === JobState.BLOCKED;
  }

  /** The consumer that the job is leased to; null when there is none, or it has gone. */
  holder(slot: number): Consumer<T> | null {
    return this.#table.consumers.get(slot);
  }

  /** Whether the slot is leased in this generation. */
  isLeased(slot: number, generation: number): boolean {
    const { states, generations } = this.#table;
    return states[slot] === JobState.LEASED && generations[slot] === generation;
  }

  /** Whether the job is still leased to the consumer of a token, in its generation. */
  isHeld({ consumer, slot, generation }: Readonly<LeaseToken<T>>): boolean {
    return slot >= 0 && slot < this.#table.used && this.isLeased(slot, generation) &&
      this.#table.consumers.get(slot) === consumer;
  }

  /** The state to store with the transaction that gathers. */
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
      case JobState.MOVING:
      case JobState.DROPPING:
        return DurableState.GONE;
      default:
        return DurableState.READY;
    }
  }

  /** The number of attempts to store with the transaction that gathers. */
  durableAttempts(slot: number): number {
    const { attempts, states } = this.#table;
    return states[slot] === JobState.RELEASING ? attempts[slot] - 1 : attempts[slot];
  }
}
