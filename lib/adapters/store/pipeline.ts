/**
 * The pipeline of a store: two batches, one with the backend and one that gathers. Ships the next batch when the
 * last is done, tells the listener, and holds publishers up when too much gathers.
 *
 * When the batch under way fails, the one that gathers fails with it, since it was numbered upon it. The next
 * batch leaves before the listener is told about the last, so that the backend works meanwhile. A listener that
 * has much to do with a batch takes its time: it is told of the next one when it is done, and until then no
 * further batch leaves.
 */
import { BucketCounts, SIZE_BOUNDS, TIME_BOUNDS_MS } from "../../ports/bucket_counts.ts";
import type { Clock } from "../../base/clock.ts";
import { guard } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { assert, type ParleyError } from "../../base/errors.ts";
import type { StoreLimits } from "../../base/store_limits.ts";
import type { StoreListener } from "../../ports/store.ts";
import { Batch, type CommitSink } from "./batch.ts";
import type { StoredLog } from "./stored_log.ts";
import { noRoom } from "./values.ts";

/** A buffer up to this size is used again. */
const SPARE_BYTES = 16 * 1024 * 1024;
/** Stands for a buffer that a lost backend took with it. */
const LOST = new ArrayBuffer(0);

/** Commits batches: the backend, or the log in front of it. */
export interface Committer {
  /** As that of StoreBackend. */
  commit(buffer: ArrayBuffer, length: number, nowMs: number, sequence: number): void;
}

/** The owner of a pipeline, which keeps the figures. */
export interface PipelineOwner {
  /** The topic or queue of a number. */
  logOf(number: number): StoredLog;
  /** The sink of committed entries other than events and jobs. */
  readonly sink: CommitSink;
  /** Takes a committed batch after the walk over it. */
  told(batch: Batch): void;
  /** Takes back these batches, which have failed; there are no others. */
  fallBack(batches: readonly Batch[]): void;
}

/** The batches of one store. */
export class StorePipeline {
  listener: StoreListener | null = null;
  /** The batch that operations go into. */
  gathering: Batch;
  committedBatches = 0;
  failedBatches = 0;
  /** Why the last batch failed; null when it was committed. */
  failure: ParleyError | null = null;
  #failedMs = 0;
  readonly timings = {
    commitMs: new BucketCounts(TIME_BOUNDS_MS),
    syncMs: new BucketCounts(TIME_BOUNDS_MS),
    batchEntries: new BucketCounts(SIZE_BOUNDS),
  };

  readonly #owner: PipelineOwner;
  readonly #backend: Committer;
  readonly #limits: StoreLimits;
  readonly #clock: Clock;
  readonly #logOf: (number: number) => StoredLog;
  #underWay: Batch | null = null;
  #shippedMs = 0;
  /** The batch that the listener is being told of. */
  #telling: Batch | null = null;
  /** The reactions to what the backend said while the listener was being told of a batch, in order. */
  readonly #later: (() => void)[] = [];
  /** Whether the outcome of the batch under way is known, and perhaps not told yet. */
  #outcomeIsKnown = false;
  #scheduled = false;
  #wanted = false;
  /** Whether the listener was asked for what leaves with the batch that gathers, and is being asked now. */
  #asked = false;
  #asking = false;
  /** Whether the listener may no longer hand anything over. */
  #ended = false;
  /** Why no batch goes to the backend any more; null while they do. */
  #refusal: ParleyError | null = null;
  #spare: ArrayBuffer | undefined;
  #readyWaiters: (() => void)[] = [];

