/**
 * Figures of `topic hz` and `topic bw`: what the server has measured between one report and the next, added up over a window.
 *
 * The window of a topic is as many of its last reports as it takes for a number of events, so it is a little larger than that
 * number, unless the topic has had fewer events. Pure; memory is bounded by the number of reports of a window and of topics,
 * which is the server's bound.
 */
import type { MeasuredTopic, MeasureTopicsResponse } from "../../gen/parley/v1/topic_pb.ts";
import type { TopicFigures, TopicReport } from "./figures.ts";

/** The most reports of a window; then two of the oldest become one. */
const MAX_PARTS = 1024;

/** What one report, or some together, say of a topic. */
interface Part {
  readonly elapsedSeconds: number;
  readonly events: number;
  readonly bytes: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly intervals: number;
  readonly seconds: number;
  readonly squares: number;
  readonly least: number;
  readonly most: number;
}

const NOTHING: Part = {
  ...{ elapsedSeconds: 0, events: 0, bytes: 0, minBytes: Infinity, maxBytes: 0 },
  ...{ intervals: 0, seconds: 0, squares: 0, least: Infinity, most: 0 },
};

/** The topics of one measurement. */
export class MeasuredTopics {
  readonly #window: number;
  readonly #topics = new Map<string, Part[]>();

  /** `window` is the number of events of a topic that its figures are of at least. */
  constructor(window: number) {
    this.#window = window;
  }

  /** Takes what the server has measured since its last answer, and tells the figures as they are now. */
  report({ topics, elapsedMicros, otherEvents }: MeasureTopicsResponse): TopicReport {
    const elapsedSeconds = Number(elapsedMicros) / 1e6;
    // A measurement that begins anew knows nothing of intervals that ended before it.
    if (elapsedMicros === 0n) this.#topics.clear();
    const named = new Set(topics.map(({ topic }) => topic));
    for (const topic of this.#topics.keys()) if (!named.has(topic)) this.#topics.delete(topic);
    const figures = topics.map((measured) => {
      const parts = this.#topics.get(measured.topic) ?? [];
      this.#topics.set(measured.topic, parts);
      parts.push(partOf(measured, elapsedSeconds));
      this.#cut(parts);
      return figuresOf(measured, parts.reduce(added, NOTHING));
    });
    return { topics: figures, others: Number(otherEvents) };
  }

  /** Drops what the window does without. */
  #cut(parts: Part[]): void {
    let events = parts.reduce((sum, part) => sum + part.events, 0);
    let gone = 0;
    while (gone < parts.length - 1 && events - parts[gone].events >= this.#window) {
      events -= parts[gone++].events;
    }
    parts.splice(0, gone);
    if (parts.length > MAX_PARTS) parts.splice(0, 2, added(parts[0], parts[1]));
  }
}

function partOf(measured: MeasuredTopic, elapsedSeconds: number): Part {
  const isSilent = measured.events === 0n;
  return {
    elapsedSeconds,
    events: Number(measured.events),
    bytes: Number(measured.bytes),
    minBytes: isSilent ? Infinity : Number(measured.minBytes),
    maxBytes: Number(measured.maxBytes),
    intervals: Number(measured.intervals),
    seconds: measured.intervalSeconds,
    squares: measured.intervalSecondsSquared,
    least: measured.intervals === 0n ? Infinity : measured.minIntervalSeconds,
    most: measured.maxIntervalSeconds,
  };
}

function added(one: Part, other: Part): Part {
  return {
    elapsedSeconds: one.elapsedSeconds + other.elapsedSeconds,
    events: one.events + other.events,
    bytes: one.bytes + other.bytes,
    minBytes: Math.min(one.minBytes, other.minBytes),
    maxBytes: Math.max(one.maxBytes, other.maxBytes),
    intervals: one.intervals + other.intervals,
    seconds: one.seconds + other.seconds,
    squares: one.squares + other.squares,
    least: Math.min(one.least, other.least),
    most: Math.max(one.most, other.most),
  };
}

function figuresOf({ topic, totalEvents, events }: MeasuredTopic, sum: Part): TopicFigures {
  const average = sum.seconds / sum.intervals;
  return {
    topic,
    events: Number(totalEvents),
    fresh: Number(events),
    window: sum.events,
    rate: sum.seconds > 0 ? sum.intervals / sum.seconds : null,
    intervals: sum.intervals === 0 ? null : {
      average,
      min: sum.least,
      max: sum.most,
      standardDeviation: Math.sqrt(Math.max(0, sum.squares / sum.intervals - average ** 2)),
    },
    bytesPerSecond: sum.elapsedSeconds > 0 ? sum.bytes / sum.elapsedSeconds : null,
    sizes: {
      average: sum.events === 0 ? 0 : sum.bytes / sum.events,
      min: sum.events === 0 ? 0 : sum.minBytes,
      max: sum.maxBytes,
    },
    delays: { average: 0, min: 0, max: 0 },
  };
}
