/**
 * The events of one kept topic in memory: bodies and times by seq, dropped from the front.
 *
 * Invariant: `bodies[head + i]` is the event `firstSeq + i`. The bodies of dropped events are let go at once; the
 * arrays are shortened now and then.
 */
import { isDue, keepAll } from "../store/retention.ts";

/** The fewest places of dropped events that are cut off at a time. */
const COMPACT_AT = 1024;

/** The events of one topic. */
export class MemoryTopic {
  readonly bounds = keepAll();
  firstSeq = 1;
  lastSeq = 0;
  bytes = 0;
  #bodies: (Uint8Array | null)[] = [];
  #times: number[] = [];
  #head = 0;

  get firstTimeMs(): number {
    return this.firstSeq > this.lastSeq ? 0 : this.timeOf(this.firstSeq);
  }

  /** Drops all events; gives their bytes. The next event goes on behind them. */
  clear(): number {
    const { bytes } = this;
    this.bytes = 0;
    this.firstSeq = this.lastSeq + 1;
    this.beginBehind(this.lastSeq);
    return bytes;
  }

  /** Lets the next event get the seq behind `seq`, unless there are events. */
  beginBehind(seq: number): void {
    if (this.firstSeq <= this.lastSeq) return;
    this.firstSeq = seq + 1;
    this.lastSeq = seq;
    this.#bodies = [];
    this.#times = [];
    this.#head = 0;
  }

  add(body: Uint8Array, timeMs: number): void {
    this.#bodies.push(body);
    this.#times.push(timeMs);
    this.bytes += body.length;
    this.lastSeq++;
  }

  bodyOf(seq: number): Uint8Array {
    return this.#bodies[this.#head + seq - this.firstSeq]!;
  }

  timeOf(seq: number): number {
    return this.#times[this.#head + seq - this.firstSeq];
  }

  /** Drops the events that the bounds do not keep; gives their bytes. */
  trim(nowMs: number): number {
    const before = this.bytes;
    while (isDue(this.bounds, this, nowMs)) {
      this.bytes -= this.bodyOf(this.firstSeq).length;
      this.#bodies[this.#head++] = null;
      this.firstSeq++;
    }
    if (this.#head >= COMPACT_AT && this.#head * 2 > this.#bodies.length) {
      this.#bodies = this.#bodies.slice(this.#head);
      this.#times = this.#times.slice(this.#head);
      this.#head = 0;
    }
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
}