  constructor(owner: PipelineOwner, backend: Committer, limits: StoreLimits, clock: Clock) {
    this.#owner = owner;
    this.#backend = backend;
    this.#limits = limits;
    this.#clock = clock;
    this.#logOf = (number) => owner.logOf(number);
    this.gathering = new Batch(this.#logOf);
  }

  get overloaded(): boolean {
    const { operations, count } = this.gathering;
    return operations.length >= this.#limits.maxStoreBatchBytes ||
      count >= this.#limits.maxStoreBatchEntries;
  }

  /** Entries that are not committed. */
  get pendingEntries(): number {
    return this.gathering.count + (this.#underWay?.count ?? 0);
  }

  /** For how long the backend has had the batch under way, in milliseconds; 0 when there is none. */
  get underWayMs(): number {
    if (this.#underWay === null || this.#outcomeIsKnown) return 0;
    return this.#clock.monotonicMs() - this.#shippedMs;
  }

  /** How long ago the last batch failed, in milliseconds. */
  get failedAgoMs(): number {
    return this.#clock.monotonicMs() - this.#failedMs;
  }

  whenReady(): Promise<void> {
    if (!this.overloaded) return Promise.resolve();
    return new Promise((resolve) => this.#readyWaiters.push(resolve));
  }

  /** Raises RESOURCE_EXHAUSTED when `bytes` more would be too much. */
  checkRoom(bytes: number): void {
    const { length } = this.gathering.operations;
    const { maxStorePendingBytes } = this.#limits;
    // Entries that the listener adds to a full batch are few, and could not be refused without losing the batch.
    if (length + bytes <= maxStorePendingBytes || this.#asking) return;
    const accepted = `at most ${maxStorePendingBytes} bytes that are not committed`;
    throw noRoom(`cannot keep ${bytes} more bytes: ${length} wait to be committed`, accepted);
  }

  /** Notes that an operation with this completion was put into the batch that gathers. */
  handOver(completion: unknown): void {
    this.gathering.completions.push(completion);
    this.want();
  }

  /** Asks for a batch to leave as soon as it can, if there is anything for it by then. */
  want(): void {
    this.#wanted = true;
    if (this.#scheduled || this.#underWay !== null) return;
    this.#scheduled = true;
    // The entries that the present turn hands over leave together.
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#underWay !== null || !this.#wanted) return;
      guard("send off what is to be stored", () => this.#ship());
    });
  }

  /** Resolves when all that was handed over is committed; rejects when some of it failed. */
  flush(): Promise<void> {
    const batch = this.#wanted ? this.gathering : this.#underWay ?? this.#telling;
    if (batch === null) return Promise.resolve();
    return new Promise((resolve, reject) => batch.waiters.push({ resolve, reject }));
  }

  /** Whether a batch is under way, or the listener is being told of one, or a batch is about to leave. */
  get isBusy(): boolean {
    return this.#underWay !== null || this.#telling !== null || this.#wanted;
  }

  /**
   * Takes a batch that came with the log as the one under way, and has `commit` give it to the backend. Resolves when
   * the listener was told of it; rejects when it failed, of which nobody else is told. The pipeline is not busy.
   */
  apply(batch: Batch, commit: () => void): Promise<void> {
    assert(!this.isBusy, "a batch is applied when no other is under way");
    this.#underWay = batch;
    this.#shippedMs = this.#clock.monotonicMs();
    return new Promise((resolve, reject) => {
      batch.waiters.push({ resolve, reject });
      commit();
    });
  }

  /** Tells of the batch under way, which is committed. */
  committed(buffer: ArrayBuffer, syncMs: number): void {
    this.#outcomeIsKnown = true;
    this.failure = null;
    this.timings.commitMs.add(this.#clock.monotonicMs() - this.#shippedMs);
    if (syncMs > 0) this.timings.syncMs.add(syncMs);
    if (this.#underWay !== null) this.timings.batchEntries.add(this.#underWay.count);
    this.inTurn(() => this.#tellCommitted(buffer));
  }

  /** Tells of the batch under way, which has failed, and of the one that gathers. */
  failed(buffer: ArrayBuffer, error: ParleyError): void {
    this.#outcomeIsKnown = true;
    this.failure = error;
    this.#failedMs = this.#clock.monotonicMs();
    this.inTurn(() => this.#tellAllFailed(buffer, error));
  }

  /**
   * Runs the reaction to something that the backend said, in the order in which it said it: at once, unless the
   * listener is still being told of a batch.
   */
  inTurn(action: () => void): void {
    if (this.#telling === null) action();
    else this.#later.push(action);
  }

  #tellCommitted(buffer: ArrayBuffer): void {
    this.#outcomeIsKnown = false;
    const batch = this.#underWay;
    assert(batch !== null, "a batch that is committed was under way");
    this.#underWay = null;
    this.committedBatches++;
    if (this.#wanted) this.#ship();
    batch.open(buffer, this.#owner.sink);
    let telling: void | Promise<void> = undefined;
    try {
      telling = this.listener?.committed(batch);
    } finally {
      if (telling === undefined) this.#told(batch, buffer);
    }
    if (telling === undefined) return;
    this.#telling = batch;
    const told = telling.finally(() => this.#told(batch, buffer));
    detached(told, "tell what was committed");
  }

  /** Finishes a committed batch, once the listener is done with it. */
  #told(batch: Batch, buffer: ArrayBuffer): void {
    while (batch.next());
    this.#telling = null;
    this.#owner.told(batch);
    for (const waiter of batch.waiters) waiter.resolve();
    if (buffer.byteLength <= SPARE_BYTES) this.#spare = buffer;
    while (this.#later.length > 0 && this.#telling === null) this.#later.shift()!();
  }

  #tellAllFailed(buffer: ArrayBuffer, error: ParleyError): void {
    this.#outcomeIsKnown = false;
    const first = this.#underWay;
    assert(first !== null, "a batch that failed was under way");
    if (first.isReceived) return this.#notApplied(first, error);
    const second = this.gathering;
    const rest = second.seal();
    const wanted = this.#wanted;
    this.#underWay = null;
    this.#wanted = this.#asked = false;
    this.gathering = new Batch(this.#logOf);
    this.#owner.fallBack([first, second]);
    this.listener?.fellBack?.();
    this.#tellFailed(first, buffer, error);
    if (!second.isEmpty || second.waiters.length > 0) this.#tellFailed(second, rest, error);
    this.#wakeReady();
    // Entries that were handed over are taken back; the request for a batch stays.
    if (wanted) this.want();
  }

  /** A batch that came with the log could not be committed: nobody here has handed it over, and it will come again. */
  #notApplied(batch: Batch, error: ParleyError): void {
    this.#underWay = null;
    this.failedBatches++;
    if (this.#wanted) this.#ship();
    for (const waiter of batch.waiters) waiter.reject(error);
  }

  /** Fails the batch under way, which a lost backend took with it. */
  lost(error: ParleyError): void {
    this.#ended = true;
    // Its outcome may be known, and only not told yet.
    if (this.#underWay !== null && !this.#outcomeIsKnown) this.failed(LOST, error);
  }

  /** Asks the listener for what leaves with the last batch, since the store is about to end. */
  leaveLast(): void {
    if (this.#wanted) this.#ask();
    this.#ended = true;
  }

  /** Fails all batches from now on with `error`, since the backend ends. */
  refuse(error: ParleyError): void {
    this.#refusal = error;
  }

  /** Lets the listener fill the batch that is about to leave, once. */
  #ask(): void {
    if (this.#asked || this.#ended) return;
    this.#asked = this.#asking = true;
    try {
      this.listener?.leaving?.();
    } finally {
      this.#asking = false;
    }
  }

  #ship(): void {
    this.#ask();
    const asked = this.#asked;
    this.#wanted = this.#asked = false;
    const batch = this.gathering;
    if (batch.isEmpty) {
      if (asked) this.listener?.stayed?.();
      for (const waiter of batch.waiters.splice(0)) waiter.resolve();
      return;
    }
    this.#underWay = batch;
    this.gathering = new Batch(this.#logOf, this.#spare);
    this.#spare = undefined;
    const [buffer, refusal] = [batch.seal(), this.#refusal];
    if (refusal !== null) queueMicrotask(() => this.failed(buffer, refusal));
    else {
      this.#shippedMs = this.#clock.monotonicMs();
      this.#backend.commit(buffer, batch.length, this.#clock.wallMs(), 0);
    }
    this.#wakeReady();
  }

  #tellFailed(batch: Batch, buffer: ArrayBuffer, error: ParleyError): void {
    this.failedBatches++;
    batch.open(buffer, null);
    try {
      this.listener?.failed(batch, error);
    } finally {
      for (const waiter of batch.waiters) waiter.reject(error);
    }
  }

  #wakeReady(): void {
    if (this.#readyWaiters.length === 0 || this.overloaded) return;
    const waiters = this.#readyWaiters;
    this.#readyWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
