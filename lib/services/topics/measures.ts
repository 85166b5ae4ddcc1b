/**
 * The measurements of topics that peers have asked for: each counts, from the publish on, what its peer may know of.
 *
 * Invariants: without a measurement that matches, an event costs one comparison; a peer has one measurement, the server a
 * bounded number; one ends with its peer, and when nobody asks what came of it. Who may know of a topic is decided for each
 * topic whenever publishers look up anew who gets their events, so also after a change of rights.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { matchesPattern } from "../../base/matches_pattern.ts";
import { quote } from "../../base/quote.ts";
import {
  type MeasuredReport,
  Measurement,
  type TopicCounter,
} from "../../logic/topics/measurement.ts";
import type { Peer } from "../connection/peer.ts";
import type { ServerContext } from "../connection/server_context.ts";
import { isSystemTopic } from "./system_topics.ts";

/** The most measurements of a server: each costs the events that it matches a few additions. */
const MAX_MEASUREMENTS = 64;
/** A measurement of which nobody asked for this long ends. */
const MAX_IDLE_MS = 60_000;

/** A measurement of a peer. */
interface Running {
  readonly measurement: Measurement;
  /** Whether the peer may know of events of a topic and type. */
  readonly may: (topic: string, type: string) => boolean;
  askedMs: number;
}

/** Counts the events of one topic and type for the measurements that match. */
export class MatchedCounters {
  readonly #counters: readonly TopicCounter[];
  readonly #context: ServerContext;

  constructor(counters: readonly TopicCounter[], context: ServerContext) {
    this.#counters = counters;
    this.#context = context;
  }

  /** Counts an event with a payload of so many bytes. */
  add(bytes: number): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (const counter of this.#counters) counter.add(bytes, nowMs);
  }
}

/** All measurements of a server. */
export class Measures {
  readonly #context: ServerContext;
  readonly #changed: () => void;
  readonly #running = new Map<Peer, Running>();

  /** `changed` has publishers look up anew what counts their events. */
  constructor(context: ServerContext, changed: () => void) {
    this.#context = context;
    this.#changed = changed;
  }

  /** What counts the events of a topic and type; null when nothing does. */
  of(topic: string, type: string): MatchedCounters | null {
    if (this.#running.size === 0) return null;
    const counters: TopicCounter[] = [];
    for (const { measurement, may } of this.#running.values()) {
      const { pattern, type: wanted } = measurement;
      if (wanted !== "" && wanted !== type || !matchesPattern(pattern, topic)) continue;
      // What the server tells of itself is only for those who name it.
      if (isSystemTopic(topic) && !isSystemTopic(pattern) || !may(topic, type)) continue;
      counters.push(measurement.counterOf(topic));
    }
    return counters.length === 0 ? null : new MatchedCounters(counters, this.#context);
  }

  /**
   * What was measured for a peer since it asked last; for another pattern or type than before it begins. Raises
   * RESOURCE_EXHAUSTED when there are too many measurements.
   */
  take(
    peer: Peer,
    { pattern, type }: { readonly pattern: string; readonly type: string },
    may: (topic: string, type: string) => boolean,
  ): MeasuredReport {
    const nowMs = this.#context.clock.monotonicMs();
    const known = this.#running.get(peer);
    if (known?.measurement.pattern === pattern && known.measurement.type === type) {
      known.askedMs = nowMs;
      const report = known.measurement.report(nowMs);
      if (report.freed) this.#changed();
      return report;
    }
    const { size } = this.#running;
    if (known === undefined && size >= MAX_MEASUREMENTS) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot measure ${quote(pattern)}: the server measures for ${size} connections`,
        { accepted: `at most ${MAX_MEASUREMENTS} connections`, retryable: true },
      );
    }
    const measurement = new Measurement(pattern, type);
    this.#running.set(peer, { measurement, may, askedMs: nowMs });
    this.#changed();
    return measurement.report(nowMs);
  }

  /** Ends the measurements whose peers are gone, or ask no more. To be called with every sweep. */
  sweep(): void {
    const nowMs = this.#context.clock.monotonicMs();
    let ended = false;
    for (const [peer, { askedMs }] of this.#running) {
      if (peer.state !== "closed" && nowMs - askedMs <= MAX_IDLE_MS) continue;
      this.#running.delete(peer);
      ended = true;
    }
    if (ended) this.#changed();
  }
}
