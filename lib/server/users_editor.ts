/**
 * Changes the file of users: reads it, lets somebody change its tables, checks them, and writes them in one step.
 *
 * Invariants: a file is there as it was or as it is to be, never half, also after a crash; it can be read by its owner
 * only, and its owner stays who it was; what the server would not take is not written; of two changes at once none is
 * lost. Comments in it are not kept.
 */
import { dirname, resolve } from "node:path";
import { parse, stringify } from "smol-toml";
import { nodeHasher } from "../adapters/secrets/node_hasher.ts";
import { ErrorCode, invalidArgument, ParleyError } from "../base/errors.ts";
import {
  formatPasswordHash,
  HASH_BYTES,
  SALT_BYTES,
  toBase64Url,
  USUAL_COST,
} from "../logic/access/password_hash.ts";
import { TOKEN_BYTES, tokenOf } from "../logic/access/token.ts";
import { accessFaults, type AccessTables } from "./config/access_schema.ts";
import type { Config } from "./config/config.ts";
import { parseUsersFile } from "./config/users_file.ts";

const MODE = 0o600;
/** The longest wait for another command. */
const LOCK_TIMEOUT_MS = 10_000;
const HEADING =
  "# The users of a Parley server. `parley user` and `parley token` write this file anew, " +
  "without comments.\n\n";

/** A user as the file has it. */
export interface WrittenUser {
  name: string;
  password?: string;
  roles?: string | string[];
  disabled?: boolean;
  tokens?: { name: string; hash: string; expires?: string }[];
}

/** What the file says of its users, to be changed in place. */
export interface WrittenTables {
  users: WrittenUser[];
}

/**
 * Changes the file at `path`, which is made if it is not there. Rejects with a ParleyError when what comes out could
 * not be used with `config`, and then changes nothing.
 */
export async function changeUsers<T>(
  path: string,
  config: Config,
  change: (tables: WrittenTables) => T | Promise<T>,
): Promise<T> {
  using _lock = await lockFolder(path);
  const { text, file } = await readIfThere(path);
  parseUsersFile(path, text);
  const tree = parse(text) as Record<string, unknown>;
  const tables = { ...tree, users: (tree.users ?? []) as WrittenUser[] };
  const result = await change(tables);
  const written = HEADING + stringify(tables);
  checkUsable(parseUsersFile(path, written), config);
  await replace(file, written);
  return result;
}

/**
 * Holds off other changes of the file, by a lock of the system on its folder: the file itself is another one with each
 * change. The system takes the lock back when the process ends. Rejects with UNAVAILABLE after a while.
 */
async function lockFolder(path: string): Promise<Disposable> {
  // There folders cannot be opened, so they have no locks.
  if (Deno.build.os === "windows") return { [Symbol.dispose]: () => {} };
  const folder = await Deno.open(dirname(resolve(await realPath(path))), { read: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(locked(path)), LOCK_TIMEOUT_MS);
  });
  try {
    await Promise.race([folder.lock(true), tooLate]);
    return folder;
  } catch (reason) {
    folder.close();
    throw reason;
  } finally {
    clearTimeout(timer);
  }
}

function locked(path: string): ParleyError {
  return new ParleyError(
    ErrorCode.UNAVAILABLE,
    `cannot change the users in ${
      JSON.stringify(path)
    }: another command has been changing them for ${LOCK_TIMEOUT_MS / 1000} s`,
    { retryable: true },
  );
}

/** Where a file really is, or would be. */
async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}

function checkUsable(tables: AccessTables, config: Config): void {
  const all = {
    users: [...tables.users, ...config.users],
    roles: { ...config.roles, ...tables.roles },
  };
  const faults = accessFaults(all, config.auth);
  if (faults.length > 0) throw invalidArgument(`cannot change users: ${faults[0].message}`);
}

/** The text of a file, and where it really is; no text when it is not there. */
async function readIfThere(path: string): Promise<{ text: string; file: string }> {
  const file = await realPath(path);
  try {
    return { text: await Deno.readTextFile(file), file };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { text: "", file: path };
    throw error;
  }
}

/** Puts `text` in the place of a file, in one step. */
async function replace(file: string, text: string): Promise<void> {
  const aside = `${file}.${crypto.randomUUID().slice(0, 8)}.new`;
  try {
    await writeNew(aside, text);
    const owner = await Deno.stat(file).catch(() => null);
    const { uid } = await Deno.stat(aside);
    if (owner !== null && owner.uid !== uid) await Deno.chown(aside, owner.uid, owner.gid);
    await Deno.rename(aside, file);
  } catch (error) {
    await Deno.remove(aside).catch(() => undefined);
    throw error;
  }
}

/** Writes a file that is not there yet, for its owner only, and has it safe on the disk. */
export async function writeNew(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: MODE });
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
  await file.sync();
}

/** The stored form of a password. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = await nodeHasher.scrypt(password, salt, USUAL_COST, HASH_BYTES);
  return formatPasswordHash({ cost: USUAL_COST, salt, hash });
}

/** A new token, and what is stored of it. */
export function newToken(): { token: string; hash: string } {
  const token = tokenOf(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)));
  return { token, hash: toBase64Url(nodeHasher.sha256(token)) };
}

/** A password that nobody could guess. */
export function newPassword(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(15)));
}
