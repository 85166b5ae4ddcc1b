/**
 * Copies a database while it is written to: one consistent moment, checked, in one file.
 *
 * The copy is made beside its place and renamed when it is whole and durable, so a copy that has its
 * name is good. It is marked as a copy: opened as a data directory it begins a history of its own,
 * because it lacks what was committed after it.
 */
import { dirname, resolve } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { damaged } from "./errors.ts";
import { openReader, valueOf } from "./schema.ts";
import { loadState, saveState } from "./tables.ts";

/** The pages of one step: all of them, so that no commit in between makes the copy begin anew. */
const ALL_PAGES = 0x7fffffff;

/** Copies the database at `path` to `to`, which must not exist. */
export async function copyDatabase(path: string, to: string): Promise<void> {
  // Absolute, because SQLite takes a path that begins with file: for a URI.
  const target = resolve(to);
  if (!exists(dirname(target))) {
    const message = `cannot back up to ${JSON.stringify(to)}: there is no folder ${
      JSON.stringify(dirname(to))
    }`;
    throw new ParleyError(ErrorCode.NOT_FOUND, message, { accepted: "a folder that is there" });
  }
  if (exists(target)) {
    const message = `cannot back up to ${JSON.stringify(to)}: it exists`;
    throw new ParleyError(ErrorCode.ALREADY_EXISTS, message, { accepted: "a path that is free" });
  }
  const unfinished = `${target}.part`;
  removeIfThere(unfinished);
  try {
    const source = openReader(path);
    try {
      await backup(source, unfinished, { rate: ALL_PAGES });
    } finally {
      source.close();
    }
    finish(unfinished);
    Deno.renameSync(unfinished, target);
  } catch (error) {
    removeIfThere(unfinished);
    throw error;
  }
}

/** Makes a copy one file that is marked as a copy, and durable. */
function finish(path: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL");
    const said = String(valueOf(database, "PRAGMA quick_check(1)"));
    if (said !== "ok") throw damaged(said);
    const state = loadState(database);
    if (state === null) throw damaged("the copy has no history");
    saveState(database, { ...state, restored: 1 });
  } finally {
    database.close();
  }
  using file = Deno.openSync(path, { read: true, write: true });
  file.syncSync();
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
