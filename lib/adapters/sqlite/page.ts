/**
 * Builds a page from pieces of chunks: the bytes are copied once, prefixes included, and ranges say where the
 * bodies lie among them.
 *
 * The pieces of a page that is read backward come newest first, and are put in order at the end.
 */
import type { StorePage } from "../../ports/store_page.ts";
import { type Chunk, ChunkCursor } from "./chunk.ts";

/** A piece of a chunk. */
interface Segment {
  readonly data: Uint8Array;
  readonly firstSeq: number;
  /** The places in `data` where bodies begin and end, in turn. */
  readonly ranges: number[];
  readonly times: number[];
}

/** The bounds of a page, and the direction in which it is read. */
export interface PageBounds {
  readonly maxEvents: number;
  /** The most bytes of bodies; one event is given however large it is. */
  readonly maxBytes: number;
  readonly backward: boolean;
}

const UNBOUNDED: PageBounds = { maxEvents: Infinity, maxBytes: Infinity, backward: false };

/** A page that is being built. */
export class SegmentPage {
  /** The events so far, the bytes of their bodies, and the chunks they came from. */
  count = 0;
  bytes = 0;
  chunks = 0;
  readonly #segments: Segment[] = [];
  readonly #cursor = new ChunkCursor();
  readonly #bounds: PageBounds;

  constructor(bounds: PageBounds = UNBOUNDED) {
    this.#bounds = bounds;
  }

  /**
   * Takes the events from `first` to `last` out of `chunk`, as far as the page has room, from the end when it is
   * read backward. Gives whether all of them had room.
   */
  take(chunk: Chunk, first: number, last: number): boolean {
    this.chunks++;
    const cursor = this.#cursor;
    const entries: number[] = [];
    const ranges: number[] = [];
    const times: number[] = [];
    cursor.open(chunk);
    const until = Math.min(last, chunk.first + chunk.events - 1);
    for (let seq = chunk.first; seq <= until && cursor.next(); seq++) {
      if (seq < first) continue;
      entries.push(cursor.entry);
      ranges.push(cursor.start, cursor.end);
      times.push(cursor.timeMs);
    }
    const found = times.length;
    const fitting = this.#fitting(ranges);
    const from = this.#bounds.backward ? found - fitting : 0;
    const to = from + fitting;
    if (fitting > 0) {
      const begin = entries[from];
      this.#segments.push({
        data: chunk.data.subarray(begin, ranges[2 * to - 1]),
        firstSeq: Math.max(first, chunk.first) + from,
        ranges: ranges.slice(2 * from, 2 * to).map((at) => at - begin),
        times: times.slice(from, to),
      });
      this.count += fitting;
    }
    return fitting === found;
  }

  build(): StorePage {
    const segments = this.#bounds.backward ? this.#segments.toReversed() : this.#segments;
    const size = segments.reduce((sum, segment) => sum + segment.data.length, 0);
    const bytes = new Uint8Array(size);
    const ranges = new Uint32Array(2 * this.count);
    const seqs = new Float64Array(this.count);
    const times = new Float64Array(this.count);
    let index = 0;
    let base = 0;
    for (const segment of segments) {
      bytes.set(segment.data, base);
      for (let inner = 0; inner < segment.times.length; inner++, index++) {
        ranges[2 * index] = base + segment.ranges[2 * inner];
        ranges[2 * index + 1] = base + segment.ranges[2 * inner + 1];
        seqs[index] = segment.firstSeq + inner;
        times[index] = segment.times[inner];
      }
      base += segment.data.length;
    }
    return { count: this.count, bytes, ranges, seqs, times };
  }

  /** The number of events with these ranges that have room, at least one in a page; counts their bytes. */
  #fitting(ranges: number[]): number {
    const { maxEvents, maxBytes, backward } = this.#bounds;
    const found = ranges.length / 2;
    let fitting = 0;
    while (fitting < found && this.count + fitting < maxEvents) {
      const at = backward ? found - 1 - fitting : fitting;
      const size = ranges[2 * at + 1] - ranges[2 * at];
      if (this.bytes + size > maxBytes && this.count + fitting > 0) break;
      this.bytes += size;
      fitting++;
    }
    return fitting;
  }
}
