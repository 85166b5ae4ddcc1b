/**
 * Backups that are read over a connection: a copy of the database beside it, made by a thread of the store while the server
 * goes on, and read piece by piece as fast as its reader asks.
 *
 * Invariants: one copy at a time; nothing of it is in memory but the piece that is asked for; a copy whose reader is gone,
 * or asks for nothing more, is removed, and one that a dead server has left is removed before the next.
 */
import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import { detached, whenOver } from "../base/detached.ts";
import { ErrorCode, invalidArgument, ParleyError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { quote } from "../base/quote.ts";
import type { Store } from "../ports/store.ts";
import type { BackupAdministration, BackupPiece } from "../services/administration.ts";
import type { Peer } from "../services/connection/peer.ts";
import { freeDiskBytes } from "./monitoring/disk.ts";

const log = logger("server");

/** The time between two looks whether anybody still reads, and how long nothing may be read. */
const LOOK_INTERVAL_MS = 500;
const MAX_IDLE_MS = 60_000;
/** What stays free on the disk beside the copy. */
const RESERVE_BYTES = 64 * 1024 * 1024;
/** The most pieces that are asked for before they have come. */
const MAX_ASKED = 8;
/** The names of copies, in the data directory. */
const PREFIX = "parley.backup-";
const NOTHING = new Uint8Array(0);

/** A copy that is being made, or read. */
interface Copy {
  readonly id: string;
  readonly path: string;
  readonly peer: Peer;
  readonly hash: Hash;
  /** Null while it is made. */
  file: Deno.FsFile | null;
  bytes: number;
  /** How many bytes were read, and how many were asked for. */
  read: number;
  asked: number;
  /** How many pieces were asked for and have not come, or 1 while the copy is made. */
  underWay: number;
  /** Resolves when the last piece that was asked for has come. */
  last: Promise<unknown>;
  usedMs: number;
}

/** The backups of one server. */
export class Backups implements BackupAdministration {
  readonly #directory: string;
  readonly #store: Store;
  readonly #nowMs: () => number;
  #copy: Copy | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `directory` is that of the data; empty for a server without. */
  constructor(directory: string, store: Store, nowMs: () => number) {
    this.#directory = directory;
    this.#store = store;
    this.#nowMs = nowMs;
  }

  async start(peer: Peer): Promise<{ readonly id: string; readonly bytes: number }> {
    if (this.#directory === "") {
      throw new ParleyError(
        ErrorCode.FAILED_PRECONDITION,
        "cannot back up: without a data directory everything is in memory only",
        { accepted: "a server with a data directory" },
      );
    }
    if (this.#copy !== null) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        "cannot back up: another backup is read",
        {
          accepted: "one at a time",
          retryable: true,
        },
      );
    }
    this.#checkRoom();
    const id = crypto.randomUUID();
    const copy: Copy = {
      id,
      path: join(this.#directory, `${PREFIX}${id}.db`),
      peer,
      hash: createHash("sha256"),
      file: null,
      bytes: 0,
      ...{ read: 0, asked: 0, underWay: 1, last: Promise.resolve() },
      usedMs: this.#nowMs(),
    };
    this.#copy = copy;
    try {
      await removeLeftOvers(this.#directory);
      await this.#store.backup(copy.path);
      copy.file = await Deno.open(copy.path);
      copy.bytes = (await copy.file.stat()).size;
    } catch (reason) {
      await this.#drop(copy);
      throw reason;
    }
    copy.underWay = 0;
    copy.usedMs = this.#nowMs();
    if (this.#copy !== copy || isGone(peer)) {
      await this.#drop(copy);
      throw new ParleyError(ErrorCode.UNAVAILABLE, "cannot back up: nobody is there to read it");
    }
    this.#timer = setInterval(() => this.#look(copy), LOOK_INTERVAL_MS);
    return { id, bytes: copy.bytes };
  }

  async read(id: string, offset: bigint, maxBytes: number): Promise<BackupPiece> {
    const copy = this.#find(id, "read");
    if (offset !== BigInt(copy.asked) || copy.underWay >= MAX_ASKED) {
      throw invalidArgument(`cannot read the backup ${quote(id)} from ${offset} on`, {
        accepted:
          `${copy.asked}, with at most ${MAX_ASKED} pieces that were asked for and have not come`,
      });
    }
    const length = Math.min(maxBytes, copy.bytes - copy.asked);
    copy.asked += length;
    copy.underWay++;
    const piece = copy.last.then(() => readPiece(copy, length));
    copy.last = whenOver(piece);
    try {
      return await piece;
    } finally {
      copy.underWay--;
      copy.usedMs = this.#nowMs();
    }
  }

  async end(id: string): Promise<void> {
    await this.#drop(this.#find(id, "end"));
  }

  /** Removes the copy, if there is one. */
  async close(): Promise<void> {
    if (this.#copy !== null) await this.#drop(this.#copy);
  }

  #find(id: string, action: string): Copy {
    const copy = this.#copy;
    if (copy !== null && copy.id === id && copy.file !== null) return copy;
    throw gone(action, id);
  }

  #checkRoom(): void {
    const needed = this.#store.diskBytes() + RESERVE_BYTES;
    const free = freeDiskBytes(this.#directory);
    if (free === null || free >= needed) return;
    throw new ParleyError(
      ErrorCode.RESOURCE_EXHAUSTED,
      `cannot back up: ${free} bytes are free on the disk of the data directory`,
      { accepted: `at least ${needed} bytes` },
    );
  }

  /** Removes the copy when nobody reads it any more. */
  #look(copy: Copy): void {
    const isIdle = copy.underWay === 0 && this.#nowMs() - copy.usedMs > MAX_IDLE_MS;
    if (isGone(copy.peer) || isIdle) detached(this.#drop(copy), "remove a copy of the database");
  }

  async #drop(copy: Copy): Promise<void> {
    const { file } = copy;
    copy.file = null;
    file?.close();
    if (this.#copy === copy) clearInterval(this.#timer);
    for (const path of [copy.path, `${copy.path}.part`]) await removeIfThere(path);
    if (this.#copy === copy) this.#copy = null;
  }
}

/** Reads the next bytes. Rejects with NOT_FOUND when the copy is removed meanwhile. */
async function readPiece(copy: Copy, length: number): Promise<BackupPiece> {
  const data = new Uint8Array(length);
  for (let have = 0; have < length;) {
    if (copy.file === null) throw gone("read", copy.id);
    const more = await readSome(copy, copy.file, data.subarray(have));
    if (more === null) throw gone("read", copy.id);
    have += more;
  }
  copy.hash.update(data);
  copy.read += length;
  return { data, sha256: copy.read >= copy.bytes ? copy.hash.copy().digest() : NOTHING };
}

/** Reads some bytes. Rejects with NOT_FOUND when the copy is removed meanwhile. */
async function readSome(copy: Copy, file: Deno.FsFile, into: Uint8Array): Promise<number | null> {
  try {
    return await file.read(into);
  } catch (reason) {
    if (copy.file === null) throw gone("read", copy.id);
    throw reason;
  }
}

function gone(action: string, id: string): ParleyError {
  return new ParleyError(
    ErrorCode.NOT_FOUND,
    `cannot ${action} the backup ${quote(id)}: there is none of that name`,
    { accepted: "one that was started, and is not ended" },
  );
}

/** Whether a connection is over. A request of HTTP has one for itself alone: there time decides. */
function isGone({ state, link }: Peer): boolean {
  return link.kind !== "http" && state === "closed";
}

/** Removes copies that a server has left that did not end in order. */
async function removeLeftOvers(directory: string): Promise<void> {
  for await (const { name } of Deno.readDir(directory)) {
    if (name.startsWith(PREFIX)) await removeIfThere(join(directory, name));
  }
}

/** Removes a file. One that cannot be removed now is removed before the next backup. */
async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (reason) {
    if (reason instanceof Deno.errors.NotFound) return;
    log.warning(
      "cannot remove {path}, a copy of the database that nobody reads any more: {error}",
      {
        path,
        error: reason,
      },
    );
  }
}
