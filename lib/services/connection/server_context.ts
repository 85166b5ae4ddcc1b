/**
 * The state that all sessions of one server share: its limits, counters, coarse clock and buffers.
 *
 * Limits can change while the server runs: the object stays, so whoever holds it sees the new values.
 * The context owns no connection and knows no feature; the composition root makes one of each.
 */
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import { logger } from "../../base/log.ts";
import { Rates } from "../../logic/access/rates.ts";
import { SlabPool } from "../../wire/slab_pool.ts";
import { type IoPoll, TIMER_POLL } from "../../ports/io_poll.ts";
import type { Notices } from "../../ports/notices.ts";
import type { Span, Tracing } from "../../ports/tracing.ts";
import { OutboxBudget } from "../../wire/outbox_budget.ts";
import { InputBudget } from "../../wire/input_budget.ts";
import { MessageScan } from "../../wire/message_scan.ts";
import { PayloadScan } from "../../wire/payload_scan.ts";
import { Counters } from "./counters.ts";
import { FairTurns } from "./fair_turns.ts";

const log = logger("connection");

/** The shortest time between two log lines about connections that have to go. */
const WARN_INTERVAL_MS = 10_000;
/** The time between two returns to the system of memory that is only kept at hand. */
const TRIM_INTERVAL_MS = 5000;

/** The shared state of a server's sessions. */
export class ServerContext {
  readonly limits: Limits;
  readonly clock: Clock;
  /** A value that changes with each start. */
  readonly serverId: string;
  readonly counters = new Counters();
  readonly pool = new SlabPool();
  /** The memory of all outboxes together. */
  readonly budget: OutboxBudget;
  /** The memory of all input that waits. */
  readonly input: InputBudget;
  /** How much connections may send; null when there is no rate. */
  rates: Rates | null;
  /** The scan of the message in hand; there is one at a time, since dispatch never waits. */
  readonly scan = new MessageScan();
  /** The scan of the event, call or job in it. */
  readonly payload: PayloadScan;
  /** The turns in which the sessions work. */
  readonly turns: FairTurns;
  /** The monotonic time of the last tick, in milliseconds: good enough for seconds, free to read. */
  nowMs: number;
  /** Told of what an operator may want to know at once; null while nobody is. */
  notices: Notices | null = null;
  /** Where spans go; null when nothing is traced. */
  tracing: Tracing | null = null;
  /** The span of the message in hand, until a handler takes it; null when that is not traced. */
  span: Span | null = null;
  /** The number of silent peers that may still be probed in this sweep. */
  probesLeft = 0;
  #sessions = 0;
  #trimmedMs: number;

  constructor(limits: Limits, clock: Clock, serverId: string, poll: IoPoll = TIMER_POLL) {
    limits = this.limits = { ...limits };
    this.budget = new OutboxBudget(limits.maxOutboxTotalBytes);
    this.input = inputBudgetOf(this);
    this.rates = Rates.of(limits);
    this.clock = clock;
    this.serverId = serverId;
    this.nowMs = this.#trimmedMs = clock.monotonicMs();
    this.turns = new FairTurns(poll, () => clock.monotonicMs());
    this.payload = new PayloadScan(limits);
  }

  /** Puts other limits in force. Sessions that are there take those of their own with `takeLimits`. */
  setLimits(limits: Limits): void {
    const rates = ratesOf(this.limits) !== ratesOf(limits);
    Object.assign(this.limits, limits);
    this.budget.setLimit(limits.maxOutboxTotalBytes);
    this.input.setLimit(limits.maxInputTotalBytes);
    // Buckets are made for a rate: those of another one begin full.
    if (rates) this.rates = Rates.of(this.limits);
  }

  /** Gives memory back that is only kept at hand. To be called with every sweep. */
  trimMemory(): void {
    if (this.nowMs - this.#trimmedMs < TRIM_INTERVAL_MS) return;
    this.#trimmedMs = this.nowMs;
    this.pool.trim();
  }

  /** Brings the coarse clock up to date. */
  tick(): void {
    this.nowMs = this.clock.monotonicMs();
  }

  /** Takes the span of the message in hand, to end it later. */
  takeSpan(): Span | null {
    const { span } = this;
    this.span = null;
    return span;
  }

  /** The number of the next session, from 1. */
  nextSession(): number {
    return ++this.#sessions;
  }
}

/** The rates among the limits, as one text that is another when one has changed. */
function ratesOf(limits: Limits): string {
  const rates = Object.entries(limits).filter(([name]) => /^rate.*(PerSecond|Burst)/.test(name));
  return rates.map(([, value]) => value).join();
}

/** The budget of all input of a server. */
function inputBudgetOf(context: ServerContext): InputBudget {
  let warnedMs = -Infinity;
  return new InputBudget(
    context.limits.maxInputTotalBytes,
    context.pool,
    () => context.nowMs,
    (bytes) => {
      // In a flood of them one line has to do; each of them is in the log for debugging, by its end.
      if (context.nowMs - warnedMs < WARN_INTERVAL_MS) return;
      warnedMs = context.nowMs;
      log.warning(
        "input that waits has used up its memory: connections that hold most of it are ended",
        { bytes },
      );
    },
  );
}
