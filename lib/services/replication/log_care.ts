/**
 * Keeps the log short: makes snapshots of the store that leads, and drops from the log what a snapshot holds and is old.
 *
 * Invariants: nothing is dropped that no snapshot holds, so a node that is new or was away can always begin. What is
 * younger than `keepMs` stays, so that nodes that were away for a moment go on without one; unless the log is half full,
 * when room for what comes is worth more. Only who leads does any of it.
 */
import type { Clock } from "../../base/clock.ts";
import { detached } from "../../base/detached.ts";
import { logger } from "../../base/log.ts";
import type { CommitLog } from "../../ports/commit_log.ts";
import type { SnapshotInfo, Snapshots } from "../../ports/snapshots.ts";
import type { Store } from "../../ports/store.ts";

const log = logger("cluster");

/** How the log is kept short. */
export interface LogCareOptions {
  readonly node: string;
  readonly log: CommitLog;
  /** A store with a replica. */
  readonly store: Store;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  /** For how long entries stay in the log at least; absent: an hour. */
  readonly keepMs?: number;
  /** How often the log is looked at; absent: each minute. */
  readonly lookMs?: number;
}

/** A position of the store, and when it was there. */
interface Mark {
  readonly sequence: number;
  readonly atMs: number;
}

/** The part of the log past which it is trimmed to the newest snapshot. */
const HALF_FULL = 0.5;

/** Keeps one log short. */
export class LogCare {
  /** The newest snapshot that is known; null when none is. */
  newest: SnapshotInfo | null = null;
  /** Why the last look did not do what it should; null when it did. */
  failure: Error | null = null;
  readonly #options: LogCareOptions;
  readonly #keepMs: number;
  readonly #timer: ReturnType<typeof setInterval>;
  /** The positions of the last looks, oldest first, with one that is older than what is kept. */
  #marks: Mark[] = [];
  #looking: Promise<void> | null = null;
  #making: Promise<SnapshotInfo> | null = null;

  constructor(options: LogCareOptions) {
    this.#options = options;
    this.#keepMs = options.keepMs ?? 3600_000;
    this.#timer = setInterval(
      () => detached(this.look(), "look at the length of the cluster's log"),
      options.lookMs ?? 60_000,
    );
  }

  /** Looks at the log now, and does what is due; never rejects. */
  look(): Promise<void> {
    return this.#looking ??= this.#look().finally(() => this.#looking = null);
  }

  /** Makes a snapshot now, or waits for the one that is being made. Rejects with a ParleyError. */
  snapshot(): Promise<SnapshotInfo> {
    return this.#making ??= this.#make().finally(() => this.#making = null);
  }

  async #make(): Promise<SnapshotInfo> {
    const { store, snapshots, node } = this.#options;
    const { position } = store.replica!;
    this.newest = await snapshots.put((path) => store.backup(path), position, node);
    const { sequence, bytes } = this.newest;
    log.info("a snapshot of the cluster's store was made", { sequence, bytes });
    return this.newest;
  }

  /** Ends; what is under way is waited for. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { log: commitLog, store, snapshots } = this.#options;
    if (!store.replica!.leads) {
      // Another one's time begins when it leads.
      this.#marks = [];
      return;
    }
    try {
      const { firstSequence, fullness } = await commitLog.state();
      const old = this.#oldPosition();
      const isFilling = fullness > HALF_FULL;
      if (old < firstSequence && !isFilling) return;
      this.newest = await snapshots.newest();
      if ((this.newest?.sequence ?? 0) < old || isFilling && this.#isStale(firstSequence)) {
        await this.snapshot();
      }
      const held = this.newest?.sequence ?? 0;
      const until = isFilling ? held : Math.min(held, old);
      if (until >= firstSequence) await commitLog.trim(until + 1);
      this.failure = null;
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
      log.warning("the cluster's log could not be shortened: {error}", { error });
    }
  }

  /** Whether the newest snapshot would let nothing, or nearly nothing, of a log that fills be dropped. */
  #isStale(firstSequence: number): boolean {
    const { position } = this.#options.store.replica!;
    return (this.newest?.sequence ?? 0) - firstSequence < (position - firstSequence) / 2;
  }

  /** The newest position that is older than what is kept; 0 when none is known. */
  #oldPosition(): number {
    const { clock, store } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#marks.push({ sequence: store.replica!.position, atMs: nowMs });
    while (this.#marks.length > 1 && nowMs - this.#marks[1].atMs >= this.#keepMs) {
      this.#marks.shift();
    }
    const [{ sequence, atMs }] = this.#marks;
    return nowMs - atMs >= this.#keepMs ? sequence : 0;
  }
}
