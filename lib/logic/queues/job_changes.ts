/**
 * The decisions about jobs that are not durable yet: each is carried out when its transaction is committed, and
 * taken back when that has failed.
 *
 * Decisions are taken back in reverse, so each finds its job as it left it. A transaction that is taken back
 * takes those behind it along, so a push that is taken back has no lease that was not taken back before it.
 */
import { Change, ChangeLog } from "./change_log.ts";
import type { JobLeases } from "./job_leases.ts";
import type { JobPlaces } from "./job_places.ts";
import { Flag, JobState, type JobTable } from "./job_table.ts";
import type { WorkQueueEffects } from "./options.ts";

/** The parts of a queue that its changes are carried out on. */
export interface ChangedParts<T> {
  readonly table: JobTable<T>;
  readonly places: JobPlaces<T>;
  readonly leases: JobLeases<T>;
  readonly effects: WorkQueueEffects<T>;
}

/** The changes of one queue that are not durable. */
export class JobChanges<T> {
  readonly #table: JobTable<T>;
  readonly #places: JobPlaces<T>;
  readonly #leases: JobLeases<T>;
  readonly #effects: WorkQueueEffects<T>;
  readonly #log = new ChangeLog();

  constructor({ table, places, leases, effects }: ChangedParts<T>) {
    this.#table = table;
    this.#places = places;
    this.#leases = leases;
    this.#effects = effects;
  }

  /** Enters a change into the transaction that gathers; `kind` is one of Change. */
  add(slot: number, kind: number): void {
    this.#log.gathering.add(slot, kind);
  }

  /** Ends the transaction that gathers: it is on its way, and another begins. */
  seal(): void {
    this.#log.seal();
  }

  /** Carries out the changes of the oldest transaction on its way, which is durable. */
  committed(nowMs: number): void {
    const changes = this.#log.takeOldest();
    if (changes === undefined) return;
    for (let index = 0; index < changes.length; index++) {
      this.#commit(changes.slotAt(index), changes.kindAt(index), nowMs);
    }
    this.#log.reuse(changes);
  }

  /** Takes back the changes of all transactions on their way, which have failed, and those that gather. */
  failed(): void {
    for (const changes of this.#log.takeAll()) {
      for (let index = changes.length - 1; index >= 0; index--) {
        this.#undo(changes.slotAt(index), changes.kindAt(index));
      }
    }
  }

  #commit(slot: number, kind: number, nowMs: number): void {
    const { states, flags, times, attempts, consumers } = this.#table;
    switch (kind) {
      case Change.PUSH:
        return;
      case Change.LEASE:
        return this.#leases.begin(slot, nowMs);
      case Change.RETRY:
        flags[slot] |= Flag.REDELIVERED;
        consumers.set(slot, null);
        return this.#places.putBack(slot, times[slot] > nowMs ? times[slot] : 0);
      case Change.RELEASE:
        flags[slot] |= Flag.REDELIVERED;
        consumers.set(slot, null);
        attempts[slot]--;
        return this.#places.putBack(slot, 0);
      case Change.DIE:
        consumers.set(slot, null);
        return;
      case Change.DONE:
      case Change.MOVE:
      case Change.DROP:
        return this.#free(slot);
      default:
        throw new Error(`${states[slot]} knows no change ${kind}`);
    }
  }

  #undo(slot: number, kind: number): void {
    switch (kind) {
      case Change.PUSH:
        this.#places.withdraw(slot);
        return this.#free(slot);
      case Change.LEASE:
        return this.#leases.undecide(slot);
      case Change.DONE:
        this.#stay(slot);
        return this.#leases.resume(slot);
      case Change.RETRY:
      case Change.RELEASE:
      case Change.DIE:
        return this.#leases.resume(slot);
      case Change.MOVE:
        this.#stay(slot);
        this.#table.states[slot] = JobState.DYING;
        return;
      default:
        this.#stay(slot);
        return this.#places.replace(slot);
    }
  }

  /** Keeps a job that was leaving. */
  #stay(slot: number): void {
    this.#places.stay(slot);
    this.#effects.staying(slot);
  }

  /** Frees the slot of a job that is gone. */
  #free(slot: number): void {
    this.#places.vacate(slot);
    this.#effects.freed(slot);
    this.#table.give(slot);
  }
}
