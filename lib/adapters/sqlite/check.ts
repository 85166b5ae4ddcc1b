/**
 * The checks of a database at start: that its pages are consistent, that nothing acknowledged is missing,
 * and that the ends of topics are what their rows say.
 *
 * The quick check is bounded in time: a small file is walked whole; in a large one the tables that are
 * loaded anyway are walked, and the ends of some topics; the rest is verified when it is read. The full check
 * reads every byte.
 */
import type { DatabaseSync } from "node:sqlite";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Mark } from "./high_water_mark.ts";
import { type Chunk, chunkNumber, verifyChunk } from "./chunk.ts";
import { damaged } from "./errors.ts";
import { valueOf } from "./schema.ts";
import { queueNameOf } from "../store/queue_name.ts";
import { CHUNK, type StateRow, type WriterTopic } from "./tables.ts";

/** A file up to this size is walked whole at each start. */
const WALKED_BYTES = 64 * 1024 * 1024;
/** The most topics whose ends are verified at each start. */
const VERIFIED_TOPICS = 5000;
/** The tables of a large file that are not walked. */
const LARGE_TABLES = ["chunk", "dedup"];
const CHUNKS = `SELECT ${CHUNK} FROM chunk`;

/** Raises when the pages of the database are not consistent. */
export function checkPages(database: DatabaseSync, full: boolean): void {
  const pages = Number(valueOf(database, "PRAGMA page_count"));
  const bytes = pages * Number(valueOf(database, "PRAGMA page_size"));
  const whole = full || bytes <= WALKED_BYTES;
  const checks = full
    ? ["integrity_check(1)"]
    : whole
    ? ["quick_check(1)"]
    : smallTables(database).map((table) => `quick_check(${table})`);
  for (const check of checks) {
    const said = String(valueOf(database, `PRAGMA ${check}`));
    if (said !== "ok") throw damaged(said.replaceAll(/\s+/g, " ").slice(0, 200));
  }
}

function smallTables(database: DatabaseSync): string[] {
  const rows = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  return rows.map(({ name }) => String(name)).filter((name) => !LARGE_TABLES.includes(name));
}

/**
 * Raises when the events of a topic are not what its row says, in full or at both ends. Chunks of queues are
 * counted when they are loaded; in full they are read as well.
 */
export function checkTopics(
  database: DatabaseSync,
  topics: readonly WriterTopic[],
  full: boolean,
): void {
  for (const topic of full ? topics : topics.slice(-VERIFIED_TOPICS)) {
    if (queueNameOf(topic.name) !== null) {
      if (full) checkJobs(database, topic);
    } else if (full) checkWholeTopic(database, topic);
    else checkEnds(database, topic);
  }
}

function checkEnds(database: DatabaseSync, topic: WriterTopic): void {
  const { id, name, firstSeq, lastSeq } = topic;
  const beyond = chunkNumber(id + 1, 0);
  const select = database.prepare(
    `${CHUNKS} WHERE id >= ? AND id <= ? ORDER BY id DESC LIMIT 1`,
  );
  const last = select.get(chunkNumber(id, 0), beyond - 1n) as unknown as Chunk | undefined;
  if ((last === undefined) !== (firstSeq > lastSeq)) throw missing(topic, lastSeq);
  if (last === undefined) return;
  verifyChunk(id, name, last);
  if (last.first + last.events - 1 !== lastSeq) throw missing(topic, lastSeq);
  const first = select.get(chunkNumber(id, 0), chunkNumber(id, firstSeq)) as unknown as
    | Chunk
    | undefined;
  if (first === undefined || first.first + first.events <= firstSeq) throw missing(topic, firstSeq);
  verifyChunk(id, name, first);
}

function checkJobs(database: DatabaseSync, { id, name }: WriterTopic): void {
  const select = database.prepare(`${CHUNKS} WHERE id >= ? AND id < ? ORDER BY id`);
  for (const row of select.iterate(chunkNumber(id, 0), chunkNumber(id + 1, 0))) {
    verifyChunk(id, name, row as unknown as Chunk);
  }
}

function checkWholeTopic(database: DatabaseSync, topic: WriterTopic): void {
  const { id, name, firstSeq, lastSeq } = topic;
  const select = database.prepare(`${CHUNKS} WHERE id >= ? AND id < ? ORDER BY id LIMIT 1`);
  const beyond = chunkNumber(id + 1, 0);
  let next = firstSeq;
  for (let from = chunkNumber(id, 0);;) {
    const chunk = select.get(from, beyond) as unknown as Chunk | undefined;
    if (chunk === undefined) break;
    verifyChunk(id, name, chunk);
    // Only the first chunk may begin before the first event that is kept.
    const fits = chunk.first === next || (next === firstSeq && chunk.first < next);
    if (!fits) throw missing(topic, next);
    next = chunk.first + chunk.events;
    from = chunkNumber(id, next);
  }
  if (next !== lastSeq + 1) throw missing(topic, next);
}

function missing(topic: WriterTopic, seq: number): ParleyError {
  return damaged(`event ${seq} of topic ${JSON.stringify(topic.name)} is missing`);
}

/**
 * Compares the history with the mark beside it. Gives null when nothing is missing, otherwise the error
 * that says what is missing.
 */
export function findLoss(state: StateRow, mark: Mark | null): ParleyError | null {
  // A copy begins a history of its own, and a database without a commit may be older than its mark.
  if (state.restored === 1) return null;
  if (mark === null) {
    if (state.commits === 0) return null;
    return loss(
      `the high-water mark is missing, so whether the history of ${state.commits} transactions ` +
        `lost its end cannot be told`,
    );
  }
  if (mark.epoch !== state.epoch) {
    return loss(`the database is of history ${state.epoch}, the high-water mark of ${mark.epoch}`);
  }
  if (mark.commits <= state.commits) return null;
  const lost = mark.commits - state.commits;
  return loss(
    `the history ends with transaction ${state.commits}, but ${mark.commits} were acknowledged: ` +
      `the last ${lost} ${lost === 1 ? "is" : "are"} lost`,
  );
}

function loss(what: string): ParleyError {
  return new ParleyError(ErrorCode.FAILED_PRECONDITION, `acknowledged data is lost: ${what}`, {
    accepted: "a backup, or --repair to go on with what is left as a new history",
  });
}
