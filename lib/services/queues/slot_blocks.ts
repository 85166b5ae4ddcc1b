/**
 * Blocks of slots, cut from pages: the slots of the jobs of each chunk, for all queues of a server.
 *
 * A block has a power of two of places, so that one that is given back serves the next chunk of its size. Pages are
 * memory in which the garbage collector looks for nothing, are never copied, and stay for what comes next.
 */
import { numberArray } from "../../logic/number_array.ts";
import { MAX_CHUNK_JOBS } from "../../ports/job_log.ts";

const PAGE_BITS = 14;
const PAGE_PLACES = 1 << PAGE_BITS;
/** The sizes of blocks, as powers of two. */
const SIZES = 1 + Math.ceil(Math.log2(MAX_CHUNK_JOBS));
const NO_BLOCK = -1;

/** The smallest power of two, as an exponent, that is at least `count`. */
function sizeFor(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}

/** Blocks of slots. A block is known by its first place. */
export class SlotBlocks {
  readonly #pages: Int32Array[] = [];
  /** The place behind the last block of the last page. */
  #end = 0;
  /** The first free block of each size; each free block has the next one in its first place. */
  readonly #free = new Int32Array(SIZES).fill(NO_BLOCK);

  /** The number of places in all pages; tests look at it. */
  get places(): number {
    return this.#pages.length * PAGE_PLACES;
  }

  /** A block of at least `count` places, at most MAX_CHUNK_JOBS, with any content. */
  take(count: number): number {
    const size = sizeFor(count);
    const free = this.#free[size];
    if (free !== NO_BLOCK) {
      this.#free[size] = this.get(free);
      return free;
    }
    const page = PAGE_PLACES * this.#pages.length;
    // No block reaches over the end of its page.
    if (this.#end + (1 << size) > page) {
      this.#pages.push(numberArray(Int32Array, PAGE_PLACES));
      this.#end = page;
    }
    const block = this.#end;
    this.#end += 1 << size;
    return block;
  }

  /** Takes back a block that was taken for `count` places. */
  give(block: number, count: number): void {
    const size = sizeFor(count);
    this.set(block, this.#free[size]);
    this.#free[size] = block;
  }

  /** Moves the first `used` places of a block of `count` into a smaller one, if one suffices; gives where they are. */
  shrink(block: number, count: number, used: number): number {
    if (sizeFor(used) === sizeFor(count)) return block;
    const smaller = this.take(used);
    for (let place = 0; place < used; place++) this.set(smaller + place, this.get(block + place));
    this.give(block, count);
    return smaller;
  }

  get(place: number): number {
    return this.#pages[place >>> PAGE_BITS][place & PAGE_PLACES - 1];
  }

  set(place: number, slot: number): void {
    this.#pages[place >>> PAGE_BITS][place & PAGE_PLACES - 1] = slot;
  }
}
