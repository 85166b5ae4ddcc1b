/**
 * Measures what is published on the topics of a pattern: how many events, how regularly, and how many bytes.
 *
 * Of each topic only sums are kept, so an event costs a few additions and memory is bounded whatever is published. What was
 * measured since the last report can be added to what was measured before: windows are the business of whoever asks. Beyond
 * a number of topics, further ones are counted together until one of those that are measured falls silent. Pure: time is an
 * argument, in milliseconds of a clock that never goes back.
 */

/** The topics that are measured one by one. */
export const MAX_MEASURED_TOPICS = 512;
/** Two reports are never at the same moment, so that the first is the only one without a time before it. */
const LEAST_ELAPSED_MS = 0.001;
/** A topic that was silent for this long gives up its place. */
const SILENT_MS = 30_000;

/** What was published on one topic since the last report. */
export interface MeasuredFigures {
  readonly topic: string;
  readonly events: number;
  /** Events since the measurement began. */
  readonly totalEvents: number;
  /** The bytes of payloads, and the fewest and most of one. */
  readonly bytes: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  /** The intervals between events that ended: their number, their sum, that of their squares, the shortest and the longest. */
  readonly intervals: number;
  readonly intervalMs: number;
  readonly squaredIntervalMs: number;
  readonly minIntervalMs: number;
  readonly maxIntervalMs: number;
}

/** What a report tells. */
export interface MeasuredReport {
  /** By name. */
  readonly topics: readonly MeasuredFigures[];
  /** The time since the last report; 0 for the first alone. */
  readonly elapsedMs: number;
  /** Events since the last report on topics that have no place, and the bytes of their payloads. */
  readonly otherEvents: number;
  readonly otherBytes: number;
}

/** Counts the events of one topic. */
export class TopicCounter {
  readonly topic: string;
  events = 0;
  bytes = 0;
  lastMs = 0;
  #totalEvents = 0;
  #minBytes = Infinity;
  #maxBytes = 0;
  #intervals = 0;
  #sum = 0;
  #squares = 0;
  #least = Infinity;
  #most = 0;

  constructor(topic: string) {
    this.topic = topic;
  }

  /** Counts an event with a payload of so many bytes. */
  add(bytes: number, nowMs: number): void {
    if (this.#totalEvents++ > 0) {
      const interval = nowMs - this.lastMs;
      this.#intervals++;
      this.#sum += interval;
      this.#squares += interval * interval;
      if (interval < this.#least) this.#least = interval;
      if (interval > this.#most) this.#most = interval;
    }
    this.lastMs = nowMs;
    this.events++;
    this.bytes += bytes;
    if (bytes < this.#minBytes) this.#minBytes = bytes;
    if (bytes > this.#maxBytes) this.#maxBytes = bytes;
  }

  /** What was counted since this was asked last. */
  take(): MeasuredFigures {
    const figures = {
      topic: this.topic,
      events: this.events,
      totalEvents: this.#totalEvents,
      bytes: this.bytes,
      minBytes: this.events === 0 ? 0 : this.#minBytes,
      maxBytes: this.#maxBytes,
      intervals: this.#intervals,
      intervalMs: this.#sum,
      squaredIntervalMs: this.#squares,
      minIntervalMs: this.#intervals === 0 ? 0 : this.#least,
      maxIntervalMs: this.#most,
    };
    this.events =
      this.bytes =
      this.#maxBytes =
      this.#intervals =
        0;
    this.#sum = this.#squares = this.#most = 0;
    this.#minBytes = this.#least = Infinity;
    return figures;
  }
}

/** One measurement. */
export class Measurement {
  readonly pattern: string;
  /** The only type that is measured; empty for all. */
  readonly type: string;
  readonly #topics = new Map<string, TopicCounter>();
  readonly #others = new TopicCounter("");
  #toldMs = NaN;

  constructor(pattern: string, type: string) {
    this.pattern = pattern;
    this.type = type;
  }

  /** The counter of a topic, which is that of all others when there is no place. */
  counterOf(topic: string): TopicCounter {
    const known = this.#topics.get(topic);
    if (known !== undefined) return known;
    if (this.#topics.size >= MAX_MEASURED_TOPICS) return this.#others;
    const counter = new TopicCounter(topic);
    this.#topics.set(topic, counter);
    return counter;
  }

  /**
   * What was measured since the last report. When `freed` is given back as true, topics have given up their places, and whoever
   * holds counters has to ask for them anew.
   */
  report(nowMs: number): MeasuredReport & { readonly freed: boolean } {
    const topics: MeasuredFigures[] = [];
    let freed = false;
    for (const [topic, counter] of this.#topics) {
      if (nowMs - counter.lastMs > SILENT_MS && counter.events === 0) {
        this.#topics.delete(topic);
        freed = true;
      } else topics.push(counter.take());
    }
    const { events: otherEvents, bytes: otherBytes } = this.#others.take();
    const elapsedMs = Number.isNaN(this.#toldMs)
      ? 0
      : Math.max(LEAST_ELAPSED_MS, nowMs - this.#toldMs);
    this.#toldMs = nowMs;
    topics.sort((one, other) => one.topic < other.topic ? -1 : 1);
    return { topics, elapsedMs, otherEvents, otherBytes, freed };
  }
}
