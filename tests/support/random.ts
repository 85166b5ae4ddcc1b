/**
 * Random numbers with a seed, for loops too long for fast-check: the same seed, the same history.
 *
 * Source: mulberry32 by Tommy Ettinger, public domain.
 */

/** A generator of random numbers. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A whole number from 0 to `below` - 1. */
  below(below: number): number {
    return this.uint32() % below;
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** A copy of one of `seeds` with a few bytes changed, or a few random bytes. */
  mutantOf(seeds: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
    const bytes = this.below(4) === 0 ? this.bytes(this.below(24)) : this.pick(seeds).slice();
    for (let changes = this.below(4); changes > 0 && bytes.length > 0; changes--) {
      bytes[this.below(bytes.length)] = this.uint32();
    }
    return bytes;
  }

  /** Random bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(count);
    for (let index = 0; index < count; index++) bytes[index] = this.uint32();
    return bytes;
  }
}
