/**
 * Keeps one node of a cluster in the lead: follows the log while another leads, claims the lead when that one is not
 * heard of, and gives it up when it is taken.
 *
 * Invariants: who leads is decided by the log alone. A claim names the last sequence that this node has applied, so whoever
 * claims has applied everything, and of several that claim one succeeds. Being heard of is having appended: who leads
 * appends a sign of life each second when there is nothing else. The time decides only when somebody tries: a clock that is
 * wrong costs a change of the lead, and nothing that was acknowledged.
 */
import type { Clock } from "../../base/clock.ts";
import { detached, handled } from "../../base/detached.ts";
import { logger } from "../../base/log.ts";
import { type CommitLog, LogError, type LogReader } from "../../ports/commit_log.ts";
import type { Replica } from "../../ports/replica.ts";

const log = logger("cluster");

/** Who is told of the lead. Calls must not raise. */
export interface LeadOwner {
  /** This node leads from now on: the store takes what is handed over. */
  leads(): void;
  /** This node leads no longer. */
  follows(): void;
  /** This node cannot go on with the log, for good: what it needs is gone, or it cannot be read. */
  lost(error: Error): void;
}

/** How the lead is kept. */
export interface LeadOptions {
  /** The name of this node, which others see. */
  readonly node: string;
  readonly log: CommitLog;
  readonly replica: Replica;
  readonly clock: Clock;
  readonly owner: LeadOwner;
  /** Who leads is replaced when it is not heard of for so long; absent: 3 s. */
  readonly silenceMs?: number;
  /** How often who leads is to be heard of; absent: a third of that. */
  readonly pulseMs?: number;
}

/** How it stands with the lead. */
export interface LeadStatus {
  readonly node: string;
  /** Whether this node leads. */
  readonly leads: boolean;
  /** The node that was last heard of as the one that leads; empty before that. */
  readonly writer: string;
  /** How long ago anything was read from the log, or appended to it, in milliseconds. */
  readonly heardAgoMs: number;
  /** The sequence up to which this node has applied the log. */
  readonly position: number;
  /** Why this node gets no further for the moment, or for good; null when it does. */
  readonly fault: Error | null;
}

/** The pause before a store that could not apply an entry tries again. */
const AGAIN_MS = 1000;

/** Keeps the lead of one node. */
export class LeadKeeper {
  readonly #options: LeadOptions;
  readonly #silenceMs: number;
  readonly #pulseMs: number;
  #writer = "";
  #heardMs: number;
  /** Until when this node claims nothing, because it has stepped down. */
  #restsUntilMs = 0;
  #fault: Error | null = null;
  #isClosed = false;
  /** Ends a pause early, and the lead with it. */
  #wake: () => void = () => {};
  #resigns = false;
  #running: Promise<void> | null = null;

  constructor(options: LeadOptions) {
    this.#options = options;
    this.#silenceMs = options.silenceMs ?? 3000;
    this.#pulseMs = options.pulseMs ?? this.#silenceMs / 3;
    this.#heardMs = options.clock.monotonicMs();
  }

  get status(): LeadStatus {
    const { node, replica, clock } = this.#options;
    return {
      node,
      leads: replica.leads,
      writer: this.#writer,
      heardAgoMs: clock.monotonicMs() - this.#heardMs,
      position: replica.position,
      fault: this.#fault,
    };
  }

  /** Begins to follow the log, once. */
  start(): void {
    this.#running ??= this.#run();
    detached(this.#running, "follow the cluster's log");
  }

  /** Gives up the lead, and lets others claim it first. */
  stepDown(): void {
    if (!this.#options.replica.leads) return;
    this.#resigns = true;
    this.#wake();
  }

  /** Ends: this node neither leads nor follows any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const last = await this.#followUntilSilent();
        if (last === null) return;
        await this.#claim(last);
      } catch (error) {
        if (!this.#isPassing(error)) return;
        await this.#pause(AGAIN_MS);
      }
    }
  }

  /** Whether following can be tried again after an error; tells the owner when not. */
  #isPassing(thrown: unknown): boolean {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const { fault } = error as Partial<LogError>;
    const isOver = fault === "trimmed" || fault === "lost" ||
      fault === undefined && (error as { retryable?: boolean }).retryable !== true;
    this.#fault = error;
    if (isOver) {
      log.error("this node cannot follow the cluster's log any more: {error}", { error });
      this.#options.owner.lost(error);
    } else log.warning("this node waits for the cluster's log: {error}", { error });
    return !isOver;
  }

  /**
   * Applies the log until nobody is heard of who leads; gives the last sequence then, null when this ends. Rejects with the
   * error of the log, or of the store that cannot apply an entry.
   */
  async #followUntilSilent(): Promise<number | null> {
    const { log: commitLog, replica } = this.#options;
    const reader = commitLog.read(replica.position, async (entry) => {
      const claimed = await replica.apply(entry);
      if (claimed !== null) this.#writer = claimed;
      this.#heard();
    });
    let over: Error | null = null;
    handled(reader.ended.catch((error) => over = error));
    try {
      while (!this.#isClosed) {
        await this.#pause(this.#silenceMs / 10);
        if (over !== null) throw over;
        const last = this.#isSilent() ? await this.#lastIfApplied(reader) : null;
        if (last !== null) return last;
      }
      return null;
    } finally {
      await reader.close();
    }
  }

  #isSilent(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    // Not all at the same time, since only one can have it.
    const patienceMs = this.#silenceMs * (1 + Math.random() / 4);
    return nowMs - this.#heardMs >= patienceMs && nowMs >= this.#restsUntilMs;
  }

  /** The last sequence of the log if this node has applied all of it; null otherwise, or when it does not answer. */
  async #lastIfApplied({ position }: LogReader): Promise<number | null> {
    try {
      const { lastSequence } = await this.#options.log.state();
      if (lastSequence === 0 || lastSequence <= position) return lastSequence;
      return null;
    } catch (error) {
      this.#unreachable(error);
      return null;
    }
  }

  async #claim(last: number): Promise<void> {
    const { node, replica, owner } = this.#options;
    if (this.#isClosed) return;
    let reason: LogError | null = null;
    replica.deposed = (why) => {
      reason = why;
      this.#wake();
    };
    try {
      await replica.claim(node, last);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      if (error.fault === "fenced") this.#heard();
      else this.#unreachable(error);
      return;
    }
    this.#writer = node;
    this.#resigns = false;
    this.#heard();
    log.info("this node leads the cluster", { node, last });
    owner.leads();
    while (replica.leads && !this.#isClosed && !this.#resigns) {
      await this.#pause(this.#pulseMs);
      await replica.pulse();
      if (replica.leads) this.#heard();
    }
    await replica.follow();
    this.#heard();
    if (this.#resigns) {
      this.#restsUntilMs = this.#options.clock.monotonicMs() + 2 * this.#silenceMs;
      this.#resigns = false;
    }
    log.info("this node no longer leads the cluster: {reason}", {
      node,
      reason: (reason as LogError | null)?.message ?? "it has stepped down",
    });
    owner.follows();
  }

  #heard(): void {
    this.#heardMs = this.#options.clock.monotonicMs();
    this.#fault = null;
  }

  #unreachable(thrown: unknown): void {
    this.#fault = thrown instanceof Error ? thrown : new Error(String(thrown));
  }

  /** Resolves after a while, or when there is something to do. */
  async #pause(ms: number): Promise<void> {
    if (this.#isClosed || this.#resigns) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }
}
