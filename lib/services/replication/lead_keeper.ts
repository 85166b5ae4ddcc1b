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
import type { Lead } from "../../ports/lead.ts";
import type { Replica } from "../../ports/replica.ts";
import { CatchUp } from "./catch_up.ts";
import { type ClaimName, claimOf, NOBODY, readClaim } from "./claim_name.ts";

const log = logger("cluster");

/** Who is told of the lead. */
export interface LeadOwner {
  /**
   * This node leads from now on. The store takes what is handed over once the promise resolves; when it rejects, this node
   * steps down.
   */
  leads(): void | Promise<void>;
  /** This node leads no longer; what `leads` began is over. Must not raise. */
  follows(): void;
  /** This node cannot go on with the log, for good: what it needs is gone, or it cannot be read. Must not raise. */
  lost(error: Error): void;
}

/** How the lead is kept. */
export interface LeadOptions {
  /** The id of this node, without spaces, and its name for people; absent: none. */
  readonly node: string;
  readonly name?: string;
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
  /** The id and the name of the node that was last heard of as the one that leads; empty while none is. */
  readonly writer: string;
  readonly writerName: string;
  /** How long ago anything was read from the log, or appended to it, in milliseconds. */
  readonly heardAgoMs: number;
  /** The sequence of the last batch that this node has applied. */
  readonly position: number;
  /** The sequence up to which it has read the log; for the node that leads that of its last batch at least. */
  readonly read: number;
  /** Why this node gets no further for the moment, or for good; null when it does. */
  readonly fault: Error | null;
}

/** The pause before a store that could not apply an entry tries again. */
const AGAIN_MS = 1000;

/** Keeps the lead of one node. */
export class LeadKeeper implements Lead {
  readonly #options: LeadOptions;
  readonly #silenceMs: number;
  readonly #pulseMs: number;
  readonly #catchUp: CatchUp;
  #writer: ClaimName = NOBODY;
  /** Who has claimed the lead last, as far as the log was applied: whatever it holds from then on is that node's. */
  #claimed: ClaimName = NOBODY;
  #heardMs: number;
  /** Until when this node claims nothing, because it has stepped down. */
  #restsUntilMs = 0;
  #fault: Error | null = null;
  #isClosed = false;
  /** Whether it was looked if there is anything in the log. */
  #hasBegun = false;
  /** Ends a pause early, and the lead with it. */
  #wake: () => void = () => {};
  #resigns = false;
  #running: Promise<void> | null = null;
  #reader: LogReader | null = null;
  readonly #listeners = new Set<() => void>();

  constructor(options: LeadOptions) {
    this.#options = options;
    this.#silenceMs = options.silenceMs ?? 3000;
    this.#pulseMs = options.pulseMs ?? this.#silenceMs / 3;
    this.#heardMs = options.clock.monotonicMs();
    this.#catchUp = new CatchUp(options.log, () => this.#reader);
    options.replica.excuse = "it has not read the cluster's log yet";
  }

