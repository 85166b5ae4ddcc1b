/**
 * Measures topics: how many events a second, how regularly, how many bytes, and how long events were under way.
 *
 * Pure: time is an argument, in seconds of any clock that only goes forward. Of each topic the last events
 * are remembered, as many as the window says; beyond a number of topics, further ones are counted together
 * until one of those that are measured falls silent. So memory is bounded whatever is published.
 */

/** Topics that are measured one by one. */
export const MAX_TOPICS = 512;
/** A topic that was silent for this long gives up its place. */
const SILENT_SECONDS = 30;
const FIRST_CAPACITY = 16;

/** What the window of one topic shows. */
export interface TopicFigures {
  readonly topic: string;
  /** Events since the measurement began. */
  readonly events: number;
  /** Events since the last report. */
  readonly fresh: number;
  /** Events in the window. */
  readonly window: number;
  /** Events a second over the window; null with fewer than two events. */
  readonly rate: number | null;
  /** The intervals between the events of the window, in seconds; null with fewer than two events. */
  readonly intervals: {
    readonly average: number;
    readonly min: number;
    readonly max: number;
    readonly standardDeviation: number;
  } | null;
  /** Bytes a second, from the first event of the window to now; null while no time has passed. */
  readonly bytesPerSecond: number | null;
  /** The payloads of the window, in bytes. */
  readonly sizes: Spread;
  /** From the moment in which the server took each event of the window to its arrival, in seconds. */
  readonly delays: Spread;
}

/** What values are like. */
export interface Spread {
  readonly average: number;
  readonly min: number;
  readonly max: number;
}

/** What is told at once. */
export interface TopicReport {
  /** By name. */
  readonly topics: readonly TopicFigures[];
  /** Events since the last report on topics that have no place. */
  readonly others: number;
}

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
