/**
 * Stores to damage: what was in them is known, and what is left of a copy is looked at without Workers,
 * so that hundreds of cases cost seconds.
 *
 * A specimen is the files of a data directory, as they lay there while the store was open (`open`: all is
 * in the log) or after it was closed (`closed`: all is in the database).
 */
import assert from "node:assert/strict";
import { filesOf, openDirectory } from "../../lib/adapters/sqlite/open.ts";
import { SqliteReader } from "../../lib/adapters/sqlite/reader.ts";
import { openReader } from "../../lib/adapters/sqlite/schema.ts";
import { openSqliteStore } from "../../lib/adapters/sqlite/store.ts";
import { DEFAULT_STORE_LIMITS } from "../../lib/base/store_limits.ts";
import { append, eventsOf } from "../contract/store_support.ts";

const names = ["a", "b.c"];
/** Commits of a specimen, each with one event of each topic and a record. */
export const COMMITS = 40;

/** The files of a data directory, by the ends of their names. */
export interface Specimen {
  readonly epoch: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** What was found in a data directory. */
export interface Found {
  readonly epoch: string;
  readonly warnings: readonly string[];
  /** How many events of each topic there are, and how many changes the record has seen. */
  readonly counts: number[];
}

/** Makes both specimens of one history. */
export async function makeSpecimens(): Promise<{ open: Specimen; closed: Specimen }> {
  const directory = await Deno.makeTempDir({ prefix: "parley-specimen-" });
  try {
    const store = await openSqliteStore({ directory });
    const { epoch } = store;
    for (let commit = 1; commit <= COMMITS; commit++) {
      for (const name of names) {
        append(store, store.openTopic(name), payloadOf(name, commit), {
          timeMs: commit,
          messageId: `${name}${commit}`,
        });
      }
      store.put("count", new TextEncoder().encode(`${commit}`), -1, null);
      await store.flush();
    }
    const open = await filesIn(directory);
    await store.close();
    return { open: { epoch, files: open }, closed: { epoch, files: await filesIn(directory) } };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function payloadOf(name: string, seq: number): string {
  return `${name} ${seq} `.padEnd(40 + (seq * 37) % 200, ".");
}

async function filesIn(directory: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for await (const { name } of Deno.readDir(directory)) {
    // The index of the log is made anew; the lock is nothing.
    if (/\.(db|db-wal|mark)$/.test(name)) {
      files.set(name, await Deno.readFile(`${directory}/${name}`));
    }
  }
  return files;
}

/** Lays a specimen out, with `change` made to one of its files. */
export async function layOut(
  specimen: Specimen,
  name: string,
  change: (bytes: Uint8Array) => Uint8Array | null,
): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "parley-damaged-" });
  for (const [file, bytes] of specimen.files) {
    const changed = file === name ? change(bytes.slice()) : bytes;
    if (changed !== null) await Deno.writeFile(`${directory}/${file}`, changed);
  }
  return directory;
}

/**
 * Opens a data directory and reads everything. Raises what opening or reading raises; fails when an
 * event or a record is not what was written.
 */
export async function inspect(directory: string, repair: boolean): Promise<Found> {
  const { dedupWindowMs, maxDedupEntries } = DEFAULT_STORE_LIMITS;
  const request = {
    directory,
    repair,
    fullCheck: false,
    wallMs: 0,
    dedupWindowMs,
    maxDedupEntries,
  };
  const { writer, snapshot, lock } = openDirectory(request);
  try {
    const database = openReader(filesOf(directory).database);
    try {
      const reader = new SqliteReader(database);
      const counts = names.map((name) => {
        const topic = snapshot.topics.find((each) => each.name === name);
        if (topic === undefined) return 0;
        const { id, lastSeq } = topic;
        const page = reader.read({
          topic: id,
          from: 1,
          lastSeq,
          backward: false,
          maxEvents: 1e6,
          maxBytes: 1e9,
        });
        for (const { seq, payload } of eventsOf(page)) assert.equal(payload, payloadOf(name, seq));
        assert.equal(page.count, lastSeq);
        return page.count;
      });
      const [record] = snapshot.records;
      const changes = record === undefined ? 0 : Number(new TextDecoder().decode(record.value));
      return { epoch: snapshot.epoch, warnings: snapshot.warnings, counts: [...counts, changes] };
    } finally {
      database.close();
    }
  } finally {
    await writer.close();
    lock.close();
  }
}
