/**
 * The stage between the batches of a store and its backend where they are appended to the log that several nodes share.
 *
 * Invariants: a batch reaches the backend only when the log has it, and then in any case: when the backend fails, or the
 * outcome of an append is not known, this store leads no longer, takes back what it has not committed, and applies the
 * log from its position on. A batch of duplicates alone says nothing new, and is not appended.
 */
import type { Clock } from "../../../base/clock.ts";
import { detached, settled, whenOver } from "../../../base/detached.ts";
import { assert, type ParleyError } from "../../../base/errors.ts";
import { type CommitLog, type LogEntry, LogError } from "../../../ports/commit_log.ts";
import type { Replica } from "../../../ports/replica.ts";
import type { Batch } from "../batch.ts";
import { batchEntry, claimEntry, readEntry } from "./log_entry.ts";
import { isNew } from "../operations.ts";
import type { Committer, StorePipeline } from "../pipeline.ts";
import { noRoom, unavailable } from "../values.ts";

/** The store around the stage. */
export interface StageParts {
  readonly log: CommitLog;
  readonly clock: Clock;
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
  excuse: string | null = null;
  deposed: (reason: LogError) => void = () => {};
  readonly #parts: StageParts;
  /** The last sequence of the log, as far as this store has appended to it. */
  #last = 0;
  #node = "";
  /** The sign of life that is under way, and the batch that is on its way into the log: they go there one after the other. */
  #pulsing: Promise<void> | null = null;
  #appending: Promise<void> | null = null;
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

  get refusal(): string | null {
    return this.leads ? this.excuse : this.excuse ?? "it does not lead the cluster";
  }

  /** The refusal as callers get it; null while everything is taken. */
  get whyNot(): ParleyError | null {
    const { refusal } = this;
    return refusal === null ? null : unavailable("keep it on this node", refusal);
  }

  async claim(node: string, last: number): Promise<void> {
    await this.#whenIdle();
    assert(!this.leads, "who claims the lead has followed until then");
    this.#last = await this.#parts.log.append(claimEntry(node, this.#parts.clock.wallMs()), last);
    this.#parts.numbering(true);
    this.#node = node;
    this.leads = this.#numbers = true;
  }

  pulse(): Promise<void> {
    return this.#pulsing ??= this.#pulse().finally(() => this.#pulsing = null);
  }

  async #pulse(): Promise<void> {
    // A batch is a sign of life, too, but does not say whose: who has come to follow under load is to know.
    if (this.#appending !== null) await whenOver(this.#appending);
    if (!this.leads) return;
    const { log, clock } = this.#parts;
    try {
      this.#last = await log.append(claimEntry(this.#node, clock.wallMs()), this.#last);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      this.#refused(error);
    }
  }

  async follow(): Promise<void> {
    this.leads = false;
    await this.#whenIdle();
  }

  async resign(): Promise<void> {
    if (!this.leads) return await this.follow();
    await this.follow();
    await this.#pulsing;
    const entry = claimEntry("", this.#parts.clock.wallMs());
    try {
      this.#last = await this.#parts.log.append(entry, this.#last);
    } catch (error) {
      // Then the others wait until they hear nothing.
      if (!(error instanceof LogError)) throw error;
    }
  }

  async apply({ sequence, bytes }: LogEntry): Promise<string | null> {
    const record = readEntry(bytes);
    if (record.kind === "claim") return record.node;
    if (sequence <= this.position) return null;
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
    return null;
  }

  commit(buffer: ArrayBuffer, length: number, nowMs: number): void {
    const refused = this.leads ? null : this.whyNot;
    if (refused !== null) queueMicrotask(() => this.pipeline.failed(buffer, refused));
    else if (!isNew(buffer, length)) this.#parts.backend.commit(buffer, length, nowMs, 0);
    else {
      const appending = this.#appending = this.#append(buffer, length, nowMs);
      const over = () => void (this.#appending === appending && (this.#appending = null));
      detached(appending.finally(over), "append a batch to the log");
    }
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
    await this.#pulsing;
    let sequence: number;
    try {
      if (!this.leads) throw new LogError("fenced", "another node leads");
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
