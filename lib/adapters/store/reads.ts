/**
 * The reading side of a store's front: bounds each request by what was announced and by the limits.
 *
 * The number of reads that wait is bounded, too: past it a read is refused, retryable.
 */
import type { StoreLimits } from "../../base/store_limits.ts";
import type { ReadRequest, StoreLastPage, StoreTopic } from "../../ports/store.ts";
import type { StorePage } from "../../ports/store_page.ts";
import type { StoreBackend } from "./backend.ts";
import type { StoredLog } from "./stored_log.ts";
import { emptyPage, noRoom } from "./values.ts";

/** Reads events through a backend. */
export class StoreReads {
  readonly #backend: StoreBackend;
  readonly #limits: StoreLimits;
  #waiting = 0;

  constructor(backend: StoreBackend, limits: StoreLimits) {
    this.#backend = backend;
    this.#limits = limits;
  }

  async read(topic: StoredLog, request: ReadRequest): Promise<StorePage> {
    const { id: number, firstSeq, lastSeq } = topic;
    const backward = request.direction === "backward";
    const from = backward ? Math.min(request.from, lastSeq) : Math.max(request.from, firstSeq);
    const none = backward ? from < firstSeq : from > lastSeq;
    if (none || request.maxEvents < 1) return emptyPage();
    const maxEvents = Math.min(request.maxEvents, this.#limits.maxStorePageEvents);
    const maxBytes = Math.min(request.maxBytes, this.#limits.maxStorePageBytes);
    const asked = { topic: number, from, lastSeq, backward, maxEvents, maxBytes };
    return await this.#bounded(() => this.#backend.read(asked));
  }

  async readLast(topics: readonly StoreTopic[]): Promise<StoreLastPage> {
    const { maxStorePageEvents, maxStorePageBytes } = this.#limits;
    const asked: StoredLog[] = [];
    let behind = 0;
    for (; behind < topics.length && asked.length < maxStorePageEvents; behind++) {
      if (topics[behind].events > 0) asked.push(topics[behind] as StoredLog);
    }
    const rest = topics[behind] ?? null;
    if (asked.length === 0) return { ...emptyPage(), topics: [], next: rest };
    const numbers = asked.map((one) => one.id);
    const lastSeqs = asked.map((one) => one.lastSeq);
    const { places, next, ...page } = await this.#bounded(() =>
      this.#backend.readLast(numbers, lastSeqs, maxStorePageBytes)
    );
    const found = Array.from(places, (place) => asked[place]);
    return { ...page, topics: found, next: asked[next] ?? rest };
  }

  async seqAt(topic: StoredLog, timeMs: number): Promise<number> {
    const { id, lastSeq } = topic;
    if (topic.events === 0 || timeMs > topic.lastTimeMs) return lastSeq + 1;
    if (timeMs <= topic.firstTimeMs) return topic.firstSeq;
    const seq = await this.#bounded(() => this.#backend.seqAt(id, lastSeq, timeMs));
    return Math.max(seq, topic.firstSeq);
  }

  async readChunks(queue: number, firsts: readonly number[]): Promise<StorePage> {
    if (firsts.length === 0) return emptyPage();
    return await this.#bounded(() => this.#backend.readChunks(queue, firsts));
  }

  async #bounded<T>(read: () => Promise<T>): Promise<T> {
    const { maxStoreReads } = this.#limits;
    if (this.#waiting >= maxStoreReads) {
      throw noRoom(`cannot read: ${this.#waiting} reads wait`, `at most ${maxStoreReads} reads`);
    }
    this.#waiting++;
    try {
      return await read();
    } finally {
      this.#waiting--;
    }
  }
}
