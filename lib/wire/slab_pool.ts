/**
 * Buffers for what waits to leave a server, or has come and is no whole message yet: memory that goes back to
 * the system as soon as nobody holds it.
 *
 * Buffers are cut from slabs. A slab is so large that every allocator maps it by itself, so its pages count
 * only once they are touched, and all of them are gone when it is freed; buffers allocated one by one end in
 * holes of a heap that never shrinks, and as garbage that an idle collector leaves where it is. The first
 * slab with room is always taken, so that the others empty.
 *
 * Invariants: a buffer lies in one slab and overlaps no other that is lent; `heldBytes` is what is lent, as
 * memory and not as what was asked for. A few returned buffers of each usual size are kept at hand, because
 * touched pages are quicker; `trim` parts with those. A buffer larger than a slab is one of its own.
 * Non-goals: clearing buffers, so a buffer comes with any content; finding out who never gives one back.
 */
import { assert } from "../base/errors.ts";

/** A buffer of plain memory. */
export type Buffer = Uint8Array<ArrayBuffer>;

/** Lends buffers and takes them back. */
export interface Buffers {
  /** A buffer of at least `bytes` bytes with any content. */
  take(bytes: number): Buffer;
  /** Takes back a buffer that nobody uses any more. */
  give(buffer: Buffer): void;
}

/** The unit of a slab. */
const BLOCK_BYTES = 64 * 1024;
/** From this size on, glibc maps an allocation by itself, whatever it has learned from others before. */
const SLAB_BYTES = 32 * 1024 * 1024;
const BLOCKS = SLAB_BYTES / BLOCK_BYTES;
/** The sizes below a block; several of one size share a block. */
const SMALL_SIZES = [4 * 1024, 16 * 1024] as const;
/** The sizes that are kept at hand. */
const KEPT_SIZES = [...SMALL_SIZES, BLOCK_BYTES, 2 * BLOCK_BYTES, 4 * BLOCK_BYTES] as const;
/** The most bytes that are kept at hand in each size. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** A block that is cut into buffers of one small size. */
interface CutBlock {
  readonly slab: Slab;
  readonly offset: number;
  readonly size: number;
  readonly free: number[];
}

/** One allocation. */
interface Slab {
  readonly memory: ArrayBuffer;
  /** For each block 1 when it is lent, or cut. */
  readonly used: Uint8Array;
  readonly cut: Map<number, CutBlock>;
  freeBlocks: number;
}

/** Buffers of one server. */
export class SlabPool implements Buffers {
  /** The bytes that are lent. */
  heldBytes = 0;
  readonly #slabs: Slab[] = [];
  readonly #byMemory = new Map<ArrayBuffer, Slab>();
  readonly #kept: Buffer[][] = KEPT_SIZES.map(() => []);
  /** Blocks of each small size that have room. */
  readonly #withRoom: Set<CutBlock>[] = SMALL_SIZES.map(() => new Set());
  #takenSinceTrim = false;

  /** The bytes of all slabs, touched or not; tests look at it. */
  get slabBytes(): number {
    return this.#slabs.length * SLAB_BYTES;
  }

