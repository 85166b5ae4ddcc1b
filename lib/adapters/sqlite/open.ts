/**
 * Opens a data directory: takes its lock, checks what is there against the high-water mark, and gives the
 * writer with a snapshot of what the front must know. Runs in the writer's Worker.
 *
 * Invariant: whatever is lost or damaged is refused with an error that names it; only `repair` goes on
 * with what is left, as a history with a new epoch. The lock is SQLite's own on a file of its own, so it
 * ends with the process, however that ends.
 */
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { StoredChunk } from "../../ports/job_log.ts";
import type { StoreRecord } from "../../ports/store.ts";
import { type Mark, MarkFile, readMark } from "./high_water_mark.ts";
import { checkPages, checkTopics, findLoss } from "./check.ts";
import { sqliteError } from "./errors.ts";
import { checkVersion, migrate, openWriter, valueOf } from "./schema.ts";
import {
  dropPosition,
  loadChunks,
  loadForgotten,
  loadIds,
  loadPosition,
  loadRecords,
  loadState,
  loadTopics,
  saveState,
  type StateRow,
} from "./tables.ts";
import { type IdsAge, SqliteWriter } from "./writer.ts";
import { unavailable } from "../store/values.ts";
import { queueNameOf } from "../store/queue_name.ts";
import type { LogFigures } from "../store/stored_log.ts";

/** About what a message_id takes with its prefix, at most. */
const MAX_ID_BYTES = 64;

/** A request to open a data directory. */
export interface OpenRequest {
  readonly directory: string;
  /** Go on with what is left when acknowledged data is lost. */
  readonly repair: boolean;
  /** Verify every byte. */
  readonly fullCheck: boolean;
  /** The most bytes that the database may take; absent: what the disk has. */
  readonly maxBytes?: number;
  readonly wallMs: number;
  readonly dedupWindowMs: number;
  readonly maxDedupEntries: number;
  /**
   * Opens what a dead Worker of this process had open: what it checked is not checked again, and the snapshot has only
   * what can have changed. Absent: false.
   */
  readonly isReopened?: boolean;
  /** The history of the log that the store shares with others; absent: it shares none. */
  readonly epoch?: string;
}

/** The contents of the database at start, in a form that can be posted. */
export interface OpenedSnapshot {
  readonly epoch: string;
  /** The number of transactions so far. */
  readonly commits: number;
  readonly position: number;
  readonly topics: readonly LogFigures[];
  /** The chunks of queues. */
  readonly chunks: readonly (readonly [queue: number, chunks: readonly StoredChunk[]])[];
  readonly records: readonly StoreRecord[];
  readonly lastRevision: number;
  readonly forgottenSeq: number;
  /** Message_ids, oldest first, with the age of each row. */
  readonly ids: readonly { readonly ageMs: number; readonly data: Uint8Array }[];
  readonly warnings: readonly string[];
}

/**
 * The files of a data directory, as absolute paths: SQLite would take a relative one that begins with `file:` for a
 * URI, and everything behind a question mark in it for settings.
 */
export function filesOf(directory: string): { database: string; mark: string; lock: string } {
  const file = (name: string) => join(resolve(directory), name);
  return { database: file("parley.db"), mark: file("parley.mark"), lock: file("parley.lock") };
}

/** An open data directory. */
export interface Opened {
  readonly writer: SqliteWriter;
  readonly snapshot: OpenedSnapshot;
  /** Held as long as the directory is open. */
  readonly lock: DatabaseSync;
}

/** Opens a data directory, making it if need be. Raises a ParleyError that says why not. */
export function openDirectory(request: OpenRequest): Opened {
  const action = `open data directory ${JSON.stringify(request.directory)}`;
  let lock: DatabaseSync | null = null;
  let database: DatabaseSync | null = null;
  try {
    // The data is for the server's user alone; a directory that is already there keeps its mode.
    Deno.mkdirSync(request.directory, { recursive: true, mode: 0o700 });
    const files = filesOf(request.directory);
    lock = takeLock(files.lock, request);
    database = openWriter(files.database, request.maxBytes);
    const { writer, snapshot } = load(database, files.mark, request);
    syncDirectory(request.directory);
    return { writer, snapshot, lock };
  } catch (error) {
    database?.close();
    lock?.close();
    const said = sqliteError(action, error);
    if (said.message.startsWith(`cannot ${action}`)) throw said;
    throw new ParleyError(said.code, `cannot ${action}: ${said.message}`, {
      retryable: said.retryable,
      accepted: said.accepted,
      cause: error,
    });
  }
}

