/**
 * How many files this process may have open: the connections must stay below it.
 *
 * Running out of files can abort the runtime, so this is read at start and a reserve is kept.
 */

/** What is assumed where the system does not tell (macOS); Deno raises its own limit well above that. */
const ASSUMED_OPEN_FILES = 4096;

/** The soft limit of open files; Infinity where there is none. */
export function openFilesLimit(): number {
  if (Deno.build.os === "windows") return Infinity;
  try {
    return parseOpenFiles(Deno.readTextFileSync("/proc/self/limits"));
  } catch {
    return ASSUMED_OPEN_FILES;
  }
}

/** Finds the soft limit in the text of /proc/self/limits. */
export function parseOpenFiles(limits: string): number {
  const line = /^Max open files\s+(\d+|unlimited)/m.exec(limits);
  if (line === null) return ASSUMED_OPEN_FILES;
  return line[1] === "unlimited" ? Infinity : Number(line[1]);
}
