/**
 * The bodies of jobs that are about to be handed out: a ring of bytes in which the newest take the place of
 * the oldest.
 *
 * A body is known by its position, which only grows; it is there as long as the ring has not come round to
 * it. So nothing is freed one by one, and memory is bounded by the ring. What is no longer there is read
 * from the store again. Non-goal: bodies larger than a quarter of the ring, which are never taken.
 */
import { copyBytes } from "./frame_writer.ts";

/** The smallest ring. */
const FIRST_BYTES = 64 * 1024;

/** A ring of bodies. */
export class BodyRing {
  /** The memory of the ring; another one after the ring has grown. */
  bytes: Uint8Array = new Uint8Array(0);
  readonly #mostBytes: number;
  /** The position behind the newest body; 0 is never one. */
  #head = 0;

  /** `mostBytes` is the size of the ring once it is full, a power of two. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** The longest body that is taken. */
  get longest(): number {
    return this.#mostBytes >>> 2;
  }

  /** Takes the body from `start` to `end`; gives its position, or 0 when it is too long. */
  put(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > this.longest) return 0;
    let size = this.bytes.length;
    if (this.#head + length >= size && size < this.#mostBytes) {
      this.#grow(length);
      size = this.bytes.length;
    }
    // A body lies in one piece: what is left before the end is passed over.
    const offset = this.#head % size;
    if (offset + length > size) this.#head += size - offset;
    const position = this.#head === 0 ? this.#head = 1 : this.#head;
    copyBytes(this.bytes, position % size, bytes, start, end);
    this.#head = position + length;
    return position;
  }

  /** Whether the body at `position` is still there. */
  has(position: number): boolean {
    return position > 0 && position > this.#head - this.bytes.length;
  }

  /** The offset in `bytes` at which the body at `position` begins. */
  offset(position: number): number {
    return position % this.bytes.length;
  }

  /** Grows while it has not come round yet, so that positions keep their places. */
  #grow(length: number): void {
    let size = Math.max(this.bytes.length, FIRST_BYTES);
    while (size < this.#head + length + 1 && size < this.#mostBytes) size *= 2;
    const larger = new Uint8Array(size);
    larger.set(this.bytes.subarray(0, Math.min(this.#head, this.bytes.length)));
    this.bytes = larger;
  }
}
