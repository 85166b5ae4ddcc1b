/**
 * The database file: its settings, its tables and the migrations of older files.
 *
 * New migrations go to the end of the list; `user_version` counts those that were applied, each in a transaction
 * of its own. A file of a newer Parley is refused.
 */
import { DatabaseSync } from "node:sqlite";
import { ErrorCode, ParleyError } from "../../base/errors.ts";

/** The lowest version of SQLite that has what the store needs. */
const LEAST_VERSION = "3.45.0";
/** The lowest version in which two connections that checkpoint at once cannot damage a log that starts anew. */
const SOUND_VERSION = "3.51.3";
/** The longest wait for a lock of another connection. */
const BUSY_TIMEOUT_MS = 5000;
/** The most bytes of its size that the log keeps once it starts anew. */
const LOG_KEPT_BYTES = 64 * 1024 * 1024;

/** The migrations; each brings the tables from one `user_version` to the next. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE state (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     epoch TEXT NOT NULL,
     commits INTEGER NOT NULL,
     revision INTEGER NOT NULL,
     restored INTEGER NOT NULL,
     sum INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE topic (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL UNIQUE,
     first_seq INTEGER NOT NULL,
     last_seq INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     first_ms INTEGER NOT NULL,
     last_ms INTEGER NOT NULL,
     sum INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE chunk (
     id INTEGER PRIMARY KEY,
     events INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     first_ms INTEGER NOT NULL,
     last_ms INTEGER NOT NULL,
     sum INTEGER NOT NULL,
     data BLOB NOT NULL
   ) STRICT;
   CREATE TABLE record (
     key TEXT PRIMARY KEY,
     revision INTEGER NOT NULL,
     sum INTEGER NOT NULL,
     value BLOB NOT NULL
   ) STRICT;
   CREATE TABLE dedup (
     commits INTEGER PRIMARY KEY,
     time_ms INTEGER NOT NULL,
     sum INTEGER NOT NULL,
     ids BLOB NOT NULL
   ) STRICT;`,
  `CREATE TABLE job_states (
     id INTEGER PRIMARY KEY,
     sum INTEGER NOT NULL,
     data BLOB NOT NULL
   ) STRICT;`,
  `CREATE TABLE forgotten (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     last_seq INTEGER NOT NULL,
     sum INTEGER NOT NULL
   ) STRICT;`,
  `CREATE TABLE log_position (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     sequence INTEGER NOT NULL,
     sum INTEGER NOT NULL
   ) STRICT;`,
  `ALTER TABLE topic ADD COLUMN owner TEXT NOT NULL DEFAULT ''`,
];

/** The first column of the first row that `sql` gives. */
export function valueOf(database: DatabaseSync, sql: string): unknown {
  return Object.values(database.prepare(sql).get() ?? {})[0];
}

/** Raises when SQLite is too old; gives a warning, or null, when it is old. */
export function checkVersion(version: string): string | null {
  if (compareVersions(version, LEAST_VERSION) < 0) {
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot keep data with SQLite ${version}`,
      { accepted: `SQLite ${LEAST_VERSION} or newer, as in a newer Deno` },
    );
  }
  if (compareVersions(version, SOUND_VERSION) >= 0) return null;
  return `SQLite ${version} can damage its log when two connections write or checkpoint at once; of ` +
    `Parley's only one does, but let no other program write to the database, or use a Deno with ` +
    `SQLite ${SOUND_VERSION} or newer`;
}

function compareVersions(one: string, other: string): number {
  const [first, second] = [one, other].map((version) => version.split(".").map(Number));
  const at = first.findIndex((number, index) => number !== second[index]);
  return at < 0 ? 0 : first[at] - second[at];
}

/** Opens the one connection that writes. */
export function openWriter(path: string, maxBytes: number | undefined): DatabaseSync {
  const database = new DatabaseSync(path);
  // The wait for locks comes first, because every other setting may meet one.
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  if (valueOf(database, "PRAGMA journal_mode = WAL") !== "wal") {
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot keep data in ${JSON.stringify(path)}: its file system has no shared memory`,
      { accepted: "a local file system" },
    );
  }
  database.exec(
    `PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cell_size_check = ON;
     PRAGMA cache_size = -16000; PRAGMA journal_size_limit = ${LOG_KEPT_BYTES}`,
  );
  if (maxBytes !== undefined) {
    const pageBytes = Number(valueOf(database, "PRAGMA page_size"));
    database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
  }
  return database;
}

/** Opens a connection that reads beside the writer, and never checkpoints. */
export function openReader(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true });
  database.exec(
    `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA query_only = ON; PRAGMA cell_size_check = ON;
     PRAGMA cache_size = -16000`,
  );
  return database;
}

/** Brings the tables up to date. */
export function migrate(database: DatabaseSync): void {
  const version = Number(valueOf(database, "PRAGMA user_version"));
  if (version > MIGRATIONS.length) {
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot use a database of format ${version}: it was made by a newer Parley`,
      { accepted: `formats up to ${MIGRATIONS.length}, or the newer Parley` },
    );
  }
  for (let next = version; next < MIGRATIONS.length; next++) {
    database.exec(
      `BEGIN IMMEDIATE; ${MIGRATIONS[next]}; PRAGMA user_version = ${next + 1}; COMMIT`,
    );
  }
}
