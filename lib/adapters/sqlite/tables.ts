/**
 * The rows of the database as values, and the prepared statements that change them.
 *
 * Each row is written with its checksum, and verified when it is loaded. No transaction begins or ends here.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StoredChunk } from "../../ports/job_log.ts";
import type { StoreRecord } from "../../ports/store.ts";
import { type ChunkBuilder, chunkNumber, chunkSum, SEQ_MASK, statesSum, sumOf } from "./chunk.ts";
import { damaged } from "./errors.ts";
import { describeStored } from "../store/queue_name.ts";
import { keepAll } from "../store/retention.ts";
import type { LogFigures } from "../store/stored_log.ts";

/** The columns of a chunk without its data, and with it. */
export const CHUNK_HEAD = `id & ${SEQ_MASK} AS first, events, bytes, first_ms, last_ms`;
export const CHUNK = `${CHUNK_HEAD}, sum, data`;

/** The row about the database as a whole. */
export interface StateRow {
  epoch: string;
  /** The number of transactions so far. */
  commits: number;
  /** The last revision of a record. */
  revision: number;
  /** 1 when the database is a copy that was not opened yet; otherwise 0. */
  restored: number;
}

/** A topic as the writer knows it. */
export class WriterTopic implements LogFigures {
  readonly bounds = keepAll();
  firstSeq: number;
  lastSeq: number;
  bytes = 0;
  firstTimeMs = 0;
  lastTimeMs = 0;

  /** `owner` is who made it, or empty. The first event gets the seq behind `behindSeq`. */
  constructor(
    readonly id: number,
    readonly name: string,
    readonly owner: string,
    behindSeq = 0,
  ) {
    this.firstSeq = behindSeq + 1;
    this.lastSeq = behindSeq;
  }

  /** The checksum of the topic's row. */
  get sum(): number {
    const { id, name, owner, firstSeq, lastSeq, bytes, firstTimeMs, lastTimeMs } = this;
    const values = [id, name, firstSeq, lastSeq, bytes, firstTimeMs, lastTimeMs];
    // Rows that were written before topics had owners keep their sums.
    return sumOf(owner === "" ? values : [...values, owner]);
  }
}

function stateSum({ epoch, commits, revision, restored }: StateRow): number {
  return sumOf([epoch, commits, revision, restored]);
}

/** Loads the state row; null in a database that was never used. */
export function loadState(database: DatabaseSync): StateRow | null {
  const row = database.prepare("SELECT epoch, commits, revision, restored, sum FROM state").get();
  if (row === undefined) return null;
  const { sum, ...state } = row as unknown as StateRow & { sum: number };
  if (stateSum(state) !== sum) throw damaged("the state of the history");
  return state;
}

/** Writes the state row. */
export function saveState(database: DatabaseSync, state: StateRow): void {
  const { epoch, commits, revision, restored } = state;
  database.prepare("INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?)")
    .run(epoch, commits, revision, restored, stateSum(state));
}

/** Loads the greatest seq that a forgotten topic gave; 0 when none was forgotten. */
export function loadForgotten(database: DatabaseSync): number {
  const row = database.prepare("SELECT last_seq, sum FROM forgotten").get();
  if (row === undefined) return 0;
  const lastSeq = Number(row.last_seq);
  if (sumOf([lastSeq]) !== row.sum) throw damaged("the last seq of forgotten topics");
  return lastSeq;
}

/** Loads the sequence of the log up to which everything was applied; 0 when there was no log. */
export function loadPosition(database: DatabaseSync): number {
  const row = database.prepare("SELECT sequence, sum FROM log_position").get();
  if (row === undefined) return 0;
  const sequence = Number(row.sequence);
  if (sumOf([sequence]) !== row.sum) throw damaged("the position in the log");
  return sequence;
}

/** Forgets the position, since the history goes on without the log. */
export function dropPosition(database: DatabaseSync): void {
  database.exec("DELETE FROM log_position");
}

/** Loads all topics and queues. */
export function loadTopics(database: DatabaseSync): WriterTopic[] {
  const rows = database.prepare("SELECT * FROM topic ORDER BY id").all();
  return rows.map((row) => {
    const topic = new WriterTopic(Number(row.id), String(row.name), String(row.owner));
    topic.firstSeq = Number(row.first_seq);
    topic.lastSeq = Number(row.last_seq);
    topic.bytes = Number(row.bytes);
    topic.firstTimeMs = Number(row.first_ms);
    topic.lastTimeMs = Number(row.last_ms);
    if (topic.sum !== row.sum) throw damaged(describeStored(String(row.name)));
    return topic;
  });
}

