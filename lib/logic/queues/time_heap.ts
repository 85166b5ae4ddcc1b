/**
 * A binary heap of jobs by their times (due, or end of lease), soonest first. It knows the place of each slot, so
 * that any job is taken out in logarithmic time.
 */
import { numberArray } from "../number_array.ts";
import { type JobTable } from "./job_table.ts";
import { NONE } from "./slot_list.ts";

const FIRST_PLACES = 64;

/** A heap of slots by their times. */
export class TimeHeap<T> {
  size = 0;
  readonly #table: JobTable<T>;
  #slots = new Int32Array(FIRST_PLACES);

  constructor(table: JobTable<T>) {
    this.#table = table;
  }

  /** The slot at a place of the heap; the soonest is at place 0. */
  at(place: number): number {
    return this.#slots[place];
  }

  /** The soonest time; Infinity when the heap is empty. */
  get soonest(): number {
    return this.size === 0 ? Infinity : this.#table.times[this.#slots[0]];
  }

  /** Adds a slot by its present time, or moves it when its time has changed. */
  put(slot: number): void {
    let place = this.#table.links.places[slot];
    if (place === NONE) {
      if (this.size === this.#slots.length) {
        const larger = numberArray(Int32Array, 2 * this.size);
        larger.set(this.#slots);
        this.#slots = larger;
      }
      place = this.size++;
    }
    this.#sink(this.#rise(place, slot), slot);
  }

  /** Takes out a slot; does nothing when it is not in the heap. */
  remove(slot: number): void {
    const { places } = this.#table.links;
    const place = places[slot];
    if (place === NONE) return;
    places[slot] = NONE;
    const last = this.#slots[--this.size];
    if (last === slot) return;
    this.#sink(this.#rise(place, last), last);
  }

  /** Moves slots that are later than `slot` down from `place`; gives the place that is free for it. */
  #rise(place: number, slot: number): number {
    const { times, links: { places } } = this.#table;
    const slots = this.#slots;
    const time = times[slot];
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      const above = slots[parent];
      if (times[above] <= time) break;
      slots[place] = above;
      places[above] = place;
      place = parent;
    }
    return place;
  }

  /** Moves slots that are sooner than `slot` up to `place`, and puts `slot` where it then belongs. */
  #sink(place: number, slot: number): void {
    const { times, links: { places } } = this.#table;
    const slots = this.#slots;
    const time = times[slot];
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && times[slots[child + 1]] < times[slots[child]]) child++;
      const below = slots[child];
      if (times[below] >= time) break;
      slots[place] = below;
      places[below] = place;
      place = child;
    }
    slots[place] = slot;
    places[slot] = place;
  }
}
