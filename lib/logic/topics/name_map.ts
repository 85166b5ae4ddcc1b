/**
 * A map by name for a million names that change all the time.
 *
 * Not a Map, for two reasons, both measured: a Map of a million names stops the event loop for 30 ms when
 * it grows; and the engine looks every new string up in its table of unique strings, where a million names
 * that are numbers make each look-up in any Map take 5 µs. This one is a linear hash table: it grows and
 * shrinks by one bucket at a time, and compares names only when their hashes are equal.
 * Invariants: on average at most one name a bucket; an operation costs the same however many names there
 * are. Non-goal: order.
 */
import { hashText } from "./name_hash.ts";

const FEWEST_BUCKETS = 4;

class NameEntry<V> {
  constructor(
    readonly hash: number,
    readonly name: string,
    public value: V,
    public next: NameEntry<V> | null,
  ) {}
}

/** Values by name; values are never undefined. */
export class NameMap<V> {
  readonly #buckets: (NameEntry<V> | null)[] = [null, null, null, null];
  /** The largest power of two that is not more than the buckets. */
  #round = FEWEST_BUCKETS;
  #size = 0;

  /** How many names there are. */
  get size(): number {
    return this.#size;
  }

  get(name: string): V | undefined {
    return this.#find(hashText(name), name)?.value;
  }

  set(name: string, value: V): void {
    const hash = hashText(name);
    const found = this.#find(hash, name);
    if (found !== null) {
      found.value = value;
      return;
    }
    const bucket = this.#bucketOf(hash);
    this.#buckets[bucket] = new NameEntry(hash, name, value, this.#buckets[bucket]);
    if (++this.#size > this.#buckets.length) this.#grow();
  }

  delete(name: string): boolean {
    const hash = hashText(name);
    const bucket = this.#bucketOf(hash);
    let before: NameEntry<V> | null = null;
    let entry = this.#buckets[bucket];
    while (entry !== null && (entry.hash !== hash || entry.name !== name)) {
      before = entry;
      entry = entry.next;
    }
    if (entry === null) return false;
    if (before === null) this.#buckets[bucket] = entry.next;
    else before.next = entry.next;
    this.#size--;
    const { length } = this.#buckets;
    if (length > FEWEST_BUCKETS && 2 * this.#size < length) this.#shrink();
    return true;
  }

  /** All names, in no order. Those that come or go meanwhile may be among them or not, or twice. */
  *names(): Generator<string> {
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      for (let entry = this.#buckets[bucket]; entry !== null; entry = entry.next) yield entry.name;
    }
  }

  #find(hash: number, name: string): NameEntry<V> | null {
    let entry = this.#buckets[this.#bucketOf(hash)];
    while (entry !== null && (entry.hash !== hash || entry.name !== name)) entry = entry.next;
    return entry;
  }

  /** Buckets past the present ones have not been split off yet: their names are half a round below. */
  #bucketOf(hash: number): number {
    const bucket = hash & (2 * this.#round - 1);
    return bucket < this.#buckets.length ? bucket : bucket - this.#round;
  }

  /** Adds one bucket, with the names that belong to it from the one it is split off. */
  #grow(): void {
    const added = this.#buckets.length;
    const divided = added - this.#round;
    let staying: NameEntry<V> | null = null;
    let leaving: NameEntry<V> | null = null;
    let entry = this.#buckets[divided];
    while (entry !== null) {
      const { next } = entry as NameEntry<V>;
      if ((entry.hash & (2 * this.#round - 1)) === added) {
        entry.next = leaving;
        leaving = entry;
      } else {
        entry.next = staying;
        staying = entry;
      }
      entry = next;
    }
    this.#buckets[divided] = staying;
    this.#buckets.push(leaving);
    if (this.#buckets.length === 2 * this.#round) this.#round *= 2;
  }

  /** Takes the last bucket away and its names back to the one it was split off. */
  #shrink(): void {
    if (this.#buckets.length === this.#round) this.#round /= 2;
    const last = this.#buckets.pop() ?? null;
    const target = this.#buckets.length - this.#round;
    let entry = last;
    while (entry !== null) {
      const { next } = entry as NameEntry<V>;
      entry.next = this.#buckets[target];
      this.#buckets[target] = entry;
      entry = next;
    }
  }
}