/**
 * Loads the chunks of a queue without their jobs. Raises when one is missing; the jobs are verified when they are
 * read.
 */
export function loadChunks(database: DatabaseSync, queue: WriterTopic): StoredChunk[] {
  const { id, lastSeq } = queue;
  const name = describeStored(queue.name);
  const range = [chunkNumber(id, 0), chunkNumber(id + 1, 0)];
  const states = new Map<number, Uint8Array>();
  const stateRows = database.prepare(
    `SELECT id & ${SEQ_MASK} AS first, sum, data FROM job_states WHERE id >= ? AND id < ?`,
  );
  for (const row of stateRows.iterate(...range)) {
    const [first, data] = [Number(row.first), row.data as Uint8Array];
    if (statesSum(id, first, data) !== row.sum) throw damaged(`states of jobs of ${name}`);
    states.set(first, data);
  }
  const rows = database.prepare(
    `SELECT ${CHUNK_HEAD} FROM chunk WHERE id >= ? AND id < ? ORDER BY id`,
  );
  const chunks: StoredChunk[] = [];
  let found = 0;
  let behind = 1;
  for (const row of rows.iterate(...range)) {
    const [first, jobs, bytes] = [Number(row.first), Number(row.events), Number(row.bytes)];
    if (first < behind || jobs < 1) throw damaged(`jobs ${first} and following of ${name}`);
    behind = first + jobs;
    const timeMs = Number(row.first_ms);
    chunks.push({ first, jobs, bytes, timeMs, states: states.get(first) ?? null });
    found += bytes;
  }
  if (behind > lastSeq + 1) throw damaged(`the last jobs of ${name}`);
  if (found !== queue.bytes) {
    throw damaged(`${name} has ${found} bytes of jobs, not ${queue.bytes}`);
  }
  return chunks;
}

/** Loads all records. */
export function loadRecords(database: DatabaseSync): StoreRecord[] {
  // Read in the order of their keys, so that a damaged order is seen by the check before.
  const rows = database.prepare("SELECT key, revision, sum, value FROM record NOT INDEXED").all();
  return rows.map((row) => {
    const [key, revision] = [String(row.key), Number(row.revision)];
    const value = row.value as Uint8Array;
    if (sumOf([key, revision], value) !== row.sum) throw damaged(`record ${JSON.stringify(key)}`);
    return { key, value, revision };
  });
}

/** The message_ids of one commit. */
export interface IdsRow {
  readonly commits: number;
  readonly time_ms: number;
  readonly ids: Uint8Array;
}

/** Loads the message_ids of the last commits before `commits`, newest first; at most 256 commits. */
export function loadIds(database: DatabaseSync, commits: number): IdsRow[] {
  const rows = database.prepare(
    "SELECT commits, time_ms, sum, ids FROM dedup WHERE commits < ? ORDER BY commits DESC LIMIT 256",
  ).all(commits);
  return rows.map((row) => {
    const [commits, time_ms] = [Number(row.commits), Number(row.time_ms)];
    const ids = row.ids as Uint8Array;
    if (sumOf([commits, time_ms], ids) !== row.sum) throw damaged("the message_ids seen lately");
    return { commits, time_ms, ids };
  });
}

/** The statements of the writer. */
export class WriterTables {
  readonly #addTopic: StatementSync;
  readonly #setTopic: StatementSync;
  readonly #dropTopic: StatementSync;
  readonly #dropTopicChunks: StatementSync;
  readonly #setForgotten: StatementSync;
  readonly #setPosition: StatementSync;
  readonly #addChunk: StatementSync;
  readonly #setState: StatementSync;
  readonly #putRecord: StatementSync;
  readonly #removeRecord: StatementSync;
  readonly #addIds: StatementSync;
  readonly #dropIds: StatementSync;
  readonly #setStates: StatementSync;
  readonly #dropStates: StatementSync;
  readonly #dropChunk: StatementSync;

