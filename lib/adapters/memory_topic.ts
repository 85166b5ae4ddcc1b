/**
 * The events of one kept topic in memory: bodies and times by seq, dropped from the front.
 *
 * Invariant: `bodies[head + i]` is the event `firstSeq + i`. What was dropped is let go at once; the
 * arrays are shortened now and then.
 */
import { isDue, keepAll } from "./store_retention.ts";

/** Dropped places are taken out in pieces of at least this many. */
const COMPACT_AT = 1024;

/** One topic. */
export class MemoryTopic {
  readonly bounds = keepAll();
  firstSeq = 1;
  lastSeq = 0;
  bytes = 0;
  #bodies: (Uint8Array | null)[] = [];
  #times: number[] = [];
  #head = 0;
  /** The chunks of a queue: the first id of each, and how many jobs it has. */
  readonly #chunks = new Map<number, number>();
  #newestChunk = 0;

  get firstTimeMs(): number {
    return this.firstSeq > this.lastSeq ? 0 : this.timeOf(this.firstSeq);
  }

  add(body: Uint8Array, timeMs: number, newChunk = false): void {
    this.#bodies.push(body);
    this.#times.push(timeMs);
    this.bytes += body.length;
    this.lastSeq++;
    if (newChunk) this.#newestChunk = this.lastSeq;
    if (this.#newestChunk > 0) {
      this.#chunks.set(this.#newestChunk, this.lastSeq - this.#newestChunk + 1);
    }
  }

  /** Whether the job is there. */
  has(id: number): boolean {
    return id >= this.firstSeq && id <= this.lastSeq &&
      this.#bodies[this.#head + id - this.firstSeq] !== null;
  }

  /** Drops the chunk that begins with job `first`; gives the bytes that went. */
  drop(first: number): number {
    const before = this.bytes;
    const jobs = this.#chunks.get(first) ?? 0;
    this.#chunks.delete(first);
    if (first === this.#newestChunk) this.#newestChunk = 0;
    for (let id = first; id < first + jobs; id++) {
      this.bytes -= this.bodyOf(id).length;
      this.#bodies[this.#head + id - this.firstSeq] = null;
    }
    while (this.firstSeq <= this.lastSeq && this.#bodies[this.#head] === null) {
      this.#head++;
      this.firstSeq++;
    }
    this.#compact();
    return before - this.bytes;
  }

  bodyOf(seq: number): Uint8Array {
    return this.#bodies[this.#head + seq - this.firstSeq]!;
  }

  timeOf(seq: number): number {
    return this.#times[this.#head + seq - this.firstSeq];
  }

  /** Drops what the bounds do not keep; gives the bytes that went. */
  trim(nowMs: number): number {
    const before = this.bytes;
    while (isDue(this.bounds, this, nowMs)) {
      this.bytes -= this.bodyOf(this.firstSeq).length;
      this.#bodies[this.#head++] = null;
      this.firstSeq++;
    }
    this.#compact();
    return before - this.bytes;
  }

  /** The first seq whose time is `timeMs` or later, up to `lastSeq`; `lastSeq + 1` when there is none. */
  seqAt(timeMs: number, lastSeq: number): number {
    let low = this.firstSeq;
    let high = lastSeq + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.timeOf(middle) < timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compact(): void {
    if (this.#head < COMPACT_AT || this.#head * 2 <= this.#bodies.length) return;
    this.#bodies = this.#bodies.slice(this.#head);
    this.#times = this.#times.slice(this.#head);
    this.#head = 0;
  }
}