  get status(): LeadStatus {
    const { node, replica, clock } = this.#options;
    const { position, leads } = replica;
    return {
      node,
      leads,
      writer: this.#writer.id,
      writerName: this.#writer.name,
      heardAgoMs: clock.monotonicMs() - this.#heardMs,
      position,
      read: Math.max(this.#reader?.position ?? 0, position),
      fault: this.#fault,
    };
  }

  writer(): string | undefined {
    return this.#writer.id === "" ? undefined : this.#writer.id;
  }

  isWriter(): boolean {
    return this.#options.replica.refusal === null;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  caughtUp(mostMs: number): Promise<void> {
    return this.isWriter() ? Promise.resolve() : this.#catchUp.within(mostMs);
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

  /** Ends: this node neither leads nor follows any more. Others need not wait until they hear nothing of it. */
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
    const isKnown = this.#fault?.message === error.message;
    this.#fault = error;
    if (isOver) {
      this.#heardOf(NOBODY, `it cannot follow the cluster's log any more: ${error.message}`);
      log.error("this node cannot follow the cluster's log any more: {error}", { error });
      this.#options.owner.lost(error);
    } else if (!isKnown) {
      this.#heardOf(NOBODY);
      log.warning("this node waits for the cluster's log: {error}", { error });
    }
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
      this.#heard();
      if (claimed !== null) this.#heardClaim(claimed);
      // It was silent for a while, and is there all the same.
      else if (this.#writer.id === "" && this.#claimed.id !== "") this.#heardOf(this.#claimed);
    });
    this.#reader = reader;
    let over: Error | null = null;
    handled(reader.ended.catch((error) => over = error));
    try {
      if (await this.#isNobodyToHear(reader)) return 0;
      while (!this.#isClosed) {
        await this.#pause(this.#silenceMs / 10);
        if (over !== null) throw over;
        const isSilent = this.#isSilent();
        if (isSilent) this.#heardOf(NOBODY);
        const last = isSilent ? await this.#lastIfApplied(reader) : null;
        if (last !== null) return last;
      }
      return null;
    } finally {
      await reader.close();
      this.#reader = null;
    }
  }

  /** Whether the log was empty when this node began: nobody can be heard of in it. */
  async #isNobodyToHear(reader: LogReader): Promise<boolean> {
    if (this.#hasBegun) return false;
    this.#hasBegun = true;
    return reader.position === 0 && await this.#lastIfApplied(reader) === 0;
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
    const { node, name = "", replica, owner } = this.#options;
    if (this.#isClosed) return;
    let reason: LogError | null = null;
    replica.deposed = (why) => {
      reason = why;
      this.#wake();
    };
    try {
      await replica.claim(claimOf({ id: node, name }), last);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      if (error.fault === "fenced") this.#heard();
      else this.#unreachable(error);
      return;
    }
    this.#resigns = false;
    this.#heard();
    this.#claimed = { id: node, name };
    this.#heardOf(this.#claimed, "it is about to lead the cluster");
    log.info("this node leads the cluster", { node, last });
    const taken = this.#takeUp();
    while (replica.leads && !this.#isClosed && !this.#resigns) {
      await this.#pause(this.#pulseMs);
      await replica.pulse();
      if (replica.leads) this.#heard();
    }
    const why = this.#isClosed ? "it stops" : "it has stepped down";
    replica.excuse = why;
    await taken;
    replica.excuse = why;
    // Where the log gives no answer, others find out by themselves.
    if (this.#isHeard()) await replica.resign();
    else await replica.follow();
    this.#heard();
    if (this.#resigns) {
      this.#restsUntilMs = this.#options.clock.monotonicMs() + 2 * this.#silenceMs;
      this.#resigns = false;
    }
    log.info("this node no longer leads the cluster: {reason}", {
      node,
      reason: (reason as LogError | null)?.message ?? why,
    });
    owner.follows();
    this.#heardOf(NOBODY);
  }

  /** Has the owner take up what only who leads has; what is kept is taken from then on. */
  async #takeUp(): Promise<void> {
    const { replica, owner } = this.#options;
    try {
      await owner.leads();
    } catch (error) {
      this.#unreachable(error);
      log.error("this node leads the cluster and could not take it up: {error}", { error });
      this.#resigns = true;
      return this.#wake();
    }
    if (!replica.leads || this.#isClosed || this.#resigns) return;
    replica.excuse = null;
    this.#tell();
  }

  #heardClaim(claimed: string): void {
    const writer = this.#claimed = readClaim(claimed);
    // Who says that it leads no longer need not be waited for.
    if (writer.id === "") this.#heardMs = -Infinity;
    this.#heardOf(writer);
    if (writer.id === "") this.#wake();
  }

  /** Notes who leads, and so why nothing can be kept here. */
  #heardOf(writer: ClaimName, why = this.#whyNobody()): void {
    const { replica } = this.#options;
    const isOther = writer.id !== this.#writer.id;
    const isHere = writer.id === this.#options.node;
    this.#writer = writer;
    replica.excuse = writer.id === "" || isHere
      ? why
      : `the node ${writer.name || writer.id} leads the cluster`;
    if (isOther) this.#tell();
  }

  #whyNobody(): string {
    return this.#fault === null
      ? "no node of the cluster leads at the moment"
      : `the cluster's log gives no answer: ${this.#fault.message}`;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #isHeard(): boolean {
    return this.#options.clock.monotonicMs() - this.#heardMs < this.#silenceMs;
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
