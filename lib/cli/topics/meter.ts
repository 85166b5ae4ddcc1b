/**
 * Measures how long events were under way, for `topic delay`, and whatever else can be seen where they arrive.
 *
 * Pure: time is an argument, in seconds of any clock that only goes forward. Of each topic the last events
 * are remembered, as many as the window says; beyond a number of topics, further ones are counted together
 * until one of those that are measured falls silent. So memory is bounded whatever is published.
 */

import type { TopicFigures, TopicReport } from "./figures.ts";

/** Topics that are measured one by one. */
export const MAX_TOPICS = 512;
/** A topic that was silent for this long gives up its place. */
const SILENT_SECONDS = 30;
const FIRST_CAPACITY = 16;

/** The last events of one topic: a ring that grows up to the window. */
class TopicWindow {
  events = 0;
  fresh = 0;
  lastSeconds = 0;
  readonly #window: number;
  #times = new Float64Array(FIRST_CAPACITY);
  #sizes = new Float64Array(FIRST_CAPACITY);
  #delays = new Float64Array(FIRST_CAPACITY);
  /** Where the oldest stands. */
  #start = 0;
  #count = 0;

  constructor(window: number) {
    this.#window = window;
  }

  add(seconds: number, bytes: number, delaySeconds: number): void {
    this.events++;
    this.fresh++;
    this.lastSeconds = seconds;
    const capacity = this.#times.length;
    if (this.#count === capacity && capacity < this.#window) this.#grow();
    const at = (this.#start + this.#count) % this.#times.length;
    this.#times[at] = seconds;
    this.#sizes[at] = bytes;
    this.#delays[at] = delaySeconds;
    if (this.#count < Math.min(this.#times.length, this.#window)) this.#count++;
    else this.#start = (this.#start + 1) % this.#times.length;
  }

  figures(topic: string, nowSeconds: number): TopicFigures {
    const count = this.#count;
    const first = this.#time(0);
    const size = { sum: 0, min: Infinity, max: 0 };
    const delay = { sum: 0, min: Infinity, max: -Infinity };
    const gap = { squares: 0, min: Infinity, max: 0 };
    const span = this.#time(count - 1) - first;
    const average = span / (count - 1);
    for (let index = 0; index < count; index++) {
      const bytes = this.#sizes[(this.#start + index) % this.#sizes.length];
      size.sum += bytes;
      size.min = Math.min(size.min, bytes);
      size.max = Math.max(size.max, bytes);
      const late = this.#delays[(this.#start + index) % this.#delays.length];
      delay.sum += late;
      delay.min = Math.min(delay.min, late);
      delay.max = Math.max(delay.max, late);
      if (index === 0) continue;
      const interval = this.#time(index) - this.#time(index - 1);
      gap.squares += (interval - average) ** 2;
      gap.min = Math.min(gap.min, interval);
      gap.max = Math.max(gap.max, interval);
    }
    const passed = nowSeconds - first;
    return {
      topic,
      events: this.events,
      fresh: this.fresh,
      window: count,
      rate: span > 0 ? (count - 1) / span : null,
      intervals: count < 2 ? null : {
        average,
        min: gap.min,
        max: gap.max,
        standardDeviation: Math.sqrt(gap.squares / (count - 1)),
      },
      bytesPerSecond: passed > 0 ? size.sum / passed : null,
      sizes: { average: size.sum / count, min: size.min, max: size.max },
      delays: { average: delay.sum / count, min: delay.min, max: delay.max },
    };
  }

  #time(index: number): number {
    return this.#times[(this.#start + index) % this.#times.length];
  }

  /** Doubles the ring, up to the window. It grows only while nothing was dropped, so it starts at 0. */
  #grow(): void {
    const capacity = Math.min(2 * this.#times.length, this.#window);
    const times = new Float64Array(capacity);
    const sizes = new Float64Array(capacity);
    times.set(this.#times);
    sizes.set(this.#sizes);
    const delays = new Float64Array(capacity);
    delays.set(this.#delays);
    this.#times = times;
    this.#sizes = sizes;
    this.#delays = delays;
  }
}

/** Measures all topics of some subscriptions. */
export class TopicMeter {
  readonly #window: number;
  readonly #topics = new Map<string, TopicWindow>();
  #others = 0;

  /** `window` is the number of events of a topic that its figures are of, at least 2. */
  constructor(window: number) {
    this.#window = window;
  }

  /** Counts an event with a payload of `bytes` bytes that was under way for `delaySeconds`. */
  record(topic: string, bytes: number, nowSeconds: number, delaySeconds = 0): void {
    let measured = this.#topics.get(topic);
    if (measured === undefined) {
      if (this.#topics.size >= MAX_TOPICS) {
        this.#others++;
        return;
      }
      measured = new TopicWindow(this.#window);
      this.#topics.set(topic, measured);
    }
    measured.add(nowSeconds, bytes, delaySeconds);
  }

  /** Tells the figures as they are now, and begins to count anew what is fresh. */
  report(nowSeconds: number): TopicReport {
    const topics: TopicFigures[] = [];
    for (const [topic, measured] of this.#topics) {
      if (nowSeconds - measured.lastSeconds > SILENT_SECONDS) {
        this.#topics.delete(topic);
        continue;
      }
      topics.push(measured.figures(topic, nowSeconds));
      measured.fresh = 0;
    }
    const others = this.#others;
    this.#others = 0;
    return { topics: topics.sort((a, b) => a.topic < b.topic ? -1 : 1), others };
  }
}
