/**
 * How many connections can be opened here: a process may have only so many files open.
 */
import { openFilesLimit } from "../../lib/server/listeners/open_files.ts";

/** Files that server and generator need for other things than connections. */
const RESERVED_FILES = 256;

/** As many of the connections that are wanted as can be opened, at least one, and a note when that is fewer. */
export function affordable(wanted: number): { connections: number; notes: string[] } {
  const limit = openFilesLimit();
  const connections = Math.min(wanted, Math.max(1, limit - RESERVED_FILES));
  const notes = connections === wanted ? [] : [
    `Of ${wanted} connections only ${connections} were opened: a process may have ` +
    `${limit} files open (ulimit -n).`,
  ];
  return { connections, notes };
}
