/**
 * A line of jobs in the order of their ids, taken from the front. Jobs that were pushed stand in a list of blocks,
 * which is never copied to become longer; jobs that came back stand in a heap beside it.
 *
 * A job that leaves from the middle (dropped, taken back) leaves a stale entry behind, which is passed over when
 * its turn comes. An entry is valid as long as it has the number in the job's column `entries`, which goes up
 * whenever the job comes or goes; so neither the same job nor another one in its slot makes a stale entry valid
 * again. Stale entries are dropped once they are most.
 */
import { numberArray } from "../number_array.ts";
import { type JobTable } from "./job_table.ts";
import { NONE } from "./slot_list.ts";

const FIRST_ENTRIES = 32;
/** The entries of a block of a long line. */
const BLOCK_ENTRIES = 8192;

/** A block of jobs that were pushed one after the other. */
class Block {
  readonly slots: Int32Array;
  readonly entries: Uint32Array;
  /** The place of the first entry, and the place behind the last one. */
  start = 0;
  end = 0;
  next: Block | null = null;

  constructor(size: number) {
    this.slots = numberArray(Int32Array, size);
    this.entries = numberArray(Uint32Array, size);
  }
}

/** A line of jobs. */
export class ReadyLine<T> {
  /** The number of jobs in the line. */
  count = 0;
  readonly #table: JobTable<T>;
  #head = new Block(FIRST_ENTRIES);
  #tail = this.#head;
  /** The number of entries in all blocks, stale ones included. */
  #length = 0;
  #heap = new Int32Array(FIRST_ENTRIES);
  #heapEntries = new Uint32Array(FIRST_ENTRIES);
  #heapIds = new Float64Array(FIRST_ENTRIES);
  #heapLength = 0;

  constructor(table: JobTable<T>) {
    this.#table = table;
  }

  /** Adds a job that was pushed; its id is above that of every job before. */
  push(slot: number): void {
    this.#append(slot, ++this.#table.links.entries[slot]);
    this.count++;
  }

  /** Adds a job that came back, or whose time has come. */
  putBack(slot: number): void {
    if (this.#heapLength === this.#heap.length) this.#makeHeapRoom();
    this.#rise(this.#heapLength++, slot, ++this.#table.links.entries[slot], this.#table.ids[slot]);
    this.count++;
  }

  /** Takes a job out of the line; it need not be the first. */
  leave(slot: number): void {
    this.#table.links.entries[slot]++;
    this.count--;
    if (this.count > 0) return;
    this.#head = this.#tail;
    this.#head.start =
      this.#head.end =
      this.#length =
      this.#heapLength =
        0;
  }

  /** The first job, which stays in the line; NONE when there is none. */
  first(): number {
    if (this.count === 0) return NONE;
    while (this.#length > 0 && !this.#isValid(this.#head, this.#head.start)) this.#dropFirst();
    while (this.#heapLength > 0 && !this.#isHeapValid(0)) this.#popHeap();
    if (this.#length === 0) return this.#heap[0];
    const pushed = this.#head.slots[this.#head.start];
    if (this.#heapLength === 0) return pushed;
    return this.#heapIds[0] < this.#table.ids[pushed] ? this.#heap[0] : pushed;
  }

  /** The jobs of the line, in no order, and the number of entries: for looking at, not for work. */
  look(): { slots: number[]; entries: number } {
    const slots = [];
    for (let block: Block | null = this.#head; block !== null; block = block.next) {
      for (let place = block.start; place < block.end; place++) {
        if (this.#isValid(block, place)) slots.push(block.slots[place]);
      }
    }
    for (let place = 0; place < this.#heapLength; place++) {
      if (this.#isHeapValid(place)) slots.push(this.#heap[place]);
    }
    return { slots, entries: this.#length + this.#heapLength };
  }

  #isValid(block: Block, place: number): boolean {
    return this.#table.links.entries[block.slots[place]] === block.entries[place];
  }

  #isHeapValid(place: number): boolean {
    return this.#table.links.entries[this.#heap[place]] === this.#heapEntries[place];
  }

  #append(slot: number, entry: number): void {
    let tail = this.#tail;
    if (tail.end === tail.slots.length) tail = this.#makeRoom();
    tail.slots[tail.end] = slot;
    tail.entries[tail.end++] = entry;
    this.#length++;
  }

  #dropFirst(): void {
    const head = this.#head;
    this.#length--;
    if (++head.start < head.end) return;
    if (head.next === null) head.start = head.end = 0;
    else this.#head = head.next;
  }

  /** Gives a last block with room; drops stale entries once they are most. */
  #makeRoom(): Block {
    const { slots } = this.#tail;
    if (this.#length > 2 * this.count + slots.length) this.#dropStale();
    if (this.#tail.end < this.#tail.slots.length) return this.#tail;
    this.#tail = this.#tail.next = new Block(Math.min(2 * slots.length, BLOCK_ENTRIES));
    return this.#tail;
  }

  #dropStale(): void {
    const first = this.#head;
    this.#head = this.#tail = new Block(first.slots.length);
    this.#length = 0;
    for (let block: Block | null = first; block !== null; block = block.next) {
      for (let place = block.start; place < block.end; place++) {
        if (this.#isValid(block, place)) this.#append(block.slots[place], block.entries[place]);
      }
    }
  }

  #makeHeapRoom(): void {
    const [heap, entries, ids] = [this.#heap, this.#heapEntries, this.#heapIds];
    const valid = [];
    for (let place = 0; place < this.#heapLength; place++) {
      if (this.#isHeapValid(place)) valid.push(place);
    }
    const size = valid.length > heap.length >>> 1 ? 2 * heap.length : heap.length;
    this.#heap = numberArray(Int32Array, size);
    this.#heapEntries = numberArray(Uint32Array, size);
    this.#heapIds = numberArray(Float64Array, size);
    this.#heapLength = 0;
    for (const place of valid) {
      this.#rise(this.#heapLength++, heap[place], entries[place], ids[place]);
    }
  }

  #rise(place: number, slot: number, entry: number, id: number): void {
    const ids = this.#heapIds;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (ids[parent] <= id) break;
      this.#move(parent, place);
      place = parent;
    }
    this.#heap[place] = slot;
    this.#heapEntries[place] = entry;
    ids[place] = id;
  }

  #popHeap(): void {
    const ids = this.#heapIds;
    const length = --this.#heapLength;
    const id = ids[length];
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= length) break;
      if (child + 1 < length && ids[child + 1] < ids[child]) child++;
      if (ids[child] >= id) break;
      this.#move(child, place);
      place = child;
    }
    this.#move(length, place);
  }

  #move(from: number, to: number): void {
    this.#heap[to] = this.#heap[from];
    this.#heapEntries[to] = this.#heapEntries[from];
    this.#heapIds[to] = this.#heapIds[from];
  }
}
