/**
 * The reader of a database: reads events beside the writer, on a connection and in a Worker of its own.
 *
 * Each request is one read transaction, so a page is of one moment. Every chunk is verified and must
 * follow the one before: a gap or a flipped bit is an error that names the place, never silence.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StorePage } from "../../ports/store_page.ts";
import { type Chunk, ChunkCursor, chunkNumber, verifyChunk } from "./chunk.ts";
import { damaged } from "./errors.ts";
import { SegmentPage } from "./page.ts";
import { CHUNK, loadChunks, loadTopics } from "./tables.ts";
import type { BackendLastPage, BackendRead, StoredQueue } from "../store/backend.ts";
import { queueNameOf } from "../store/queue_name.ts";

/** The first chunks of a page are asked for in small numbers, until their size is known. */
const FIRST_CHUNKS = 4;
const MAX_CHUNKS = 512;

interface TopicRow {
  readonly name: string;
  readonly first_seq: number;
}

/** The reader of a database. */
export class SqliteReader {
  readonly #database: DatabaseSync;
  readonly #topic: StatementSync;
  readonly #forward: StatementSync;
  readonly #backward: StatementSync;
  readonly #cursor = new ChunkCursor();

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#topic = database.prepare("SELECT name, first_seq FROM topic WHERE id = ?");
    const range = `SELECT ${CHUNK} FROM chunk WHERE id >= ? AND id <= ? ORDER BY id`;
    this.#forward = database.prepare(`${range} LIMIT ?`);
    this.#backward = database.prepare(`${range} DESC LIMIT ?`);
  }

  /** Reads a page. */
  read(request: BackendRead): StorePage {
    return this.#transaction(() => {
      const page = new SegmentPage(request);
      const topic = this.#topicRow(request.topic);
      if (topic === undefined) return page.build();
      if (request.backward) this.#readBackward(page, topic, request);
      else this.#readForward(page, topic, request);
      return page.build();
    });
  }

  /** The chunks of all queues, without their jobs. */
  queues(): StoredQueue[] {
    return this.#transaction(() =>
      loadTopics(this.#database)
        .filter(({ name }) => queueNameOf(name) !== null)
        .map((queue) => [queue.id, loadChunks(this.#database, queue)])
    );
  }

  /** Reads the last event of each topic. */
  readLast(
    topics: readonly number[],
    lastSeqs: readonly number[],
    maxBytes: number,
  ): BackendLastPage {
    return this.#transaction(() => {
      const page = new SegmentPage();
      const places: number[] = [];
      let next = 0;
      for (; next < topics.length && (next === 0 || page.bytes < maxBytes); next++) {
        const topic = this.#topicRow(topics[next]);
        const seq = lastSeqs[next];
        if (topic === undefined || topic.first_seq > seq) continue;
        const chunk = this.#chunkWith(topics[next], topic, seq);
        page.take(chunk, seq, seq);
        places.push(next);
      }
      return { ...page.build(), places: Uint32Array.from(places), next };
    });
  }

  /** The first seq whose time is `timeMs` or later; `lastSeq + 1` when there is none up to `lastSeq`. */
  seqAt(number: number, lastSeq: number, timeMs: number): number {
    return this.#transaction(() => {
      const topic = this.#topicRow(number);
      let low = topic?.first_seq ?? lastSeq + 1;
      let high = lastSeq + 1;
      while (topic !== undefined && low < high) {
        const chunk = this.#chunkWith(number, topic, Math.floor((low + high) / 2));
        if (chunk.last_ms < timeMs) low = chunk.first + chunk.events;
        else if (chunk.first_ms >= timeMs) high = Math.max(low, Math.min(high, chunk.first));
        else {
          const cursor = this.#cursor;
          cursor.open(chunk);
          let seq = chunk.first;
          while (cursor.next() && (cursor.timeMs < timeMs || seq < low)) seq++;
          return Math.min(seq, lastSeq + 1);
        }
      }
      return Math.min(low, lastSeq + 1);
    });
  }

  /** Reads the chunks of a queue that begin with jobs `firsts`, without those that are gone. */
  readChunks(queue: number, firsts: readonly number[]): StorePage {
    return this.#transaction(() => {
      const page = new SegmentPage();
      const name = this.#topicRow(queue)?.name ?? "";
      for (const first of firsts) {
        const number = chunkNumber(queue, first);
        const [chunk] = this.#chunks(this.#forward, number, number, 1);
        if (chunk === undefined) continue;
        verifyChunk(queue, name, chunk);
        page.take(chunk, first, first + chunk.events - 1);
      }
      return page.build();
    });
  }

  #readForward(page: SegmentPage, topic: TopicRow, request: BackendRead): void {
    const { topic: number, lastSeq, maxEvents, maxBytes } = request;
    let next = Math.max(request.from, topic.first_seq);
    if (next > lastSeq) return;
    let chunk: Chunk | undefined = this.#chunkWith(number, topic, next);
    let ahead: Chunk[] = [];
    let wanted = FIRST_CHUNKS;
    for (;;) {
      if (!page.take(chunk, next, lastSeq)) return;
      next = chunk.first + chunk.events;
      if (next > lastSeq || page.count >= maxEvents) return;
      if (ahead.length === 0) {
        const beyond = chunkNumber(number, lastSeq);
        ahead = this.#chunks(this.#forward, chunkNumber(number, next), beyond, wanted).reverse();
        wanted = chunksFor(page, maxEvents, maxBytes);
      }
      chunk = ahead.pop();
      if (chunk === undefined || chunk.first !== next) throw missing(topic, next);
      verifyChunk(number, topic.name, chunk);
    }
  }

  #readBackward(page: SegmentPage, topic: TopicRow, request: BackendRead): void {
    const { topic: number, maxEvents, maxBytes } = request;
    const lowest = topic.first_seq;
    let last = request.from;
    if (last < lowest) return;
    let chunk: Chunk | undefined = this.#chunkWith(number, topic, last);
    let ahead: Chunk[] = [];
    let wanted = FIRST_CHUNKS;
    for (;;) {
      const first = Math.max(chunk.first, lowest);
      if (!page.take(chunk, first, last)) return;
      last = chunk.first - 1;
      if (last < lowest || page.count >= maxEvents) return;
      if (ahead.length === 0) {
        const from = chunkNumber(number, 0);
        ahead = this.#chunks(this.#backward, from, chunkNumber(number, last), wanted).reverse();
        wanted = chunksFor(page, maxEvents, maxBytes);
      }
      chunk = ahead.pop();
      if (chunk === undefined || chunk.first + chunk.events - 1 !== last) {
        throw missing(topic, last);
      }
      verifyChunk(number, topic.name, chunk);
    }
  }

  #topicRow(number: number): TopicRow | undefined {
    return this.#topic.get(number) as unknown as TopicRow | undefined;
  }

  /** The verified chunk that holds `seq`. */
  #chunkWith(number: number, topic: TopicRow, seq: number): Chunk {
    const [first, last] = [chunkNumber(number, 0), chunkNumber(number, seq)];
    const [chunk] = this.#chunks(this.#backward, first, last, 1);
    if (chunk === undefined || chunk.first + chunk.events <= seq) throw missing(topic, seq);
    verifyChunk(number, topic.name, chunk);
    return chunk;
  }

  #chunks(statement: StatementSync, first: bigint, last: bigint, limit: number): Chunk[] {
    return statement.all(first, last, limit) as unknown as Chunk[];
  }

  #transaction<T>(run: () => T): T {
    this.#database.exec("BEGIN");
    try {
      return run();
    } finally {
      this.#database.exec("COMMIT");
    }
  }
}

/** The number of chunks, if they are like those so far, that fill the rest of the page. */
function chunksFor(page: SegmentPage, maxEvents: number, maxBytes: number): number {
  const byEvents = (maxEvents - page.count) * page.chunks / page.count;
  const byBytes = (maxBytes - page.bytes) * page.chunks / page.bytes;
  return Math.max(1, Math.min(MAX_CHUNKS, Math.ceil(Math.min(byEvents, byBytes)) + 1));
}

function missing(topic: TopicRow, seq: number): Error {
  return damaged(`event ${seq} of topic ${JSON.stringify(topic.name)} is missing`);
}
