/**
 * Two batches: one with the backend, one that gathers. Ships the next when the last is done, tells the
 * listener, and holds publishers up when too much gathers.
 *
 * When the batch under way fails, the one that gathers was numbered upon it and fails with it. The next
 * batch leaves before the listener is told about the last, so that the backend works meanwhile. A listener that
 * has much to do with a batch takes its time: what becomes of the next one is told when it is done, and
 * until then no further batch leaves.
 */
import type { Clock } from "../../base/clock.ts";
import { guard } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { assert, type ParleyError } from "../../base/errors.ts";
import type { StoreLimits } from "../../base/store_limits.ts";
import type { StoreListener } from "../../ports/store.ts";
import type { StoreBackend } from "./backend.ts";
import { Batch, type CommitSink } from "./batch.ts";
import type { StoredLog } from "./stored_log.ts";
import { noRoom } from "./values.ts";

/** A buffer up to this size is used again. */
const SPARE_BYTES = 16 * 1024 * 1024;
/** Stands for a buffer that a lost backend took with it. */
const LOST = new ArrayBuffer(0);

/** What the pipeline has done to the figures of its owner. */
export interface PipelineOwner {
  /** The topic or queue of a number. */
  logOf(number: number): StoredLog;
  /** Is told what a committed batch holds besides events. */
  readonly sink: CommitSink;
  /** The walk over a committed batch is over. */
  told(batch: Batch): void;
  /** Nothing of these batches is kept, and there are no others. */
  fallBack(batches: readonly Batch[]): void;
}

/** The batches of one store. */
export class StorePipeline {
  listener: StoreListener | null = null;
  /** The batch that operations go into. */
  gathering: Batch;
  committedBatches = 0;
  failedBatches = 0;

  readonly #owner: PipelineOwner;
  readonly #backend: StoreBackend;
  readonly #limits: StoreLimits;
  readonly #clock: Clock;
  readonly #logOf: (number: number) => StoredLog;
  #underWay: Batch | null = null;
  /** The batch that the listener is being told of. */
  #telling: Batch | null = null;
  /** What the backend said while the listener was being told of a batch, in order. */
  readonly #later: (() => void)[] = [];
  /** Whether what became of the batch under way is among it. */
  #outcomeIsKnown = false;
  #scheduled = false;
  #wanted = false;
  /** Whether the listener was asked what leaves with the batch that gathers, and is being asked. */
  #asked = false;
  #asking = false;
  /** Whether the listener may no longer hand anything over. */
  #ended = false;
  /** Why no batch goes to the backend any more; null while they do. */
  #refusal: ParleyError | null = null;
  #spare: ArrayBuffer | undefined;
  #readyWaiters: (() => void)[] = [];

  constructor(owner: PipelineOwner, backend: StoreBackend, limits: StoreLimits, clock: Clock) {
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

  whenReady(): Promise<void> {
    if (!this.overloaded) return Promise.resolve();
    return new Promise((resolve) => this.#readyWaiters.push(resolve));
  }

  /** Raises RESOURCE_EXHAUSTED when `bytes` more would be too much. */
  checkRoom(bytes: number): void {
    const { length } = this.gathering.operations;
    const { maxStorePendingBytes } = this.#limits;
    // What must leave with a full batch is little, and could not be refused without losing the batch.
    if (length + bytes <= maxStorePendingBytes || this.#asking) return;
    const accepted = `at most ${maxStorePendingBytes} bytes that are not committed`;
    throw noRoom(`cannot keep ${bytes} more bytes: ${length} wait to be committed`, accepted);
  }

  /** Says that an operation with this completion was put into the gathering batch. */
  handOver(completion: unknown): void {
    this.gathering.completions.push(completion);
    this.want();
  }

  /** Has a batch leave as soon as it can, if there is anything for it by then. */
  want(): void {
    this.#wanted = true;
    if (this.#scheduled || this.#underWay !== null) return;
    this.#scheduled = true;
    // What the present turn hands over leaves together.
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

  /** The batch under way is committed. */
  committed(buffer: ArrayBuffer): void {
    this.#outcomeIsKnown = true;
    this.inTurn(() => this.#tellCommitted(buffer));
  }

  /** Nothing of the batch under way was kept. */
  failed(buffer: ArrayBuffer, error: ParleyError): void {
    this.#outcomeIsKnown = true;
    this.inTurn(() => this.#tellAllFailed(buffer, error));
  }

  /**
   * Does what follows from something that the backend said once figures show what it said before: at once,
   * unless the listener is still being told of a batch.
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

  /** The listener has done what it had to do with a committed batch. */
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
    // What was handed over is taken back; that a batch was asked for is not.
    if (wanted) this.want();
  }

  /** The backend is gone, and the batch under way with it. */
  lost(error: ParleyError): void {
    this.#ended = true;
    // What became of it may be known, and only not told yet.
    if (this.#underWay !== null && !this.#outcomeIsKnown) this.failed(LOST, error);
  }

  /** The store is about to end: what the listener has for the last batch, it hands over now. */
  leaveLast(): void {
    if (this.#wanted) this.#ask();
    this.#ended = true;
  }

  /** The backend ends: what is handed over from now on fails with `error`. */
  refuse(error: ParleyError): void {
    this.#refusal = error;
  }

  /** Lets the listener fill the batch before it leaves, once. */
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
    else this.#backend.commit(buffer, batch.length, this.#clock.wallMs());
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
