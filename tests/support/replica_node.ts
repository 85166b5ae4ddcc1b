/**
 * A store that shares a log, with what a node does for it: follows the log, and takes up the lead.
 */
import { type CommitLog, LogError, type LogReader } from "../../lib/ports/commit_log.ts";
import type { Store } from "../../lib/ports/store.ts";

/** One node. */
export class ReplicaNode implements AsyncDisposable {
  readonly store: Store;
  readonly log: CommitLog;
  /** Why the node no longer leads, as it was told. */
  readonly deposed: LogError[] = [];
  #reader: LogReader | null = null;

  constructor(store: Store, log: CommitLog) {
    this.store = store;
    this.log = log;
    this.replica.deposed = (reason) => this.deposed.push(reason);
  }

  get replica() {
    return this.store.replica!;
  }

  /** Applies the log from the store's position on. */
  follow(): LogReader {
    return this.#reader ??= this.log.read(
      this.replica.position,
      async (entry) => void await this.replica.apply(entry),
    );
  }

  /** Stops leading and follows. */
  async stepDown(): Promise<void> {
    await this.replica.follow();
    this.follow();
  }

  /** Follows until everything was applied. */
  async caughtUp(): Promise<void> {
    const { lastSequence } = await this.log.state();
    await this.follow().reached(lastSequence);
  }

  /** Claims the lead; false when another was sooner. */
  async claim(name = "node"): Promise<boolean> {
    const { lastSequence } = await this.log.state();
    await this.follow().reached(lastSequence);
    await this.stopFollowing();
    try {
      await this.replica.claim(name, lastSequence);
      return true;
    } catch (error) {
      if (error instanceof LogError && error.fault === "fenced") return false;
      throw error;
    }
  }

  async stopFollowing(): Promise<void> {
    await this.#reader?.close();
    this.#reader = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopFollowing();
    await this.store.close();
  }
}
