/**
 * What all sessions of one server share: its limits, counters, coarse clock and buffers.
 *
 * The host owns no connection; the composition root makes one host a server.
 */
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import { SlabPool } from "../../wire/slab_pool.ts";
import type { KeepPolicies } from "../../logic/topics/keep_policies.ts";
import type { QueuePolicies } from "../../logic/queues/policies.ts";
import { type IoPoll, TIMER_POLL } from "../../ports/io_poll.ts";
import type { Store } from "../../ports/store.ts";
import { OutboxBudget } from "../../wire/outbox_budget.ts";
import type { InputBudget } from "../../wire/input_budget.ts";
import { MessageScan } from "../../wire/message_scan.ts";
import { Bus } from "../topics/bus.ts";
import { Calls } from "../calls/calls.ts";
import { KeptTopics } from "../kept/kept_topics.ts";
import { Queues } from "../queues/queues.ts";
import { Rooms } from "../rooms/rooms.ts";
import { Counters } from "./counters.ts";
import { FairTurns } from "./fair_turns.ts";
import { inputBudgetOf } from "./input_watch.ts";

/** How often memory that is only kept at hand goes back to the system. */
const TRIM_INTERVAL_MS = 5000;

/** The shared state of a server's sessions. */
export class SessionHost {
  readonly limits: Limits;
  readonly clock: Clock;
  /** A value that changes with each start. */
  readonly serverId: string;
  readonly counters = new Counters();
  readonly pool = new SlabPool();
  /** What all outboxes hold together. */
  readonly budget: OutboxBudget;
  /** What of all input is held and waits. */
  readonly input: InputBudget;
  /** The scan of the message in hand; there is one at a time, since dispatch never waits. */
  readonly scan = new MessageScan();
  /** Who may work, and for how long. */
  readonly turns: FairTurns;
  /** Topics and subscriptions. */
  readonly bus: Bus;
  /** Topics that are kept; null while there is no store. */
  kept: KeptTopics | null = null;
  /** Rooms; null while there is no store. */
  rooms: Rooms | null = null;
  /** Queues; null while there is no store. */
  queues: Queues | null = null;
  /** Services and calls under way. */
  readonly calls: Calls;
  /** The monotonic time of the last tick, in milliseconds: good enough for seconds, free to read. */
  nowMs: number;
  /** How many silent peers may still be probed in this sweep. */
  probesLeft = 0;
  #sessions = 0;
  #trimmedMs: number;

  constructor(limits: Limits, clock: Clock, serverId: string, poll: IoPoll = TIMER_POLL) {
    this.limits = limits;
    this.budget = new OutboxBudget(limits.maxOutboxTotalBytes);
    this.input = inputBudgetOf(this);
    this.clock = clock;
    this.serverId = serverId;
    this.nowMs = this.#trimmedMs = clock.monotonicMs();
    this.turns = new FairTurns(poll, () => clock.monotonicMs());
    this.bus = new Bus(this);
    this.calls = new Calls(this);
  }

  /** Keeps topics and queues in `store` from now on; once, before the first session. */
  keep(store: Store, policies: KeepPolicies, queues: QueuePolicies): void {
    this.queues = new Queues(this, store, queues);
    this.kept = new KeptTopics(this, this.bus, store, policies, this.queues);
    this.rooms = new Rooms(this, this.kept);
  }

  /** The counters with what the bus, the budget of input and the turns count for themselves. */
  snapshot(): Counters {
    const { bus, counters, input, turns } = this;
    return {
      ...counters,
      eventsOut: counters.eventsOut + bus.deliveredEvents,
      messagesOut: counters.messagesOut + bus.deliveredEvents,
      bytesOut: counters.bytesOut + bus.deliveredBytes,
      slowSenderCloses: counters.slowSenderCloses + input.gone,
      ioPolls: turns.polls,
      longestTurnMs: turns.longestTurnMs,
      longestTurnWaitMs: turns.longestWaitMs,
    };
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

  /** The number of the next session, from 1. */
  nextSession(): number {
    return ++this.#sessions;
  }
}
