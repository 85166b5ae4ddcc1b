/**
 * Drops the events that topics no longer keep, a bounded step at a time.
 *
 * A step drops whole chunks of one topic up to a bound, then a part of one chunk: the topic's first seq moves
 * into it, and the chunk goes when its last event does. Figures stay exact. A step is part of the transaction in
 * hand, which the caller begins and ends.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Chunk, ChunkCursor, type ChunkHead, chunkNumber, isSound } from "./chunk.ts";
import { CHUNK, CHUNK_HEAD, type WriterTopic } from "./tables.ts";
import { isDue } from "../store/retention.ts";

/** The most bytes of bodies that a step drops, beyond its first chunk. */
const STEP_BYTES = 4 * 1024 * 1024;

/** The trimmer of a database. */
export class SqliteTrimmer {
  readonly #heads: StatementSync;
  readonly #chunk: StatementSync;
  readonly #drop: StatementSync;
  readonly #restBytes: StatementSync;
  readonly #cursor = new ChunkCursor();

  constructor(database: DatabaseSync) {
    const range = "WHERE id >= ? AND id < ?";
    this.#heads = database.prepare(`SELECT ${CHUNK_HEAD} FROM chunk ${range} ORDER BY id LIMIT ?`);
    this.#chunk = database.prepare(`SELECT ${CHUNK} FROM chunk WHERE id = ?`);
    this.#restBytes = database.prepare(`SELECT sum(bytes) AS bytes FROM chunk ${range}`);
    this.#drop = database.prepare(`DELETE FROM chunk ${range}`);
  }

  /** Drops events that `topic` need not keep, from at most `maxChunks` chunks. The caller writes the topic's row. */
  step(topic: WriterTopic, nowMs: number, maxChunks: number): void {
    const { id } = topic;
    const range = [chunkNumber(id, 0), chunkNumber(id + 1, 0)];
    const heads = this.#heads.all(...range, maxChunks) as unknown as ChunkHead[];
    let dropped = 0;
    let behind = -1;
    for (const [index, head] of heads.entries()) {
      if (dropped > STEP_BYTES || !isDue(topic.bounds, topic, nowMs)) break;
      dropped += head.bytes;
      const kept = this.#dropFrom(topic, head, nowMs);
      if (kept) break;
      behind = head.first + head.events;
      const next = heads[index + 1];
      topic.firstSeq = behind;
      topic.firstTimeMs = next?.first_ms ?? 0;
      // The time of an event beyond the chunks at hand is read.
      if (next === undefined && behind <= topic.lastSeq) {
        const rest = this.#heads.all(
          chunkNumber(id, behind),
          range[1],
          1,
        ) as unknown as ChunkHead[];
        topic.firstTimeMs = rest[0]?.first_ms ?? 0;
      }
    }
    if (behind >= 0) this.#drop.run(range[0], chunkNumber(id, behind));
  }

  /** Drops events of the first chunk; gives whether some of it is kept. */
  #dropFrom(topic: WriterTopic, head: ChunkHead, nowMs: number): boolean {
    const last = head.first + head.events - 1;
    const { bounds } = topic;
    if (topic.firstSeq <= head.first && this.#goesWhole(topic, head, nowMs)) {
      topic.bytes -= head.bytes;
      return false;
    }
    const chunk = this.#chunk.get(chunkNumber(topic.id, head.first)) as unknown as Chunk;
    if (!isSound(topic.id, chunk)) return this.#keepDamaged(topic, head, nowMs);
    const cursor = this.#cursor;
    cursor.open(chunk);
    for (let seq = head.first; cursor.next(); seq++) {
      if (seq < topic.firstSeq) continue;
      topic.firstSeq = seq;
      topic.firstTimeMs = cursor.timeMs;
      if (!isDue(bounds, topic, nowMs)) return true;
      topic.bytes -= cursor.end - cursor.start;
      topic.firstSeq = seq + 1;
    }
    topic.firstSeq = last + 1;
    return false;
  }

  /**
   * Keeps a chunk that is damaged until all of it must go; gives whether it is kept. Reads report the damage; a
   * commit must not fail because of it.
   */
  #keepDamaged(topic: WriterTopic, head: ChunkHead, nowMs: number): boolean {
    if (!this.#goesWhole(topic, head, nowMs)) return true;
    const rest = [chunkNumber(topic.id, head.first + head.events), chunkNumber(topic.id + 1, 0)];
    topic.bytes = Number(this.#restBytes.get(...rest)?.bytes ?? 0);
    return false;
  }

  /** Whether each event of a chunk must go, decided without looking into the chunk. */
  #goesWhole(topic: WriterTopic, head: ChunkHead, nowMs: number): boolean {
    const { bounds, lastSeq, bytes } = topic;
    const last = head.first + head.events - 1;
    return last < bounds.beforeSeq || lastSeq - last + 1 > bounds.maxEvents ||
      bytes - head.bytes >= bounds.maxBytes || head.last_ms < nowMs - bounds.maxAgeMs;
  }
}
