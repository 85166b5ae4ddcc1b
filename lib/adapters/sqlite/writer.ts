/**
 * The one writer of a database: applies batches, trims, checkpoints. Lives in a Worker.
 *
 * Invariants: each change is in a transaction that is durable, with the mark behind it, before a method
 * returns; a method that raises has changed nothing, in the database or in memory. Non-goal: the order of
 * commits and steps (worker).
 */
import type { DatabaseSync } from "node:sqlite";
import type { Retention } from "../../ports/store.ts";
import { MarkError, type MarkFile } from "./high_water_mark.ts";
import { ChunkBuilder } from "./chunk.ts";
import { sqliteError } from "./errors.ts";
import { IdsBuilder } from "./ids.ts";
import { type StateRow, WriterTables, WriterTopic } from "./tables.ts";
import { SqliteTrimmer } from "./trimmer.ts";
import { Chunking, Operation, OperationCursor } from "../store/operations.ts";
import { readName } from "../store/queue_name.ts";
import { isDue, setBounds } from "../store/retention.ts";
import { decodeText } from "../../base/utf8_text.ts";

/** The most chunks that are trimmed within a commit, and in a step of its own. */
const COMMIT_TRIM_CHUNKS = 64;
const STEP_TRIM_CHUNKS = 256;
/** The most rows of message_ids that are dropped within a commit. */
const DROPPED_IDS = 16;
/** The bytes in the log past which it is brought into the database. */
const CHECKPOINT_BYTES = 16 * 1024 * 1024;
/** The most chunk builders that are kept from commit to commit. */
const SPARE_BUILDERS = 64;
/** The bytes that a row takes in the log beyond its data, about. */
const ROW_BYTES = 4096;

/** The figures of a topic before a transaction; null when it was not there. */
type Former = Pick<WriterTopic, "firstSeq" | "lastSeq" | "bytes" | "firstTimeMs" | "lastTimeMs">;

/** The time of a commit that has message_ids, by the monotonic clock. */
export interface IdsAge {
  readonly commits: number;
  readonly atMs: number;
}

/** The contents of the database when it was opened; the writer goes on with these objects. */
export interface FoundHistory {
  readonly state: StateRow;
  /** The topics and queues. */
  readonly topics: readonly WriterTopic[];
  /** The greatest seq that a forgotten topic or queue gave. */
  readonly forgottenSeq: number;
  /** The time for which message_ids are remembered. */
  readonly dedupWindowMs: number;
  /** The commits whose message_ids are remembered, oldest first. */
  readonly idsAges: IdsAge[];
}

/** The writer of a database. */
export class SqliteWriter {
  readonly #database: DatabaseSync;
  readonly #tables: WriterTables;
  readonly #trimmer: SqliteTrimmer;
  readonly #mark: MarkFile;
  readonly #state: StateRow;
  readonly #topics = new Map<number, WriterTopic>();
  /** The retentions of all topics, those without events included. */
  readonly #retentions = new Map<number, Retention>();
  readonly #windowMs: number;
  readonly #idsAges: IdsAge[];
  readonly #cursor = new OperationCursor();
  readonly #builders = new Map<number, ChunkBuilder>();
  readonly #spare: ChunkBuilder[] = [];
  readonly #ids = new IdsBuilder();
  readonly #due = new Set<WriterTopic>();
  /** The topics that the transaction in hand changed, with their figures before it. */
  readonly #changed = new Map<WriterTopic, Former | null>();
  /** The topics that the transaction in hand forgot. */
  readonly #forgotten: WriterTopic[] = [];
  #forgottenSeq: number;
  readonly #trimmed = new Set<WriterTopic>();
  /** The queues that lost chunks in the transaction in hand. */
  readonly #shrunk = new Set<WriterTopic>();
  #nowMs = 0;
  /** How long the disk was waited for in the last commit, in milliseconds; 0 when there was nothing to commit. */
  syncMs = 0;
  #logBytes = 0;
  #written = 0;

