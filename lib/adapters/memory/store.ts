/**
 * A store in memory: the contract of the store port without durability, for servers without a data
 * directory and for tests. What it commits has the level ROUTED.
 *
 * Bounded by `maxMemoryStoreBytes`: a batch that does not fit fails as on a full disk, and succeeds again
 * once retention or a trim made room. The epoch is new with each store, since nothing outlives it.
 */
import type { Clock } from "../../base/clock.ts";
import { guard } from "../../base/defects.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { DEFAULT_STORE_LIMITS, type StoreLimits } from "../../base/store_limits.ts";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import type { CommitLog } from "../../ports/commit_log.ts";
import type { Retention, Store } from "../../ports/store.ts";
import type { StorePage } from "../../ports/store_page.ts";
import { type MemoryChunk, MemoryQueue } from "./queue.ts";
import { MemoryTopic } from "./topic.ts";
import type { BackendLastPage, BackendRead, BackendSink, StoreBackend } from "../store/backend.ts";
import { StoreFront } from "../store/front.ts";
import { Chunking, Operation, OperationCursor } from "../store/operations.ts";
import { setBounds } from "../store/retention.ts";
import { noRoom } from "../store/values.ts";

/** The options of a store in memory. */
export interface MemoryStoreOptions {
  /** The log that the store shares with other nodes, and follows from its beginning; absent: none. */
  readonly log?: CommitLog;
  readonly limits?: Partial<StoreLimits>;
  readonly clock?: Clock;
}

/** Makes an empty store in memory. */
export function openMemoryStore(options: MemoryStoreOptions = {}): Store {
  const limits = { ...DEFAULT_STORE_LIMITS, ...options.limits };
  const backend = new MemoryBackend(limits.maxMemoryStoreBytes);
  const epoch = options.log?.epoch ?? crypto.randomUUID();
  const none = { topics: [], chunks: [], records: [], seen: [], warnings: [], position: 0 };
  const snapshot = { epoch, ...none, lastRevision: 0, forgottenSeq: 0 };
  return new StoreFront(backend, snapshot, limits, options);
}

/** A page that is being built. */
class PageBuilder {
  readonly bodies: Uint8Array[] = [];
  readonly seqs: number[] = [];
  readonly times: number[] = [];
  bytes = 0;

  add(topic: MemoryTopic, seq: number): void {
    this.#add(seq, topic.bodyOf(seq), topic.timeOf(seq));
  }

  addChunk({ first, bodies, times }: MemoryChunk): void {
    bodies.forEach((body, index) => this.#add(first + index, body, times[index]));
  }

  #add(seq: number, body: Uint8Array, timeMs: number): void {
    this.bodies.push(body);
    this.seqs.push(seq);
    this.times.push(timeMs);
    this.bytes += body.length;
  }

  build(): StorePage {
    const bytes = new Uint8Array(this.bytes);
    const ranges = new Uint32Array(2 * this.bodies.length);
    let at = 0;
    for (let index = 0; index < this.bodies.length; index++) {
      ranges[2 * index] = at;
      bytes.set(this.bodies[index], at);
      at += this.bodies[index].length;
      ranges[2 * index + 1] = at;
    }
    const seqs = Float64Array.from(this.seqs);
    return { count: this.seqs.length, bytes, ranges, seqs, times: Float64Array.from(this.times) };
  }
}

