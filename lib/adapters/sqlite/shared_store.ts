/**
 * Opens the store of a node of a cluster: goes on with what the data directory has, or begins with a snapshot where the
 * log no longer holds what is missing.
 *
 * Invariant: what is replaced by a snapshot is older than it, in the same history. A directory of another history is
 * refused and stays as it is.
 */
import { DatabaseSync } from "node:sqlite";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { CommitLog } from "../../ports/commit_log.ts";
import type { SnapshotInfo, Snapshots } from "../../ports/snapshots.ts";
import type { Store } from "../../ports/store.ts";
import { sqliteError } from "./errors.ts";
import { filesOf } from "./open.ts";
import { loadState } from "./tables.ts";
import { openSqliteStore, type SqliteStoreOptions } from "./store.ts";

const log = logger("cluster");

/** How such a store is opened. */
export interface SharedStoreOptions extends SqliteStoreOptions {
  readonly log: CommitLog;
  readonly snapshots: Snapshots;
}

/**
 * Opens the store. Rejects as `openSqliteStore` does; with UNAVAILABLE when the log does not answer; and with
 * FAILED_PRECONDITION when neither log nor snapshots have what is missing.
 */
export async function openSharedStore(options: SharedStoreOptions): Promise<Store> {
  const { directory, log: commitLog, snapshots } = options;
  if (!await isThere(filesOf(directory).database)) {
    const newest = await snapshots.newest();
    if (newest !== null) await begin(options, newest);
  }
  const store = await openSqliteStore(options);
  try {
    const { position } = store.replica!;
    const { firstSequence } = await commitLog.state();
    if (position + 1 >= firstSequence) return store;
    const newest = await snapshots.newest();
    if (newest === null || newest.sequence + 1 < firstSequence) {
      throw new ParleyError(
        ErrorCode.FAILED_PRECONDITION,
        `cannot follow the cluster's log from ${position + 1} on: it begins at ${firstSequence}`,
        { accepted: "a snapshot that is further on; a node that leads makes one" },
      );
    }
    await store.close();
    await begin(options, newest);
  } catch (error) {
    await store.close();
    throw error;
  }
  return await openSqliteStore(options);
}

/**
 * The epoch of what a data directory holds; null when it holds nothing. Raises a ParleyError when it cannot be read. One that
 * is open elsewhere can be read.
 */
export function historyIn(directory: string): string | null {
  const { database: path } = filesOf(directory);
  let database: DatabaseSync | null = null;
  try {
    if (Deno.statSync(path).size === 0) return null;
    database = new DatabaseSync(path, { readOnly: true });
    return loadState(database)?.epoch ?? null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw sqliteError(`look into data directory ${JSON.stringify(directory)}`, error);
  } finally {
    database?.close();
  }
}

/** Replaces what is in the directory by a snapshot. */
async function begin({ directory, snapshots }: SharedStoreOptions, from: SnapshotInfo) {
  const { database, mark } = filesOf(directory);
  const unfinished = `${database}.part`;
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  await removeIfThere(unfinished);
  await snapshots.fetch(from, unfinished);
  // The database goes first: a directory without it begins with a snapshot again, if this is cut short.
  for (const path of [database, `${database}-wal`, `${database}-shm`, mark]) {
    await removeIfThere(path);
  }
  await Deno.rename(unfinished, database);
  const { sequence, bytes, node } = from;
  log.info("the store begins with a snapshot of the cluster", { sequence, bytes, madeBy: node });
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  if (await isThere(path)) await Deno.remove(path);
}
