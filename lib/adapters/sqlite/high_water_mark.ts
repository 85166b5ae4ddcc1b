/**
 * The high-water mark: a file beside the database that says how many transactions were acknowledged.
 *
 * SQLite takes a log that was cut short for the whole log; the mark shows that it was cut. The mark is written
 * after a transaction is durable and before it is acknowledged, so it never runs ahead, and it covers every
 * acknowledgement when the process dies. Its own fsync runs behind, off the writing thread and ten times a
 * second at most: waiting for it would double the delay of each commit where an fsync is slow. So only
 * a loss of power that also takes the end of a synced log can go unnoticed, and then at most its last moments.
 *
 * Two slots are written in turn, so that a torn write leaves the other one intact.
 */
import { settled } from "../../base/detached.ts";
import { MARK_SYNC_AFTER_MS } from "../../base/store_limits.ts";
import { crc32 } from "node:zlib";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import { unavailable } from "../store/values.ts";

const SLOT_BYTES = 128;
/** The distance of the slots, which lie in different sectors and pages. */
const SLOT_DISTANCE = 4096;

/** A mark. */
export interface Mark {
  /** The history that the mark belongs to. */
  readonly epoch: string;
  /** The number of the last acknowledged transaction. */
  readonly commits: number;
}

/** Reads the mark at `path`; null when there is no file, or none of its slots is whole. */
export function readMark(path: string): Mark | null {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const marks = [0, SLOT_DISTANCE].map((at) => parseSlot(bytes.subarray(at, at + SLOT_BYTES)));
  const whole = marks.filter((mark) => mark !== null);
  return whole.sort((one, other) => other.commits - one.commits)[0] ?? null;
}

function parseSlot(bytes: Uint8Array): Mark | null {
  const text = decodeTextLeniently(bytes);
  const found = /^(parley-mark (\S+) (\d+)) ([0-9a-f]{8})\n/.exec(text);
  if (found === null || checkOf(found[1]) !== found[4]) return null;
  return { epoch: found[2], commits: Number(found[3]) };
}

function checkOf(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

/** The file of the mark. */
export class MarkFile {
  readonly #file: Deno.FsFile;
  readonly #epoch: string;
  readonly #slot = new Uint8Array(SLOT_BYTES);
  readonly #encoder = new TextEncoder();
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #syncing: Promise<void> | null = null;
  /** Whether a mark was written since the last sync began. */
  #unsynced = false;

  private constructor(file: Deno.FsFile, epoch: string) {
    this.#file = file;
    this.#epoch = epoch;
  }

  /** Makes a new file at `path` with this mark, which is durable when this returns. */
  static create(path: string, mark: Mark): MarkFile {
    const file = Deno.openSync(path, { create: true, read: true, write: true });
    const one = new MarkFile(file, mark.epoch);
    file.truncateSync(SLOT_DISTANCE + SLOT_BYTES);
    one.#write(mark.commits);
    one.#write(mark.commits);
    file.syncSync();
    return one;
  }

  /** Writes the mark of transaction `commits`, which is durable. */
  advance(commits: number): void {
    this.#write(commits);
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#unsynced = true;
      this.#syncing ??= this.#sync();
    }, MARK_SYNC_AFTER_MS);
  }

  /** Makes the last mark durable, and closes the file. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#syncing;
    this.#file.syncDataSync();
    this.#file.close();
  }

  /** Syncs until no mark is left unsynced; one that was written while a sync was under way needs another. */
  async #sync(): Promise<void> {
    while (this.#unsynced) {
      this.#unsynced = false;
      // A mark that cannot be synced is in the file all the same; the next one is synced with it.
      await settled(this.#file.syncData(), "sync the high-water mark");
    }
    this.#syncing = null;
  }

  #write(commits: number): void {
    const slot = this.#slot.fill(0x20);
    const text = `parley-mark ${this.#epoch} ${commits}`;
    this.#encoder.encodeInto(`${text} ${checkOf(text)}\n`, slot);
    this.#turn ^= 1;
    this.#file.seekSync(this.#turn * SLOT_DISTANCE, Deno.SeekMode.Start);
    for (let at = 0; at < SLOT_BYTES;) at += this.#file.writeSync(slot.subarray(at));
  }
}

/** The error of a mark that could not be written behind a durable transaction: losses would go unnoticed. */
export class MarkError extends Error {
  constructor(cause: unknown) {
    super(unavailable("write the high-water mark", String(cause)).message, { cause });
  }
}
