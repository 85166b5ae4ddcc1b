/**
 * How it stands with the log that nodes share, as one of them sees it: looks now and then, tells the other nodes what this
 * one has applied, and the system topic when another node writes.
 */
import type { Clock } from "../../base/clock.ts";
import { detached } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { DETAIL, type LogFacts, type LogRole } from "../../ports/cluster_facts.ts";
import type { CommitLog, LogState } from "../../ports/commit_log.ts";
import type { Replica } from "../../ports/replica.ts";
import type { SnapshotInfo } from "../../ports/snapshots.ts";
import type { LeadKeeper } from "./lead_keeper.ts";
import type { LogCare } from "./log_care.ts";

/** How often the log is asked what it holds. */
const LOOK_MS = 1000;

/** What is watched. */
export interface WatchedLog {
  readonly log: CommitLog;
  readonly replica: Replica;
  readonly keeper: LeadKeeper;
  readonly care: LogCare;
  readonly clock: Clock;
  /** Tells the other nodes such details of this one. */
  readonly describe: (details: Readonly<Record<string, string>>) => void;
}

/** Watches one log. */
export class LogWatch implements LogFacts {
  hasCaughtUp = false;
  lag = 0;
  /** Why this node cannot go on with the log; null while it can. */
  lost: Error | null = null;
  readonly #watched: WatchedLog;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #forget: () => void;
  #state: LogState = { firstSequence: 0, lastSequence: 0, fullness: 0 };
  #unanswered: Error | null = null;
  #looking: Promise<void> | null = null;

  constructor(watched: WatchedLog) {
    this.#watched = watched;
    this.#timer = setInterval(() => this.#begin(), LOOK_MS);
    this.#forget = watched.keeper.onChange(() => this.#tell());
    this.#begin();
  }

  get role(): LogRole {
    if (this.lost !== null) return "lost";
    return this.#watched.keeper.isWriter() ? "writer" : "follower";
  }

  get writer(): string {
    return this.#watched.keeper.status.writer;
  }

  get writerName(): string {
    return this.#watched.keeper.status.writerName;
  }

  get epoch(): string {
    return this.#watched.log.epoch;
  }

  get level(): AckLevel {
    return this.#watched.log.level;
  }

  get replicas(): number {
    return this.#watched.log.replicas;
  }

  get first(): number {
    return this.#state.firstSequence;
  }

  get last(): number {
    return Math.max(this.#state.lastSequence, this.#watched.replica.position);
  }

  get fullness(): number {
    return this.#state.fullness;
  }

  get applied(): number {
    const { replica, keeper } = this.#watched;
    // Who leads has applied all there is: what comes behind its batches are its own signs of life.
    return replica.leads ? this.last : keeper.status.read;
  }

  get heardAgoMs(): number {
    return Math.max(0, Math.round(this.#watched.keeper.status.heardAgoMs));
  }

  get refusal(): string {
    return this.#watched.replica.refusal ?? "";
  }

  get fault(): string {
    const fault = this.lost ?? this.#watched.keeper.status.fault ?? this.#unanswered;
    return fault?.message ?? "";
  }

  get snapshot(): SnapshotInfo | null {
    return this.#watched.care.newest;
  }

  stepDown(): void {
    const { keeper, replica } = this.#watched;
    if (!replica.leads) {
      const { writer, writerName } = keeper.status;
      throw new ParleyError(
        ErrorCode.FAILED_PRECONDITION,
        "cannot step down: this node does not lead the cluster",
        { accepted: writer === "" ? "a node that leads" : `the node ${writerName || writer}` },
      );
    }
    keeper.stepDown();
  }

  /** Looks no more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#forget();
    await this.#looking;
  }

  #begin(): void {
    if (this.#looking !== null) return;
    this.#looking = this.#look().finally(() => this.#looking = null);
    detached(this.#looking, "look how long the cluster's log is");
  }

  async #look(): Promise<void> {
    try {
      this.#state = await this.#watched.log.state();
      this.#unanswered = null;
      this.lag = Math.max(0, this.#state.lastSequence - this.applied);
      if (this.lag === 0) this.hasCaughtUp = true;
    } catch (error) {
      this.#unanswered = error instanceof Error ? error : new Error(String(error));
    }
    this.#tell();
  }

  #tell(): void {
    this.#watched.describe({
      [DETAIL.role]: this.role,
      [DETAIL.applied]: String(this.applied),
    });
  }
}