function takeLock(path: string, { directory, isReopened }: OpenRequest): DatabaseSync {
  const lock = new DatabaseSync(path);
  try {
    lock.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    // A Worker that is being ended keeps it until its last call to the database is over.
    if (isReopened) throw unavailable("go on", "the dead writer still holds the directory", error);
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot open data directory ${JSON.stringify(directory)}: another server uses it`,
      { accepted: "a data directory for each server", cause: error },
    );
  }
  return lock;
}

function load(
  database: DatabaseSync,
  markPath: string,
  request: OpenRequest,
): { writer: SqliteWriter; snapshot: OpenedSnapshot } {
  const warnings: string[] = [];
  const old = checkVersion(String(valueOf(database, "SELECT sqlite_version()")));
  if (old !== null) warnings.push(old);
  const isNew = Number(valueOf(database, "PRAGMA page_count")) === 0;
  const isReopened = request.isReopened ?? false;
  if (!isNew && !isReopened) checkPages(database, request.fullCheck);
  migrate(database);
  const present = loadState(database);
  const found: FoundState = { present, mark: readMark(markPath), position: loadPosition(database) };
  const state = settleHistory(found, request, warnings);
  const topics = loadTopics(database);
  if (!isReopened) checkTopics(database, topics, request.fullCheck);
  const queues = topics.filter(({ name }) => !isReopened && queueNameOf(name) !== null);
  const chunks = queues.map((queue) => [queue.id, loadChunks(database, queue)] as const);
  const records = isReopened ? [] : loadRecords(database);
  const forgottenSeq = loadForgotten(database);
  const { ids, ages } = recentIds(database, request);
  // The mark of a history that begins comes first: without it the next start would miss it.
  const mark = MarkFile.create(markPath, state);
  if (state !== present) saveState(database, state);
  const { dedupWindowMs } = request;
  const position = request.epoch === undefined ? 0 : found.position;
  if (position < found.position) dropPosition(database);
  const history = { state, topics, forgottenSeq, dedupWindowMs, idsAges: ages };
  const writer = new SqliteWriter(database, mark, history);
  const snapshot = {
    epoch: state.epoch,
    commits: state.commits,
    position,
    topics: topics.map((topic) => ({ ...topic })),
    chunks,
    records,
    lastRevision: state.revision,
    forgottenSeq,
    ids: isReopened ? [] : ids,
    warnings,
  };
  return { writer, snapshot };
}

/** What a data directory says of its history. */
interface FoundState {
  readonly present: StateRow | null;
  readonly mark: Mark | null;
  readonly position: number;
}

/** Gives the state of a history that may go on: the one that is there, or one that begins. */
function settleHistory(
  { present, mark, position }: FoundState,
  { repair, epoch: shared }: OpenRequest,
  warnings: string[],
): StateRow {
  const epoch = shared ?? crypto.randomUUID();
  const none = { epoch: mark?.epoch ?? "", commits: 0, revision: 0, restored: 0 };
  const lost = findLoss(present ?? none, mark);
  if (lost !== null && (!repair || shared !== undefined)) throw lost;
  if (lost === null && present === null) return { ...none, epoch };
  const state = present ?? none;
  if (shared !== undefined) {
    if (state.epoch !== shared) throw otherHistory(state.epoch, shared);
    return state.restored === 1 ? { ...state, commits: state.commits + 1, restored: 0 } : state;
  }
  if (lost !== null) warnings.push(`${lost.message}; repaired: the history goes on as a new one`);
  else if (state.restored === 1) warnings.push("the database is a copy: its history is a new one");
  else if (position > 0) {
    warnings.push("the data is that of a node of a cluster: its history goes on as a new one");
  } else return state;
  return { ...state, epoch, commits: state.commits + 1, restored: 0 };
}

function otherHistory(epoch: string, shared: string): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot follow the cluster's log: the data is of history ${epoch}, the log of ${shared}`,
    { accepted: "an empty data directory, or one of this cluster" },
  );
}

/** The message_ids within the window, oldest first; older ones are dropped. */
function recentIds(
  database: DatabaseSync,
  { wallMs, dedupWindowMs, maxDedupEntries }: OpenRequest,
): { ids: OpenedSnapshot["ids"]; ages: IdsAge[] } {
  const ids: { ageMs: number; data: Uint8Array }[] = [];
  const ages: IdsAge[] = [];
  const nowMs = performance.now();
  let bytes = 0;
  let ageMs = 0;
  for (let rows = loadIds(database, Number.MAX_SAFE_INTEGER); rows.length > 0;) {
    for (const row of rows) {
      // However the clock was set, an earlier commit is no younger than a later one.
      ageMs = Math.max(ageMs, wallMs - row.time_ms);
      bytes += row.ids.length;
      // The second bound is for memory; the front forgets ids beyond their greatest number.
      if (ageMs > dedupWindowMs || bytes > MAX_ID_BYTES * maxDedupEntries) {
        database.prepare("DELETE FROM dedup WHERE commits <= ?").run(row.commits);
        return { ids: ids.reverse(), ages: ages.reverse() };
      }
      ages.push({ commits: row.commits, atMs: nowMs - ageMs });
      ids.push({ ageMs, data: row.ids });
    }
    rows = loadIds(database, rows.at(-1)!.commits);
  }
  return { ids: ids.reverse(), ages: ages.reverse() };
}

/** Makes the names of new files durable, where a directory can be synced. */
function syncDirectory(directory: string): void {
  try {
    using file = Deno.openSync(directory, { read: true });
    file.syncSync();
  } catch {
    // On Windows a directory cannot be opened; names are durable there with the files.
  }
}
