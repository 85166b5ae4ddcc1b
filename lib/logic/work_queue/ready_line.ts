/**
 * The jobs of one priority that can be handed out, in the order of their ids: those that were pushed in a
 * ring, those that came back in a heap beside it.
 *
 * What is taken out in between (dropped, undone) stays as an entry that no longer counts, and is passed over
 * when its turn comes; entries that no longer count are never more than those that do, and a few.
 */
import { Flag, JobState, type JobTable, NONE } from "./job_table.ts";

const FIRST_ENTRIES = 32;

/** One line. */
export class ReadyLine<T> {
  /** How many jobs can be handed out. */
  count = 0;
  readonly #table: JobTable<T>;
  #ring = new Int32Array(FIRST_ENTRIES);
  #ringIds = new Float64Array(FIRST_ENTRIES);
  #head = 0;
  #length = 0;
  #heap = new Int32Array(FIRST_ENTRIES);
  #heapIds = new Float64Array(FIRST_ENTRIES);
  #heapLength = 0;

  constructor(table: JobTable<T>) {
    this.#table = table;
  }

  /** Takes in a job that was pushed; its id is above that of all before. */
  push(slot: number): void {
    if (this.#length === this.#ring.length) this.#makeRoom();
    const place = (this.#head + this.#length++) & (this.#ring.length - 1);
    this.#ring[place] = slot;
    this.#ringIds[place] = this.#table.ids[slot];
    this.#table.flags[slot] |= Flag.FRESH;
    this.count++;
  }

  /** Takes in a job that came back, or whose time has come. */
  putBack(slot: number): void {
    this.count++;
    this.#table.flags[slot] &= ~Flag.FRESH;
    if (this.#heapLength === this.#heap.length) this.#makeHeapRoom();
    this.#rise(this.#heapLength++, slot, this.#table.ids[slot]);
  }

  /** Says that a job is no longer ready; it need not be the first. */
  leave(slot: number): void {
    this.count--;
    this.#table.flags[slot] &= ~Flag.FRESH;
    if (this.count > 0) return;
    this.#head = this.#length = this.#heapLength = 0;
  }

  /** The first job; NONE when there is none. It stays. */
  first(): number {
    if (this.count === 0) return NONE;
    while (this.#length > 0 && !this.#isFresh(this.#head)) {
      this.#head = (this.#head + 1) & (this.#ring.length - 1);
      this.#length--;
    }
    while (this.#heapLength > 0 && !this.#isBack(0)) this.#popHeap();
    if (this.#length === 0) return this.#heapLength === 0 ? NONE : this.#heap[0];
    if (this.#heapLength === 0) return this.#ring[this.#head];
    return this.#heapIds[0] < this.#ringIds[this.#head] ? this.#heap[0] : this.#ring[this.#head];
  }

  #isFresh(place: number): boolean {
    const slot = this.#ring[place];
    const { states, flags, ids } = this.#table;
    return states[slot] === JobState.READY && (flags[slot] & Flag.FRESH) !== 0 &&
      ids[slot] === this.#ringIds[place];
  }

  #isBack(place: number): boolean {
    const slot = this.#heap[place];
    const { states, flags, ids } = this.#table;
    return states[slot] === JobState.READY && (flags[slot] & Flag.FRESH) === 0 &&
      ids[slot] === this.#heapIds[place];
  }

  /** Drops entries that no longer count, or grows when that does not free half. */
  #makeRoom(): void {
    const mask = this.#ring.length - 1;
    let kept = 0;
    for (let index = 0; index < this.#length; index++) {
      const from = (this.#head + index) & mask;
      if (!this.#isFresh(from)) continue;
      const to = (this.#head + kept++) & mask;
      this.#ring[to] = this.#ring[from];
      this.#ringIds[to] = this.#ringIds[from];
    }
    this.#length = kept;
    if (kept <= mask >>> 1) return;
    const size = 2 * this.#ring.length;
    const ring = new Int32Array(size);
    const ids = new Float64Array(size);
    for (let index = 0; index < kept; index++) {
      const from = (this.#head + index) & mask;
      ring[index] = this.#ring[from];
      ids[index] = this.#ringIds[from];
    }
    this.#ring = ring;
    this.#ringIds = ids;
    this.#head = 0;
  }

  #makeHeapRoom(): void {
    const heap = this.#heap;
    const ids = this.#heapIds;
    const length = this.#heapLength;
    const valid = [];
    for (let place = 0; place < length; place++) if (this.#isBack(place)) valid.push(place);
    if (valid.length > heap.length >>> 1) {
      this.#heap = new Int32Array(2 * heap.length);
      this.#heapIds = new Float64Array(2 * heap.length);
    } else {
      this.#heap = new Int32Array(heap.length);
      this.#heapIds = new Float64Array(heap.length);
    }
    this.#heapLength = 0;
    for (const place of valid) this.#rise(this.#heapLength++, heap[place], ids[place]);
  }

  #rise(place: number, slot: number, id: number): void {
    const heap = this.#heap;
    const ids = this.#heapIds;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (ids[parent] <= id) break;
      heap[place] = heap[parent];
      ids[place] = ids[parent];
      place = parent;
    }
    heap[place] = slot;
    ids[place] = id;
  }

  #popHeap(): void {
    const heap = this.#heap;
    const ids = this.#heapIds;
    const length = --this.#heapLength;
    const slot = heap[length];
    const id = ids[length];
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= length) break;
      if (child + 1 < length && ids[child + 1] < ids[child]) child++;
      if (ids[child] >= id) break;
      heap[place] = heap[child];
      ids[place] = ids[child];
      place = child;
    }
    heap[place] = slot;
    ids[place] = id;
  }
}
