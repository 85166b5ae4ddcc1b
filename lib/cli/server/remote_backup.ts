/**
 * Reads a backup over a connection into a file.
 *
 * Invariants: a few pieces are in memory at a time, and further ones are asked for as they are written; the file has its name
 * only when all of it came, its checksum is right, and it is on the disk. What is there already is never written over.
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { handled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { callMethod, type Client } from "../../client/mod.ts";
import { Admin } from "../../gen/parley/v1/admin_pb.ts";
import { type ServerOptions, withClient } from "../command.ts";
import type { CliIo } from "../io.ts";
import { StopSignals } from "../terminal/stop_signals.ts";

/** How long the server may take for its copy of a large database. */
const COPY_TIMEOUT_MS = 24 * 3_600_000;

/** How many pieces are asked for at once. */
const PIECES_AHEAD = 4;

/** What came. */
export interface ReadBackup {
  readonly bytes: number;
  /** In hexadecimal digits, as `sha256sum` prints it. */
  readonly sha256: string;
}

/** Reads a backup into `to`, which must not exist. */
export async function readBackup(
  to: string,
  options: ServerOptions,
  io: CliIo,
): Promise<ReadBackup> {
  await checkFree(to);
  // What is interrupted takes its unfinished file away.
  using signals = new StopSignals();
  const { signal } = signals;
  const unfinished = `${to}.${crypto.randomUUID().slice(0, 8)}.part`;
  using file = await Deno.open(unfinished, { write: true, createNew: true, mode: 0o600 });
  try {
    const result = await withClient(options, io, (client) => copy(client, file, signal), {
      signal,
      requestTimeoutMs: Math.max(options.timeout, COPY_TIMEOUT_MS),
    });
    await file.sync();
    await checkFree(to);
    await Deno.rename(unfinished, to);
    await syncFolder(dirname(to));
    return result;
  } catch (error) {
    await Deno.remove(unfinished).catch(() => undefined);
    throw error;
  }
}

async function copy(
  client: Client,
  file: Deno.FsFile,
  signal: AbortSignal,
): Promise<ReadBackup> {
  const { startBackup, readBackup, endBackup } = Admin.method;
  const { backupId, bytes } = await callMethod(client, startBackup, {}, { signal });
  const hash = createHash("sha256");
  const ask = (offset: bigint) => {
    const piece = callMethod(client, readBackup, { backupId, offset }, { signal });
    // It is looked at in its turn, unless one before it fails.
    handled(piece);
    return piece;
  };
  // The first piece says how large they are; then some are under way, so that a long line is used.
  const first = await ask(0n);
  const size = BigInt(first.data.length);
  const coming = [Promise.resolve(first)];
  let came = 0n;
  for (let asked = size;;) {
    for (; size > 0n && asked < bytes && coming.length < PIECES_AHEAD; asked += size) {
      coming.push(ask(asked));
    }
    const piece = coming.shift();
    if (piece === undefined) throw damaged(came, bytes);
    const { data, sha256 } = await piece;
    hash.update(data);
    for (let written = 0; written < data.length;) {
      written += await file.write(data.subarray(written));
    }
    came += BigInt(data.length);
    if (sha256.length === 0) continue;
    const own = hash.digest("hex");
    if (came !== bytes || own !== hexOf(sha256)) throw damaged(came, bytes);
    await callMethod(client, endBackup, { backupId });
    return { bytes: Number(bytes), sha256: own };
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function damaged(came: bigint, bytes: bigint): ParleyError {
  return new ParleyError(
    ErrorCode.INTERNAL,
    `cannot take the backup: ${came} of ${bytes} bytes came, and their checksum is another one`,
    { retryable: true },
  );
}

async function checkFree(to: string): Promise<void> {
  try {
    await Deno.lstat(to);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  throw new ParleyError(
    ErrorCode.ALREADY_EXISTS,
    `cannot back up to ${JSON.stringify(to)}: it exists`,
    { accepted: "a path that is free" },
  );
}

/** Has the name of a new file on the disk. */
async function syncFolder(path: string): Promise<void> {
  // There folders cannot be opened.
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path === "" ? "." : path, { read: true });
  await folder.sync();
}
