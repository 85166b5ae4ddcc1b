/**
 * Looks after everything of one server that happens because time passes, a few times a second.
 *
 * A sweep that comes late says that the server itself stood still: then nobody is ended for silence. Never twice in a
 * row, or a server that always lags would keep those who are gone for ever.
 */
import { guard } from "../base/defects.ts";
import type { Session } from "../services/connection/session.ts";
import {
  beginSweep,
  DRAIN_SWEEP_INTERVAL_MS,
  forgiveSilence,
  STALL_INTERVALS,
  SWEEP_INTERVAL_MS,
  sweepSession,
} from "../services/connection/sweep.ts";
import type { Features } from "../services/features.ts";

/** The sweeps of one server. */
export class Sweeper {
  readonly #features: Features;
  readonly #sessions: ReadonlySet<Session>;
  #timer: ReturnType<typeof setInterval> | undefined;
  #intervalMs = SWEEP_INTERVAL_MS;
  #sweptMs = 0;
  /** Whether the last sweep forgave all silence, because it came late. */
  #forgave = false;

  /** Begins to look after `sessions` and the features. */
  constructor(features: Features, sessions: ReadonlySet<Session>) {
    this.#features = features;
    this.#sessions = sessions;
    this.#every(SWEEP_INTERVAL_MS);
  }

  /** Looks more often, since the server stops. */
  hurry(): void {
    this.#every(DRAIN_SWEEP_INTERVAL_MS);
  }

  /** Looks no more. */
  close(): void {
    clearInterval(this.#timer);
  }

  #every(intervalMs: number): void {
    clearInterval(this.#timer);
    this.#intervalMs = intervalMs;
    this.#sweptMs = this.#features.context.nowMs;
    this.#timer = setInterval(() => this.#sweep(), intervalMs);
  }

  #sweep(): void {
    const { bus, context, access, rooms, kept, system, tails } = this.#features;
    context.tick();
    const { nowMs } = context;
    const stalled = !this.#forgave && nowMs - this.#sweptMs > this.#intervalMs * STALL_INTERVALS;
    this.#forgave = stalled;
    this.#sweptMs = nowMs;
    const sweep = stalled ? forgiveSilence : sweepSession;
    beginSweep(context);
    for (const session of this.#sessions) {
      guard("look after a connection", () => sweep(session, nowMs));
    }
    guard("end live tails that nobody asks for", () => tails.sweep());
    guard("tell what was left out", () => system.sweep());
    guard("look after who is who", () => access?.sweep());
    guard("look after the rooms", () => rooms?.sweep(nowMs));
    guard("forget empty topics", () => kept?.forgetting.sweep());
    guard("mark how much was published", () => bus.tallies.sweep(nowMs));
    guard("end measurements of those who are gone", () => bus.measures.sweep());
    guard("give memory back", () => context.trimMemory());
  }
}
