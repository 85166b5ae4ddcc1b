/**
 * Keeps the store's one writer: hands it batches, and starts another Worker when it dies.
 *
 * Invariants: a batch is told of once, and as what it is on the disk. When the writer dies with a batch in hand, nobody
 * is told before the next one has opened the database: by the number of transactions in it, and what the dead one noted in
 * shared memory before it began, it is known whether the batch is committed. So this thread keeps each batch until its
 * end, and the Worker gets a copy. Meanwhile nothing else is taken. A writer that cannot be replaced in time, or finds
 * another history, ends the store.
 */
import { reportDefect } from "../../base/defects.ts";
import type { ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Retention } from "../../ports/store.ts";
import { queueNameOf } from "../store/queue_name.ts";
import type { BackendSink } from "../store/backend.ts";
import { unavailable } from "../store/values.ts";
import { received } from "./errors.ts";
import {
  PROGRESS,
  type WriterCommand,
  type WriterProgress,
  writerProgress,
  type WriterReport,
} from "./messages.ts";
import type { OpenedSnapshot, OpenRequest } from "./open.ts";
import { RestartDelay, StoreWorker } from "./store_worker.ts";

const log = logger("server");

/** How long a batch may be without an outcome because its writer is dead. */
const MAX_UNDECIDED_MS = 30_000;
/** A copy of a batch up to this size is used again. */
const SPARE_BYTES = 16 * 1024 * 1024;

/** Somebody who waits for the writer. */
interface Waiter<T> {
  resolve(value: T): void;
  reject(error: ParleyError): void;
}

/** The writer of a store, whichever Worker it is. */
export class WriterKeeper {
  /** How many writers took the place of a dead one. */
  restarts = 0;
  readonly #request: OpenRequest;
  readonly #lose: (error: ParleyError) => void;
  readonly #progress: WriterProgress = writerProgress();
  readonly #delay = new RestartDelay();
  readonly #waiters = new Map<number, Waiter<void>>();
  #worker: StoreWorker<WriterReport> | null = null;
  #sink: BackendSink | null = null;
  #epoch = "";
  #lastId = 0;
  #batches = 0;
  /** The batch that the writer has in hand, and its number. */
  #underWay: { readonly buffer: ArrayBuffer; readonly number: number } | null = null;
  #spare: ArrayBuffer | undefined;
  /** Why nothing is taken; null while the writer is there. */
  #away: ParleyError | null = unavailable("use the store", "it is not open");
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  #undecidedTimer: ReturnType<typeof setTimeout> | undefined;
  #whenOpened: Waiter<OpenedSnapshot> | null = null;
  #whenClosed: (() => void) | null = null;
  #isOver = false;

  /** `lose` is called when there will be no writer any more. */
  constructor(request: OpenRequest, lose: (error: ParleyError) => void) {
    this.#request = request;
    this.#lose = lose;
  }

  /** Opens the data directory. Rejects with a ParleyError that says why not. */
  open(): Promise<OpenedSnapshot> {
    return new Promise((resolve, reject) => {
      this.#whenOpened = { resolve, reject };
      this.#start(this.#request);
    });
  }

  /** Sets the sink, before anything else is asked for. */
  tell(sink: BackendSink): void {
    this.#sink = sink;
  }

  commit(buffer: ArrayBuffer, length: number, nowMs: number, sequence: number): void {
    const away = this.#away;
    if (away !== null) return queueMicrotask(() => this.#sink!.failed(buffer, away));
    const number = ++this.#batches;
    this.#underWay = { buffer, number };
    const copy = this.#copyOf(buffer, length);
    const command = { type: "commit", buffer: copy, length, nowMs, sequence, number } as const;
    this.#worker!.post(command, [copy]);
  }

  /** Tells the writer what needs no answer; one that is not there yet learns it in another way. */
  note(command: Extract<WriterCommand, { type: "retention" | "retain" }>): void {
    if (this.#away === null) this.#worker!.post(command);
  }

  /** Has the writer do something; rejects when that fails, or the writer is not there. */
  ask(make: (id: number) => WriterCommand): Promise<void> {
    if (this.#away !== null) return Promise.reject(this.#away);
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiters.set(id, { resolve, reject });
      this.#worker!.post(make(id));
    });
  }

  /** Closes the database. */
  async close(): Promise<void> {
    if (this.#away === null) {
      await new Promise<void>((resolve) => {
        this.#whenClosed = resolve;
        this.#worker!.post({ type: "close" });
      });
    }
    this.end(unavailable("use the store", "it is closed"));
  }

  /** Takes nothing any more, for `error`. */
  end(error: ParleyError): void {
    this.#isOver = true;
    this.#away = error;
    clearTimeout(this.#restartTimer);
    clearTimeout(this.#undecidedTimer);
    this.#worker?.close();
    this.#worker = null;
    this.#rejectAll(error);
    this.#whenOpened?.reject(error);
    this.#whenClosed?.();
  }

  #start(request: OpenRequest): void {
    this.#worker = new StoreWorker<WriterReport>({ role: "writer", progress: this.#progress }, {
      take: (report) => this.#take(report),
      died: (error) => this.#died(error),
    });
    this.#worker.post({ type: "open", request });
  }

