/**
 * The metrics of topics: the most active ones each by name, the others as one.
 *
 * What is published is counted for a bounded number of topics apart. When more are published on, those without series
 * of their own are forgotten from time to time, so that busy newcomers are noticed.
 */
import type { WorkTurn } from "../../ports/work_turn.ts";
import type { Features } from "../../services/features.ts";
import { BoundedSeries, type Candidate, REST } from "./bounded_series.ts";
import type { Families, Labels } from "./families.ts";
import type { Monitored } from "./monitored.ts";

/** How often topics are forgotten that have no series, when there are more topics than are counted apart. */
const FORGET_INTERVAL_MS = 10_000;

/** So many topics are looked at before others have their turn. */
const LOOKED_AT_ONCE = 1024;

/** What is kept of a topic, or of all those together that are not told one by one. */
interface Kept {
  events: number;
  bytes: number;
}

/** The figures of the topics of one server, taken when somebody asks. */
export class TopicMetrics {
  readonly #features: Features;
  readonly #series: BoundedSeries;
  #told: readonly Candidate[] = [];
  #kept = new Map<string, Kept>();
  #restEvents = 0;
  #restBytes = 0;
  #forgotMs = -Infinity;

  constructor({ features, config }: Monitored) {
    this.#features = features;
    this.#series = new BoundedSeries(config.monitoring.topics, 2);
  }

  /** Looks at all topics. */
  async look(turn: WorkTurn): Promise<void> {
    const { bus, kept, context: { clock } } = this.#features;
    const { tallies } = bus;
    const nowMs = clock.monotonicMs();
    const candidates = Array.from(tallies.all(), ({ topic: name, events, bytes }) => ({
      name,
      values: [events, bytes],
    }));
    const { events, bytes } = tallies.rest;
    this.#series.addToRest([events - this.#restEvents, bytes - this.#restBytes]);
    this.#restEvents = events;
    this.#restBytes = bytes;
    const { shown, rest } = this.#series.tell(candidates, nowMs);
    const names = new Set(shown.map(({ name }) => name));
    if (tallies.isFull && nowMs - this.#forgotMs >= FORGET_INTERVAL_MS) {
      this.#forgotMs = nowMs;
      tallies.keepOnly(names);
      bus.forgetMatches();
    }
    const others = { events: 0, bytes: 0 };
    const figures = new Map<string, Kept>();
    let looked = 0;
    for (const topic of kept?.store.topics() ?? []) {
      if (names.has(topic.name)) {
        figures.set(topic.name, { events: topic.events, bytes: topic.bytes });
      } else {
        others.events += topic.events;
        others.bytes += topic.bytes;
      }
      if (++looked % LOOKED_AT_ONCE === 0) await turn.admit();
    }
    if (kept !== null) figures.set(REST, others);
    this.#kept = figures;
    this.#told = rest[0] > 0 ? [...shown, { name: REST, values: rest }] : shown;
  }

  /** Adds the families. */
  addTo(families: Families): void {
    const sum = (index: number) => () =>
      this.#told.map(({ name, values }): [number, Labels] => [values[index], { topic: name }]);
    families.counter("parley_topic_events_total", "Events published on a topic.", sum(0));
    families.counter(
      "parley_topic_bytes_total",
      "The bytes of events published on a topic, as they came.",
      sum(1),
    );
    families.gauge(
      "parley_topic_kept_events",
      "Events that are kept of a topic.",
      () => [...this.#kept].map(([topic, { events }]) => [events, { topic }]),
    );
    families.gauge(
      "parley_topic_kept_bytes",
      "The bytes of events that are kept of a topic.",
      () => [...this.#kept].map(([topic, { bytes }]) => [bytes, { topic }]),
    );
  }
}