  constructor(database: DatabaseSync) {
    this.#addTopic = database.prepare("INSERT INTO topic VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.#setTopic = database.prepare(
      "UPDATE topic SET first_seq=?, last_seq=?, bytes=?, first_ms=?, last_ms=?, sum=? WHERE id=?",
    );
    this.#dropTopic = database.prepare("DELETE FROM topic WHERE id = ?");
    this.#dropTopicChunks = database.prepare("DELETE FROM chunk WHERE id >= ? AND id < ?");
    this.#setForgotten = database.prepare("INSERT OR REPLACE INTO forgotten VALUES (1, ?, ?)");
    this.#setPosition = database.prepare("INSERT OR REPLACE INTO log_position VALUES (1, ?, ?)");
    this.#addChunk = database.prepare("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?)");
    this.#setState = database.prepare("UPDATE state SET commits=?, revision=?, sum=?");
    this.#putRecord = database.prepare("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)");
    this.#removeRecord = database.prepare("DELETE FROM record WHERE key = ?");
    this.#addIds = database.prepare("INSERT INTO dedup VALUES (?, ?, ?, ?)");
    this.#dropIds = database.prepare("DELETE FROM dedup WHERE commits <= ?");
    this.#setStates = database.prepare("INSERT OR REPLACE INTO job_states VALUES (?, ?, ?)");
    this.#dropStates = database.prepare("DELETE FROM job_states WHERE id = ?");
    this.#dropChunk = database.prepare("DELETE FROM chunk WHERE id = ? RETURNING bytes");
  }

  addTopic(topic: WriterTopic): void {
    const { id, name, firstSeq, lastSeq, bytes, firstTimeMs, lastTimeMs, sum, owner } = topic;
    this.#addTopic.run(id, name, firstSeq, lastSeq, bytes, firstTimeMs, lastTimeMs, sum, owner);
  }

  setTopic(topic: WriterTopic): void {
    const { id, firstSeq, lastSeq, bytes, firstTimeMs, lastTimeMs, sum } = topic;
    this.#setTopic.run(firstSeq, lastSeq, bytes, firstTimeMs, lastTimeMs, sum, id);
  }

  /** Drops the row of a topic with all its events. */
  dropTopic(id: number): void {
    this.#dropTopic.run(id);
    this.#dropTopicChunks.run(chunkNumber(id, 0), chunkNumber(id + 1, 0));
  }

  /** Stores the sequence of the log up to which everything was applied. */
  setPosition(sequence: number): void {
    this.#setPosition.run(sequence, sumOf([sequence]));
  }

  /** Stores the greatest seq that a forgotten topic gave. */
  setForgotten(lastSeq: number): void {
    this.#setForgotten.run(lastSeq, sumOf([lastSeq]));
  }

  addChunk(topic: number, chunk: ChunkBuilder): void {
    const { first, events, bytes, first_ms, last_ms, data } = chunk;
    const sum = chunkSum(topic, chunk, data);
    this.#addChunk.run(chunkNumber(topic, first), events, bytes, first_ms, last_ms, sum, data);
  }

  setState(state: StateRow): void {
    this.#setState.run(state.commits, state.revision, stateSum(state));
  }

  putRecord(key: string, revision: number, value: Uint8Array): void {
    this.#putRecord.run(key, revision, sumOf([key, revision], value), value);
  }

  removeRecord(key: string): void {
    // Damage in the index would make the row stay.
    if (this.#removeRecord.run(key).changes !== 1) throw damaged(`record ${JSON.stringify(key)}`);
  }

  addIds(commits: number, timeMs: number, ids: Uint8Array): void {
    this.#addIds.run(commits, timeMs, sumOf([commits, timeMs], ids), ids);
  }

  /** Replaces the states of a chunk of jobs. */
  setStates(topic: number, first: number, states: Uint8Array): void {
    this.#setStates.run(chunkNumber(topic, first), statesSum(topic, first, states), states);
  }

  /** Drops a chunk of jobs with its states; gives the bytes of its jobs. */
  dropChunk({ id, name }: WriterTopic, first: number): number {
    const number = chunkNumber(id, first);
    const row = this.#dropChunk.get(number);
    if (row === undefined) {
      throw damaged(`jobs ${first} and following of ${describeStored(name)} are missing`);
    }
    this.#dropStates.run(number);
    return Number(row.bytes);
  }

  /** Drops the message_ids of all commits up to this one. */
  dropIds(commits: number): void {
    this.#dropIds.run(commits);
  }
}
