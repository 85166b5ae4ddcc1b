/**
 * How many files this process may have open: the connections must stay below it.
 *
 * Running out of files can abort the runtime, so this is asked at start and a reserve is kept. Linux
 * tells it in /proc, but the runtime opens that only to programs with all permissions; the executable
 * has few, and asks `getconf`, before the server gives up running programs. Both tell the soft limit, which
 * a child inherits.
 */
import { decodeTextLeniently } from "../../base/utf8_text.ts";

/** What is assumed where nobody tells: the usual soft limit. */
const ASSUMED_OPEN_FILES = 1024;

/** The soft limit of open files; Infinity where there is none. */
export function openFilesLimit(): number {
  if (Deno.build.os === "windows") return Infinity;
  return fromProc() ?? fromGetconf() ?? ASSUMED_OPEN_FILES;
}

function fromProc(): number | undefined {
  try {
    return parseOpenFiles(Deno.readTextFileSync("/proc/self/limits"));
  } catch {
    return undefined;
  }
}

function fromGetconf(): number | undefined {
  // Asked first, so that a program without the permission does not prompt for it.
  const permission = Deno.permissions.querySync({ name: "run", command: "getconf" });
  if (permission.state !== "granted") return undefined;
  try {
    const { stdout } = new Deno.Command("getconf", { args: ["OPEN_MAX"], stderr: "null" })
      .outputSync();
    return parseNumber(decodeTextLeniently(stdout).trim());
  } catch {
    return undefined;
  }
}

/** Finds the soft limit in the text of /proc/self/limits; undefined when it is not there. */
export function parseOpenFiles(limits: string): number | undefined {
  return parseNumber(/^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? "");
}

/** A number as the system writes it; undefined for anything else. */
function parseNumber(text: string): number | undefined {
  if (text === "unlimited" || text === "undefined") return Infinity;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
