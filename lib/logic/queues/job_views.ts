/**
 * What is known of the jobs of one queue, slot by slot, for the machine's host.
 */
import type { Consumer } from "./consumer.ts";
import { Flag, JobState, JobTable } from "./job_table.ts";
import { DeathReason, DurableState } from "./options.ts";

/** The jobs, to be looked at. */
export class JobViews<T> {
  /** The columns; for the machine alone. */
  protected readonly table = new JobTable<T>();

  id(slot: number): number {
    return this.table.ids[slot];
  }

  state(slot: number): number {
    return this.table.states[slot];
  }

  priority(slot: number): number {
    return this.table.priorities[slot];
  }

  /** How often it was leased. */
  attempts(slot: number): number {
    return this.table.attempts[slot];
  }

  sizeOf(slot: number): number {
    return this.table.bytes[slot];
  }

  /** The number that stands for its key; 0 when it has none. */
  keyOf(slot: number): number {
    return this.table.keys[slot];
  }

  /** When it is due, or when its lease ends. */
  timeMs(slot: number): number {
    return this.table.times[slot];
  }

  generation(slot: number): number {
    return this.table.generations[slot];
  }

  /** Whether it may have been delivered before this delivery. */
  redelivered(slot: number): boolean {
    const { states, flags } = this.table;
    // What is being given back was delivered: a crash must not take that mark away.
    return (flags[slot] & Flag.REDELIVERED) !== 0 || states[slot] === JobState.RETRYING ||
      states[slot] === JobState.RELEASING;
  }

  /** Whether nobody holds it, and it is not on its way. */
  isFree(slot: number): boolean {
    const state = this.table.states[slot];
    return state === JobState.READY || state === JobState.DELAYED || state === JobState.BLOCKED;
  }

  /** Whose it is; null when it is nobody's, or of one that is gone. */
  holder(slot: number): Consumer<T> | null {
    return this.table.consumers.get(slot);
  }

  /** Whether this lease of the slot goes on. */
  isLeased(slot: number, generation: number): boolean {
    const { states, generations } = this.table;
    return states[slot] === JobState.LEASED && generations[slot] === generation;
  }

  /** Whether it is this consumer's. */
  isHeldBy(consumer: Consumer<T>, slot: number, generation: number): boolean {
    return slot >= 0 && slot < this.table.used && this.isLeased(slot, generation) &&
      this.table.consumers.get(slot) === consumer;
  }

  /** What is to be kept of where it stands once the transaction that gathers is committed. */
  durableState(slot: number): DurableState {
    const { states, times, flags, reasons } = this.table;
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
    const { attempts, states } = this.table;
    return states[slot] === JobState.RELEASING ? attempts[slot] - 1 : attempts[slot];
  }
}