  constructor(database: DatabaseSync, mark: MarkFile, found: FoundHistory) {
    this.#database = database;
    this.#tables = new WriterTables(database);
    this.#trimmer = new SqliteTrimmer(database);
    this.#mark = mark;
    this.#state = found.state;
    for (const topic of found.topics) this.#topics.set(topic.id, topic);
    this.#forgottenSeq = found.forgottenSeq;
    this.#windowMs = found.dedupWindowMs;
    this.#idsAges = found.idsAges;
  }

  /** The number of transactions so far. */
  get commits(): number {
    return this.#state.commits;
  }

  /** Whether any topic must be trimmed. */
  get isDue(): boolean {
    return this.#due.size > 0;
  }

  /** Applies a batch; gives new figures of trimmed topics. Raises a ParleyError when nothing was kept. */
  commit(buffer: ArrayBuffer, length: number, nowMs: number, sequence: number): Float64Array {
    this.#nowMs = nowMs;
    const cursor = this.#cursor;
    this.syncMs = 0;
    cursor.open(buffer, length);
    let operations = 0;
    while (cursor.next()) if (cursor.kind !== Operation.DUPLICATE) operations++;
    // Duplicates alone need no transaction.
    if (operations === 0) return this.#takeTrimmed();
    return this.#transaction("commit events", () => {
      cursor.open(buffer, length);
      while (cursor.next()) this.#apply();
      this.#endChunks();
      this.#endIds(nowMs);
      this.#trimSome(COMMIT_TRIM_CHUNKS);
      if (sequence > 0) this.#tables.setPosition(sequence);
    });
  }

  setRetention(topic: number, retention: Retention): void {
    this.#retentions.set(topic, retention);
    const known = this.#topics.get(topic);
    if (known === undefined) return;
    setBounds(known.bounds, retention);
    this.#look(known);
  }

  /** Notes which topics have events that became too old. */
  retain(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const topic of this.#topics.values()) this.#look(topic);
  }

  /** Notes that events before `beforeSeq` must be trimmed. */
  trim(topic: number, beforeSeq: number): void {
    const known = this.#topics.get(topic);
    if (known === undefined) return;
    known.bounds.beforeSeq = Math.max(known.bounds.beforeSeq, beforeSeq);
    this.#look(known);
  }

  /** Trims one step, in a transaction of its own; gives new figures of trimmed topics. */
  step(): Float64Array {
    if (this.#due.size === 0) return this.#takeTrimmed();
    return this.#transaction("trim topics", () => this.#trimSome(STEP_TRIM_CHUNKS));
  }

  /** Brings the log into the database once it is long. Never raises: what fails is tried again later. */
  checkpoint(): void {
    if (this.#logBytes < CHECKPOINT_BYTES) return;
    try {
      const row = this.#database.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
      // Readers hold some of it back: that much is tried again after half as much more.
      const all = row?.busy === 0 && row.log === row.checkpointed;
      this.#logBytes = all ? 0 : CHECKPOINT_BYTES / 2;
    } catch {
      this.#logBytes = CHECKPOINT_BYTES / 2;
    }
  }

  /** Closes the database and the mark. */
  async close(): Promise<void> {
    try {
      this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // The log stays beside the database and is read at the next start.
    }
    this.#database.close();
    await this.#mark.close();
  }

  #apply(): void {
    const cursor = this.#cursor;
    const { kind, a, bytes, start, end } = cursor;
    if (kind === Operation.EVENT) return this.#event();
    if (kind === Operation.STATES) {
      this.#tables.setStates(a, cursor.number, bytes.subarray(start, end));
      this.#count(end - start);
    } else if (kind === Operation.DROP) {
      this.#dropChunk(a, cursor.number);
    } else if (kind === Operation.TOPIC) {
      if (!this.#topics.has(a)) {
        this.#nameTopic(a, bytes.subarray(start, end), cursor.number);
      }
    } else if (kind === Operation.FORGET) {
      this.#forget(a, cursor.number);
    } else if (kind === Operation.PUT || kind === Operation.REMOVE) {
      const key = decodeText(bytes.subarray(start, start + a));
      this.#state.revision = cursor.number;
      if (kind === Operation.REMOVE) this.#tables.removeRecord(key);
      else this.#tables.putRecord(key, cursor.number, bytes.subarray(start + a, end));
      this.#count(end - start);
    }
  }

  #event(): void {
    const cursor = this.#cursor;
    const { a, c, d, start, end } = cursor;
    let builder = this.#builders.get(a);
    if (builder === undefined) {
      this.#builders.set(a, builder = this.#spare.pop() ?? new ChunkBuilder());
      builder.clear();
      this.#note(this.#topics.get(a)!);
    } else if (d === Chunking.BEGIN || (d === Chunking.FREE && builder.isFull(end - start))) {
      this.#endChunk(a, builder);
    }
    builder.add(cursor);
    if (c > 0) this.#ids.add(cursor);
  }

  #nameTopic(id: number, name: Uint8Array, behindSeq: number): void {
    const { storedName, owner } = readName(name);
    const topic = new WriterTopic(id, storedName, owner, behindSeq);
    setBounds(topic.bounds, this.#retentions.get(id) ?? {});
    this.#changed.set(topic, null);
    this.#topics.set(id, topic);
    this.#tables.addTopic(topic);
    this.#count(0);
  }

  #forget(id: number, lastSeq: number): void {
    const topic = this.#topics.get(id);
    // Events that came in this very transaction go, too.
    this.#builders.delete(id);
    if (topic !== undefined) {
      if (this.#changed.get(topic) !== null) this.#forgotten.push(topic);
      this.#trimmed.delete(topic);
      this.#topics.delete(id);
      this.#due.delete(topic);
      this.#tables.dropTopic(id);
    }
    if (lastSeq > this.#forgottenSeq) this.#tables.setForgotten(this.#forgottenSeq = lastSeq);
    this.#count(ROW_BYTES);
  }

  #dropChunk(id: number, first: number): void {
    const topic = this.#topics.get(id)!;
    const builder = this.#builders.get(id);
    // A job that was pushed in this very transaction may be gone again; otherwise a chunk is left to grow.
    if (builder !== undefined && first >= builder.first) this.#endChunk(id, builder);
    this.#note(topic);
    topic.bytes -= this.#tables.dropChunk(topic, first);
    this.#shrunk.add(topic);
    this.#count(ROW_BYTES);
  }

  #endChunk(id: number, builder: ChunkBuilder): void {
    if (builder.events === 0) return;
    const topic = this.#topics.get(id)!;
    if (topic.firstSeq > topic.lastSeq) topic.firstTimeMs = builder.first_ms;
    topic.lastSeq = builder.first + builder.events - 1;
    topic.lastTimeMs = builder.last_ms;
    topic.bytes += builder.bytes;
    this.#tables.addChunk(id, builder);
    this.#count(builder.data.length);
    builder.clear();
  }

  #endChunks(): void {
    for (const [id, builder] of this.#builders) {
      this.#endChunk(id, builder);
      const topic = this.#topics.get(id)!;
      this.#tables.setTopic(topic);
      this.#count(0);
      this.#look(topic);
      this.#shrunk.delete(topic);
    }
    for (const topic of this.#shrunk) this.#tables.setTopic(topic);
  }

  #endIds(nowMs: number): void {
    const { data } = this.#ids;
    const commits = this.#state.commits + 1;
    if (data.length > 0) {
      this.#tables.addIds(commits, nowMs, data);
      this.#count(data.length);
      this.#idsAges.push({ commits, atMs: performance.now() });
    }
    const oldest = performance.now() - this.#windowMs;
    let gone = 0;
    while (gone < DROPPED_IDS && (this.#idsAges[gone]?.atMs ?? Infinity) < oldest) gone++;
    if (gone === 0) return;
    this.#tables.dropIds(this.#idsAges[gone - 1].commits);
    this.#idsAges.splice(0, gone);
  }

  /** Notes a topic among those that are due if it must be trimmed. */
  #look(topic: WriterTopic): void {
    if (isDue(topic.bounds, topic, this.#nowMs)) this.#due.add(topic);
  }

  #trimSome(maxChunks: number): void {
    const [topic] = this.#due;
    if (topic === undefined) return;
    this.#note(topic);
    const { firstSeq } = topic;
    this.#trimmer.step(topic, this.#nowMs, maxChunks);
    // A topic that gets no further, or is trimmed, is noted again when something changes.
    this.#due.delete(topic);
    if (topic.firstSeq === firstSeq) return;
    this.#trimmed.add(topic);
    this.#tables.setTopic(topic);
    this.#count(ROW_BYTES);
    this.#look(topic);
  }

  /** Remembers the figures of a topic before the transaction in hand changes them. */
  #note(topic: WriterTopic): void {
    if (this.#changed.has(topic)) return;
    const { firstSeq, lastSeq, bytes, firstTimeMs, lastTimeMs } = topic;
    this.#changed.set(topic, { firstSeq, lastSeq, bytes, firstTimeMs, lastTimeMs });
  }

  /** Counts the bytes that a row puts into the log. */
  #count(bytes: number): void {
    this.#written += bytes + ROW_BYTES;
  }

  #transaction(action: string, run: () => void): Float64Array {
    const { commits, revision } = this.#state;
    const forgottenSeq = this.#forgottenSeq;
    this.#written = 2 * ROW_BYTES;
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      run();
      this.#state.commits = commits + 1;
      this.#tables.setState(this.#state);
      const syncingMs = performance.now();
      this.#database.exec("COMMIT");
      this.syncMs = performance.now() - syncingMs;
    } catch (error) {
      this.#state.commits = commits;
      this.#state.revision = revision;
      this.#forgottenSeq = forgottenSeq;
      this.#takeBack(commits);
      throw sqliteError(action, error);
    } finally {
      this.#logBytes += this.#written;
      for (const builder of this.#builders.values()) {
        if (this.#spare.length < SPARE_BUILDERS) this.#spare.push(builder);
      }
      this.#builders.clear();
      this.#ids.clear();
      this.#changed.clear();
      this.#forgotten.length = 0;
      this.#shrunk.clear();
    }
    try {
      this.#mark.advance(this.#state.commits);
    } catch (error) {
      throw new MarkError(error);
    }
    return this.#takeTrimmed();
  }

  /** Rolls back, and makes the figures in memory what the database holds. */
  #takeBack(commits: number): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself.
    }
    for (const [topic, former] of this.#changed) {
      if (former === null) {
        this.#topics.delete(topic.id);
        this.#due.delete(topic);
      } else {
        Object.assign(topic, former);
        this.#look(topic);
      }
    }
    for (const topic of this.#forgotten) {
      this.#topics.set(topic.id, topic);
      this.#look(topic);
    }
    this.#trimmed.clear();
    while ((this.#idsAges.at(-1)?.commits ?? 0) > commits) this.#idsAges.pop();
    // On a full disk the log may have room again once it is brought into the database.
    this.#logBytes = Math.max(this.#logBytes, CHECKPOINT_BYTES);
  }

  #takeTrimmed(): Float64Array {
    const figures: number[] = [];
    for (const { id, firstSeq, bytes, firstTimeMs } of this.#trimmed) {
      figures.push(id, firstSeq, bytes, firstTimeMs);
    }
    this.#trimmed.clear();
    return Float64Array.from(figures);
  }
}
