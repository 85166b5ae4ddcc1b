/**
 * A log as the front of a store knows it: the events of a kept topic, or the jobs of a queue, which are numbered,
 * deduplicated and written alike. What differs is that jobs are dropped by chunks from anywhere.
 *
 * The committed figures change only when the backend says so. The tentative ones run ahead, and fall
 * back to the committed ones when a batch fails.
 */
import { assert } from "../../base/errors.ts";
import type { Holder, StoreQueue } from "../../ports/job_log.ts";
import type { Retention, StoreTopic } from "../../ports/store.ts";
import { queueNameOf, storedNameOf } from "./queue_name.ts";

/** The figures of a log as a backend gives them at start. */
export interface LogFigures {
  readonly id: number;
  /** The name that the log is stored under. */
  readonly name: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly bytes: number;
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
  /** Who made it; empty when nobody counts as that. */
  readonly owner: string;
}

/** The events of a topic, or the jobs of a queue; a job's id is its seq. */
export class StoredLog implements StoreTopic, StoreQueue {
  /** The number; 0 while a log that is not stored has none, because another node gives the numbers. */
  id: number;
  readonly kind: "topic" | "queue";
  /** The name of the topic or queue. */
  readonly name: string;
  order = 0;
  firstSeq: number;
  lastSeq: number;
  firstTimeMs = 0;
  lastTimeMs = 0;
  #bytes = 0;
  #holder: Holder | null = null;
  /** The bytes of events that were handed over and are not committed. */
  pendingBytes = 0;
  retention: Retention = {};
  /** The seq of the newest entry that was handed over. */
  tentativeSeq: number;
  /** The time of the newest entry that was handed over. */
  tentativeTimeMs = 0;
  /** Whether an operation that names the log was handed over, and none that forgets it since. */
  named = false;
  /** Whether what is committed holds the log's name. */
  isStored = false;
  /** Whether the log was forgotten for good, so that its number may be another's. */
  isReleased = false;
  /** The batch that has the log among its own, so that it is entered once; compared by identity. */
  batch: object | null = null;

  /** The first entry gets the seq behind `behindSeq`. */
  constructor(id: number, kind: "topic" | "queue", name: string, behindSeq = 0) {
    this.id = id;
    this.kind = kind;
    this.name = name;
    this.firstSeq = behindSeq + 1;
    this.lastSeq = this.tentativeSeq = behindSeq;
  }

  /** The log that was there at start with these figures. */
  static restore(figures: LogFigures): StoredLog {
    const queue = queueNameOf(figures.name);
    const log = queue === null
      ? new StoredLog(figures.id, "topic", figures.name)
      : new StoredLog(figures.id, "queue", queue);
    log.firstSeq = figures.firstSeq;
    log.lastSeq = log.tentativeSeq = figures.lastSeq;
    log.bytes = figures.bytes;
    log.firstTimeMs = figures.firstTimeMs;
    log.lastTimeMs = log.tentativeTimeMs = figures.lastTimeMs;
    log.named = log.isStored = true;
    return log;
  }

  /** The name that the log is stored under. */
  get storedName(): string {
    return this.kind === "queue" ? storedNameOf(this.name) : this.name;
  }

  /** The bytes of all committed events; those of jobs that were ever committed. */
  get bytes(): number {
    return this.#bytes;
  }

  set bytes(bytes: number) {
    this.#hold(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** Who made it; what a topic holds counts for that holder. The jobs of a queue are counted where they are handed out. */
  get holder(): Holder | null {
    return this.#holder;
  }

  set holder(holder: Holder | null) {
    this.#hold(-this.#bytes - this.pendingBytes);
    this.#holder = holder;
    this.#hold(this.#bytes + this.pendingBytes);
  }

  /** The seq that the next event will have if nothing fails. */
  get nextSeq(): number {
    return this.tentativeSeq + 1;
  }

  get events(): number {
    return this.lastSeq - this.firstSeq + 1;
  }

  get lastId(): number {
    return this.lastSeq;
  }

  get nextId(): number {
    return this.tentativeSeq + 1;
  }

  /** Takes the number that another node gave; the first entry, if none is stored, gets the seq behind `behindSeq`. */
  take(id: number, behindSeq: number): void {
    this.id = id;
    this.named = true;
    if (this.isStored) return;
    this.firstSeq = behindSeq + 1;
    this.lastSeq = this.tentativeSeq = behindSeq;
  }

  /** Counts an event of `bytes` that is handed over. */
  handOver(bytes: number): void {
    this.pendingBytes += bytes;
    this.#hold(bytes);
  }

  /** Takes back what was handed over until no more than `pendingBytes` is left of it. */
  takeBack(pendingBytes: number): void {
    this.#hold(pendingBytes - this.pendingBytes);
    this.pendingBytes = pendingBytes;
  }

  /** Enters a committed entry of `bytes` into the figures. */
  commit(seq: number, timeMs: number, bytes: number): void {
    this.isStored = true;
    if (this.lastSeq < this.firstSeq) this.firstTimeMs = timeMs;
    this.lastSeq = seq;
    this.lastTimeMs = timeMs;
    // What came with the log was not handed over here.
    const handedOver = Math.min(bytes, this.pendingBytes);
    this.pendingBytes -= handedOver;
    this.#bytes += bytes;
    this.#hold(bytes - handedOver);
  }

  /** Enters into the figures that the log was forgotten. */
  clear(): void {
    this.isStored = false;
    this.firstSeq = this.lastSeq + 1;
    this.bytes = this.firstTimeMs = 0;
  }

  /** Takes back what was handed over and is not committed. */
  fallBack(): void {
    this.tentativeSeq = this.lastSeq;
    this.tentativeTimeMs = this.lastTimeMs;
    this.takeBack(0);
    // A log that is not stored may be named on disk all the same; naming it again does no harm.
    if (!this.isStored) this.named = false;
  }

  #hold(bytes: number): void {
    if (this.#holder !== null && this.kind === "topic") this.#holder.bytes += bytes;
  }
}

/** The store's own topic object behind the interface. */
export function own(topic: StoreTopic): StoredLog {
  assert(topic instanceof StoredLog && topic.kind === "topic", "a topic is one of the store's");
  return topic;
}