/** The backend of a store in memory. */
export class MemoryBackend implements StoreBackend {
  readonly level = AckLevel.ROUTED;
  readonly restarts = 0;
  readonly #maxBytes: number;
  readonly #topics: MemoryTopic[] = [];
  /** The queues by number; a number is that of a topic or of a queue. */
  readonly #queues: MemoryQueue[] = [];
  readonly #cursor = new OperationCursor();
  #sink: BackendSink | null = null;
  #bytes = 0;
  #nowMs = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  start(sink: BackendSink): void {
    this.#sink = sink;
  }

  commit(buffer: ArrayBuffer, length: number, nowMs: number): void {
    this.#nowMs = nowMs;
    queueMicrotask(() => guard("store in memory", () => this.#apply(buffer, length)));
  }

  setRetention(topic: number, retention: Retention): void {
    setBounds(this.#topic(topic).bounds, retention);
  }

  retain(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#trim(this.#topics.keys());
  }

  applyRetention(nowMs: number): Promise<void> {
    this.retain(nowMs);
    return Promise.resolve();
  }

  trim(topic: number, beforeSeq: number): Promise<void> {
    const { bounds } = this.#topic(topic);
    bounds.beforeSeq = Math.max(bounds.beforeSeq, beforeSeq);
    this.#trim([topic]);
    return Promise.resolve();
  }

  read({ topic, from, lastSeq, backward, maxEvents, maxBytes }: BackendRead): Promise<StorePage> {
    const events = this.#topic(topic);
    const page = new PageBuilder();
    let first = Math.max(from, events.firstSeq);
    let last = backward ? from : Math.min(lastSeq, first + maxEvents - 1);
    if (backward) {
      // Walks back to where the page begins, so that the page can be given in order.
      first = last + 1;
      let bytes = 0;
      while (first > events.firstSeq && last - first + 1 < maxEvents) {
        bytes += events.bodyOf(first - 1).length;
        if (bytes > maxBytes && first <= last) break;
        first--;
      }
      last = from;
    }
    for (let seq = first; seq <= last; seq++) {
      if (page.seqs.length > 0 && page.bytes + events.bodyOf(seq).length > maxBytes) break;
      page.add(events, seq);
    }
    return Promise.resolve(page.build());
  }

  readLast(
    topics: readonly number[],
    lastSeqs: readonly number[],
    maxBytes: number,
  ): Promise<BackendLastPage> {
    const page = new PageBuilder();
    const places: number[] = [];
    let next = 0;
    for (; next < topics.length && (next === 0 || page.bytes < maxBytes); next++) {
      const events = this.#topic(topics[next]);
      if (events.firstSeq > lastSeqs[next]) continue;
      page.add(events, lastSeqs[next]);
      places.push(next);
    }
    return Promise.resolve({ ...page.build(), places: Uint32Array.from(places), next });
  }

  seqAt(topic: number, lastSeq: number, timeMs: number): Promise<number> {
    return Promise.resolve(this.#topic(topic).seqAt(timeMs, lastSeq));
  }

  readChunks(queue: number, firsts: readonly number[]): Promise<StorePage> {
    const page = new PageBuilder();
    for (const first of firsts) {
      const chunk = this.#queues[queue]?.chunk(first) ?? null;
      if (chunk !== null) page.addChunk(chunk);
    }
    return Promise.resolve(page.build());
  }

  chunks(): Promise<never> {
    const message = "cannot take up queues: this store is in memory, without the states of jobs";
    const accepted = "a server with a data directory";
    return Promise.reject(new ParleyError(ErrorCode.UNIMPLEMENTED, message, { accepted }));
  }

  backup(path: string): Promise<void> {
    const message = `cannot back up to ${JSON.stringify(path)}: this store is in memory`;
    const accepted = "a server with a data directory";
    return Promise.reject(new ParleyError(ErrorCode.UNIMPLEMENTED, message, { accepted }));
  }

  diskBytes(): number {
    return 0;
  }

  close(): Promise<void> {
    this.#topics.length = this.#queues.length = 0;
    return Promise.resolve();
  }

  #apply(buffer: ArrayBuffer, length: number): void {
    const cursor = this.#cursor;
    const sink = this.#sink!;
    let added = 0;
    let dropped = 0;
    cursor.open(buffer, length);
    while (cursor.next()) {
      if (cursor.kind === Operation.EVENT) added += cursor.end - cursor.start;
      else if (cursor.kind === Operation.DROP) {
        dropped += this.#queue(cursor.a).bytesOf(cursor.number);
      }
    }
    // A batch that only drops always fits.
    if (added > 0 && this.#bytes + added - dropped > this.#maxBytes) {
      const message = `cannot keep ${added} bytes: the store in memory holds ${this.#bytes}`;
      sink.failed(buffer, noRoom(message, `at most ${this.#maxBytes} bytes in memory`));
      return;
    }
    const touched = new Set<number>();
    this.#bytes += added;
    cursor.open(buffer, length);
    while (cursor.next()) {
      if (cursor.kind === Operation.EVENT) this.#add(touched);
      else if (cursor.kind === Operation.DROP) {
        this.#bytes -= this.#queue(cursor.a).drop(cursor.number);
      } else if (cursor.kind === Operation.TOPIC) this.#name(cursor.a, cursor.number);
      else if (cursor.kind === Operation.FORGET) {
        this.#bytes -= this.#topics[cursor.a]?.clear() ?? 0;
      }
    }
    sink.committed(buffer, 0);
    this.#trim(touched);
  }

  /** Lets the events of a topic begin behind a seq. */
  #name(topic: number, seq: number): void {
    if (seq > 0) this.#topic(topic).beginBehind(seq);
    else this.#topics[topic]?.beginBehind(0);
  }

  /** Adds the event or job at the cursor; enters a topic among those to look at. */
  #add(touched: Set<number>): void {
    const { a, d, bytes, start, end, number, timeMs } = this.#cursor;
    const body = bytes.slice(start, end);
    if (d !== Chunking.FREE) {
      return this.#queue(a).add(number, body, timeMs, d === Chunking.BEGIN);
    }
    this.#topic(a).add(body, timeMs);
    touched.add(a);
  }

  #trim(topics: Iterable<number>): void {
    const figures: number[] = [];
    for (const number of topics) {
      const topic = this.#topics[number];
      if (topic === undefined) continue;
      const { firstSeq } = topic;
      this.#bytes -= topic.trim(this.#nowMs);
      if (topic.firstSeq === firstSeq) continue;
      figures.push(number, topic.firstSeq, topic.bytes, topic.firstTimeMs);
    }
    if (figures.length > 0) this.#sink!.trimmed(Float64Array.from(figures));
  }

  #topic(number: number): MemoryTopic {
    return this.#topics[number] ??= new MemoryTopic();
  }

  #queue(number: number): MemoryQueue {
    return this.#queues[number] ??= new MemoryQueue();
  }
}
