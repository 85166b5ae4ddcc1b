/**
 * The stage between the batches of a store and its backend where they are appended to the log that several nodes share.
 *
 * Invariants: a batch reaches the backend only when the log has it, and then in any case: when the backend fails, or the
 * outcome of an append is not known, this store leads no longer, takes back what it has not committed, and applies the
 * log from its position on. A batch of duplicates alone says nothing new, and is not appended.
 */
import { detached, settled } from "../../base/detached.ts";
import { assert, type ParleyError } from "../../base/errors.ts";
import { type CommitLog, type LogEntry, LogError } from "../../ports/commit_log.ts";
import type { Replica } from "../../ports/replica.ts";
import type { Batch } from "./batch.ts";
import { batchEntry, readEntry } from "./log_entry.ts";
import { isNew } from "./operations.ts";
import type { Committer, StorePipeline } from "./pipeline.ts";
import { noRoom, unavailable } from "./values.ts";

/** The store around the stage. */
export interface StageParts {
  readonly log: CommitLog;
  readonly backend: Committer;
  /** The batch of operations that came with the log. */
  readonly receive: (buffer: ArrayBuffer, nowMs: number) => Batch;
  /** Called when this store gives the numbers of topics and queues from now on, and when it no longer does. */
  readonly numbering: (isOwn: boolean) => void;
}

/** The stage of one store. */
export class LogStage implements Replica, Committer {
  position: number;
  leads = false;
  deposed: (reason: LogError) => void = () => {};
  readonly #parts: StageParts;
  /** The last sequence of the log, as far as this store has appended to it. */
  #last = 0;
  /** Whether this store has given numbers since it last applied an entry. */
  #numbers = false;
  /** The sequence of the batch that the backend has. */
  #committing = 0;
  pipeline!: StorePipeline;

  /** `position` is what the backend has applied. */
  constructor(parts: StageParts, position: number) {
    this.#parts = parts;
    this.position = position;
  }

  /** Why nothing is taken; null while the store leads. */
  get refusal(): ParleyError | null {
    return this.leads ? null : unavailable("keep it on this node", "it does not lead the cluster");
  }

  lead(last: number): void {
    assert(
      !this.leads && !this.pipeline.isBusy,
      "a store takes up the lead once, and has applied the log",
    );
    this.#parts.numbering(true);
    this.#last = last;
    this.leads = this.#numbers = true;
  }

  async follow(): Promise<void> {
    this.leads = false;
    await this.#whenIdle();
  }

  async apply({ sequence, bytes }: LogEntry): Promise<void> {
    if (sequence <= this.position) return;
    const record = readEntry(bytes);
    if (record.kind !== "batch") return;
    await this.#whenIdle();
    assert(!this.leads, "a store that leads does not apply the log");
    // Not sooner, since the batches of this store that have failed are told of by their numbers.
    if (this.#numbers) this.#parts.numbering(false);
    this.#numbers = false;
    const { buffer, nowMs } = record;
    const batch = this.#parts.receive(buffer, nowMs);
    this.#committing = sequence;
    await this.pipeline.apply(batch, () => {
      this.#parts.backend.commit(buffer, buffer.byteLength, nowMs, sequence);
    });
  }

  commit(buffer: ArrayBuffer, length: number, nowMs: number): void {
    const { refusal } = this;
    if (refusal !== null) queueMicrotask(() => this.pipeline.failed(buffer, refusal));
    else if (!isNew(buffer, length)) this.#parts.backend.commit(buffer, length, nowMs, 0);
    else detached(this.#append(buffer, length, nowMs), "append a batch to the log");
  }

  /** The backend has committed what it had. */
  committed(): void {
    if (this.#committing > 0) this.position = this.#committing;
    this.#committing = 0;
  }

  /** The backend has failed with what it had; gives the error that callers get. */
  failed(error: ParleyError): ParleyError {
    const isLogged = this.#committing > 0;
    this.#committing = 0;
    if (!isLogged || !this.leads) return error;
    const reason = new LogError("lost", "this node could not commit what the log holds", {
      cause: error,
    });
    return this.#depose(reason);
  }

  async #append(buffer: ArrayBuffer, length: number, nowMs: number): Promise<void> {
    const { log, backend } = this.#parts;
    let sequence: number;
    try {
      sequence = await log.append(batchEntry(buffer, length, nowMs), this.#last);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      this.pipeline.failed(buffer, this.#refused(error));
      return;
    }
    // It is in the log, so it is committed here, too, even when the lead was given up meanwhile.
    this.#last = this.#committing = sequence;
    backend.commit(buffer, length, nowMs, sequence);
  }

  #refused(error: LogError): ParleyError {
    if (error.fault !== "full") return this.#depose(error);
    this.#last = error.lastSequence;
    return noRoom("cannot keep it: the cluster's log has no room", "another try later", error);
  }

  #depose(reason: LogError): ParleyError {
    if (this.leads) {
      this.leads = false;
      // When the batch has failed for its callers.
      queueMicrotask(() => this.deposed(reason));
    }
    return unavailable(
      "say whether it is kept",
      "this node no longer leads the cluster; message_id lets a second try do no harm",
      reason,
    );
  }

  /** Resolves when no batch is under way. */
  async #whenIdle(): Promise<void> {
    while (this.pipeline.isBusy) await settled(this.pipeline.flush(), "commit what was under way");
  }
}
