/**
 * Copies a data directory's database while a server uses it, or without one.
 *
 * It works on the files, not through the server: who may read the data directory may copy it, and nobody
 * else. The copy is one consistent moment, checked and durable once it has its name. Opened as a data
 * directory it begins a history of its own, so that clients learn that what came after it is gone.
 */
import { copyDatabase } from "../adapters/sqlite/backup.ts";
import { filesOf } from "../adapters/sqlite/open.ts";
import { ErrorCode, ParleyError } from "../base/errors.ts";
import type { Config } from "./config/config.ts";

/** Copies the database of `config.data` to the file `to`, which must not exist; gives its size in bytes. */
export async function backUp(config: Config, to: string): Promise<number> {
  if (config.data === "") {
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      "cannot back up: without a data directory everything is in memory only",
      { accepted: "the --data or --config of the server" },
    );
  }
  const { database } = filesOf(config.data);
  try {
    await Deno.lstat(database);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    const message = `cannot back up ${JSON.stringify(config.data)}: there is no ${database}`;
    throw new ParleyError(ErrorCode.NOT_FOUND, message, {
      accepted: "the data directory of a server",
      cause,
    });
  }
  await copyDatabase(database, to);
  return (await Deno.stat(to)).size;
}
