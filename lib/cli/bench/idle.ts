/**
 * Idle connections: opens many, holds them, and tells how many the server kept and what they cost it.
 *
 * A connection that the server refuses is one that it accepts and then closes; so every connection is
 * read from while it is held, and whatever ends early counts as refused.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import { dialAll, dialer, hangUp } from "./dial.ts";

/** What to open. */
export interface IdleLoad {
  /** `parley://host:port` or `unix:///path`. */
  readonly server: string;
  readonly connections: number;
  /** How long to hold them once all are open. */
  readonly holdSeconds: number;
  /** The server's process, to read its memory; without it nothing is said about memory. */
  readonly pid?: number;
  /** Called when a connection was opened, with how many there are. */
  readonly onProgress?: (open: number) => void;
}

/** What came of it. */
export interface IdleResult {
  readonly connections: number;
  /** Connections that were still open in the end. */
  readonly held: number;
  /** Connections that the server ended early. */
  readonly refused: number;
  /** How long it took to open all of them. */
  readonly openSeconds: number;
  readonly openedPerSecond: number;
  /** The server's resident memory, in bytes; null without a pid. */
  readonly memory: {
    readonly before: number;
    readonly after: number;
    readonly perConnection: number;
  } | null;
}

/** Opens the connections, holds them and closes them. Rejects when they cannot all be opened. */
export async function runIdleLoad(load: IdleLoad): Promise<IdleResult> {
  const before = load.pid === undefined ? null : await residentBytes(load.pid);
  const startMs = performance.now();
  const links = await dialAll(dialer(load.server), load.connections, load.onProgress);
  const openSeconds = (performance.now() - startMs) / 1000;
  let refused = 0;
  let over = false;
  const watches = links.map((link) => untilEnd(link).then(() => void (over || refused++)));
  try {
    await hold(load.holdSeconds * 1000, Promise.all(watches));
    const after = load.pid === undefined ? null : await residentBytes(load.pid);
    over = true;
    const held = load.connections - refused;
    return {
      connections: load.connections,
      held,
      refused,
      openSeconds,
      openedPerSecond: load.connections / openSeconds,
      memory: before === null || after === null
        ? null
        : { before, after, perConnection: held === 0 ? 0 : (after - before) / held },
    };
  } finally {
    over = true;
    links.forEach(hangUp);
    await Promise.all(watches);
  }
}

/** Waits for the time to pass, or for `allEnded`: then nothing is left to hold. */
async function hold(ms: number, allEnded: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const passed = new Promise((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([passed, allEnded]);
  clearTimeout(timer);
}

/** Reads, and forgets, until the connection ends in whatever way. */
async function untilEnd(link: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64);
  try {
    while (await link.read(buffer) !== null);
  } catch {
    // Closed by us, or reset by the server: ended either way.
  }
}

/** The resident memory of a process: from /proc, or from `ps` where there is none. */
async function residentBytes(pid: number): Promise<number> {
  try {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new ParleyError(
        ErrorCode.PERMISSION_DENIED,
        `cannot read the memory of process ${pid}: looking at other processes needs all ` +
          "permissions of the runtime (deno run --allow-all server.ts bench conns …)",
        { cause: error },
      );
    }
    if (Deno.build.os === "linux") throw noProcess(pid, error);
  }
  const command = new Deno.Command("ps", { args: ["-o", "rss=", "-p", String(pid)] });
  const kilobytes = Number(decodeTextLeniently((await command.output()).stdout).trim());
  if (!(kilobytes > 0)) throw noProcess(pid);
  return kilobytes * 1024;
}

function noProcess(pid: number, cause?: unknown): ParleyError {
  return new ParleyError(ErrorCode.NOT_FOUND, `cannot read the memory of process ${pid}`, {
    cause,
    accepted: "the id of a running process",
  });
}