  take(bytes: number): Buffer {
    this.#takenSinceTrim = true;
    for (let index = 0; index < KEPT_SIZES.length; index++) {
      const size = KEPT_SIZES[index];
      if (bytes > size) continue;
      this.heldBytes += size;
      return this.#kept[index].pop() ??
        (index < SMALL_SIZES.length ? this.#cutSmall(index) : this.#cutBlocks(size / BLOCK_BYTES));
    }
    const blocks = Math.ceil(bytes / BLOCK_BYTES);
    this.heldBytes += blocks * BLOCK_BYTES;
    return blocks > BLOCKS ? new Uint8Array(blocks * BLOCK_BYTES) : this.#cutBlocks(blocks);
  }

  give(buffer: Buffer): void {
    this.heldBytes -= buffer.length;
    for (let index = 0; index < KEPT_SIZES.length; index++) {
      if (buffer.length !== KEPT_SIZES[index]) continue;
      const kept = this.#kept[index];
      if ((kept.length + 1) * buffer.length > KEPT_BYTES) break;
      kept.push(buffer);
      return;
    }
    this.#release(buffer);
  }

  /**
   * Parts with the buffers that are kept at hand, so that slabs which only they held go back to the system.
   * To be called every few seconds: one slab stays while buffers are taken at all.
   */
  trim(): void {
    for (const kept of this.#kept) for (const buffer of kept.splice(0)) this.#release(buffer);
    if (!this.#takenSinceTrim) this.#freeEmpty(0);
    this.#takenSinceTrim = false;
  }

  /** A run of free blocks in the first slab that has one. */
  #cutBlocks(blocks: number): Buffer {
    for (const slab of this.#slabs) {
      if (slab.freeBlocks < blocks) continue;
      const at = freeRun(slab.used, blocks);
      if (at >= 0) return cut(slab, at, blocks);
    }
    const slab: Slab = {
      memory: new ArrayBuffer(SLAB_BYTES),
      used: new Uint8Array(BLOCKS),
      cut: new Map(),
      freeBlocks: BLOCKS,
    };
    this.#slabs.push(slab);
    this.#byMemory.set(slab.memory, slab);
    return cut(slab, 0, blocks);
  }

  #cutSmall(index: number): Buffer {
    const size = SMALL_SIZES[index];
    const withRoom = this.#withRoom[index];
    for (const block of withRoom) {
      const offset = block.free.pop()!;
      if (block.free.length === 0) withRoom.delete(block);
      return new Uint8Array(block.slab.memory, offset, size);
    }
    const { buffer, byteOffset: offset } = this.#cutBlocks(1);
    const slab = this.#byMemory.get(buffer)!;
    const free: number[] = [];
    for (let at = BLOCK_BYTES - size; at > 0; at -= size) free.push(offset + at);
    const block = { slab, offset, size, free };
    slab.cut.set(offset / BLOCK_BYTES, block);
    withRoom.add(block);
    return new Uint8Array(buffer, offset, size);
  }

  /** Gives a buffer back to its slab. */
  #release(buffer: Buffer): void {
    const slab = this.#byMemory.get(buffer.buffer);
    if (slab === undefined) return freeMemory(buffer.buffer);
    const block = Math.floor(buffer.byteOffset / BLOCK_BYTES);
    if (buffer.length >= BLOCK_BYTES) return this.#free(slab, block, buffer.length / BLOCK_BYTES);
    const cutBlock = slab.cut.get(block)!;
    const withRoom = this.#withRoom[SMALL_SIZES.indexOf(cutBlock.size as typeof SMALL_SIZES[0])];
    cutBlock.free.push(buffer.byteOffset);
    if (cutBlock.free.length < BLOCK_BYTES / cutBlock.size) withRoom.add(cutBlock);
    else {
      withRoom.delete(cutBlock);
      slab.cut.delete(block);
      this.#free(slab, block, 1);
    }
  }

  #free(slab: Slab, block: number, blocks: number): void {
    assert(slab.used[block] === 1, "a buffer is given back once");
    slab.used.fill(0, block, block + blocks);
    slab.freeBlocks += blocks;
    // One that is empty stays for what comes next.
    if (slab.freeBlocks === BLOCKS) this.#freeEmpty(1);
  }

  /** Frees the slabs that hold nothing, but for the first `spare` of them. */
  #freeEmpty(spare: number): void {
    for (let index = 0; index < this.#slabs.length; index++) {
      const slab = this.#slabs[index];
      if (slab.freeBlocks < BLOCKS || spare-- > 0) continue;
      this.#slabs.splice(index--, 1);
      this.#byMemory.delete(slab.memory);
      freeMemory(slab.memory);
    }
  }
}

/** Lends `blocks` blocks of a slab from `at` on. */
function cut(slab: Slab, at: number, blocks: number): Buffer {
  slab.used.fill(1, at, at + blocks);
  slab.freeBlocks -= blocks;
  return new Uint8Array(slab.memory, at * BLOCK_BYTES, blocks * BLOCK_BYTES);
}

/** The beginning of the first run of so many free blocks; -1 when there is none. */
function freeRun(used: Uint8Array, blocks: number): number {
  for (let at = used.indexOf(0); at >= 0 && at + blocks <= used.length;) {
    const end = used.indexOf(1, at);
    if (end < 0 || end - at >= blocks) return at;
    at = used.indexOf(0, end);
  }
  return -1;
}

/** Frees memory now: dropped, it would stay until the garbage is collected, which an idle process leaves. */
function freeMemory(memory: ArrayBuffer): void {
  memory.transfer(0);
}