  #take(report: WriterReport): void {
    switch (report.type) {
      case "opened":
        return this.#epoch === "" ? this.#opened(report.snapshot) : this.#reopened(report.snapshot);
      case "refused":
        return this.#refused(received(report.error));
      case "committed":
        this.#spare = report.buffer.byteLength <= SPARE_BYTES ? report.buffer : undefined;
        this.#delay.worked();
        this.#sink?.committed(this.#takeUnderWay(), report.syncMs);
        return this.#trimmed(report.trimmed);
      case "failed":
        this.#spare = report.buffer.byteLength <= SPARE_BYTES ? report.buffer : undefined;
        return this.#sink?.failed(this.#takeUnderWay(), received(report.error));
      case "trimmed":
        return this.#trimmed(report.trimmed);
      case "done": {
        const waiter = this.#waiters.get(report.id);
        this.#waiters.delete(report.id);
        if (report.error === null) waiter?.resolve();
        else waiter?.reject(received(report.error));
        return;
      }
      case "broken":
        return this.#lose(received(report.error));
      case "closed":
        return this.#whenClosed?.();
    }
  }

  #opened(snapshot: OpenedSnapshot): void {
    this.#epoch = snapshot.epoch;
    this.#away = null;
    const waiter = this.#whenOpened;
    this.#whenOpened = null;
    waiter?.resolve(snapshot);
  }

  #refused(error: ParleyError): void {
    if (this.#epoch === "") {
      this.#isOver = true;
      this.#worker?.close();
      return this.#whenOpened?.reject(error);
    }
    // The dead one may still hold the lock for a moment, and a disk may come back.
    if (!error.retryable) return this.#lose(error);
    this.#worker?.close();
    this.#restartLater(error);
  }

  #died(error: Error): void {
    reportDefect("go on in the store's writer", error);
    this.#worker = null;
    if (this.#epoch === "" || this.#whenClosed !== null) {
      return this.end(unavailable("use the store", "its writer failed; the reason is in the log"));
    }
    const away = unavailable("use the store", "its writer has failed and is being started again");
    this.#away = away;
    this.#rejectAll(away);
    this.#sink?.away(away);
    if (this.#underWay !== null) {
      this.#undecidedTimer ??= setTimeout(() => {
        this.#lose(unavailable("use the store", "its writer could not be started again in time"));
      }, MAX_UNDECIDED_MS);
    }
    this.#restartLater(error);
  }

  #restartLater(reason: Error): void {
    if (this.#isOver) return;
    const delayMs = this.#delay.next();
    log.warning("the store keeps nothing until its writer is there again: {reason}", {
      reason: reason.message,
      delayMs,
    });
    this.#restartTimer = setTimeout(() => {
      this.restarts++;
      this.#start({ ...this.#request, repair: false, fullCheck: false, isReopened: true });
    }, delayMs);
  }

  /** Another writer has the database: what became of the batch in hand is known now. */
  #reopened(snapshot: OpenedSnapshot): void {
    if (snapshot.epoch !== this.#epoch) {
      const message = "another program has written to the data directory";
      return this.#lose(unavailable("use the store", message));
    }
    clearTimeout(this.#undecidedTimer);
    this.#undecidedTimer = undefined;
    this.#away = null;
    const sink = this.#sink!;
    for (const [topic, retention] of sink.retentions()) this.#tellRetention(topic, retention);
    sink.away(null);
    const batch = this.#underWay;
    this.#underWay = null;
    const isKept = batch !== null && this.#progress[PROGRESS.batch] === batch.number &&
      snapshot.commits >= this.#progress[PROGRESS.commits];
    log.info("the store's writer is there again", { batchInHand: outcomeText(batch, isKept) });
    if (batch !== null) {
      if (isKept) sink.committed(batch.buffer, 0);
      else {
        const message = "the store's writer failed, and nothing of it was kept";
        sink.failed(batch.buffer, unavailable("keep it", message));
      }
    }
    // What the dead one had trimmed and not told.
    this.#trimmed(Float64Array.from(
      snapshot.topics.filter(({ name }) => queueNameOf(name) === null)
        .flatMap(({ id, firstSeq, bytes, firstTimeMs }) => [id, firstSeq, bytes, firstTimeMs]),
    ));
  }

  #tellRetention(topic: number, retention: Retention): void {
    this.#worker!.post({ type: "retention", topic, retention });
  }

  #takeUnderWay(): ArrayBuffer {
    const { buffer } = this.#underWay!;
    this.#underWay = null;
    return buffer;
  }

  #copyOf(buffer: ArrayBuffer, length: number): ArrayBuffer {
    const spare = this.#spare;
    this.#spare = undefined;
    const copy = spare !== undefined && spare.byteLength >= length
      ? spare
      : new ArrayBuffer(buffer.byteLength);
    new Uint8Array(copy).set(new Uint8Array(buffer, 0, length));
    return copy;
  }

  #trimmed(figures: Float64Array): void {
    if (figures.length > 0) this.#sink?.trimmed(figures);
  }

  #rejectAll(error: ParleyError): void {
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }
}

function outcomeText(batch: object | null, isKept: boolean): string {
  return batch === null ? "none" : isKept ? "committed" : "not committed";
}
