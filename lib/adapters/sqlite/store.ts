/**
 * The store on SQLite: the front on this thread, the one writer in a Worker, a reader in another.
 *
 * The batch that gathers while the writer commits is its next transaction. A batch is copied once on this thread, and
 * the copy leaves as one transferred buffer and comes back the same way. A Worker that dies is replaced: nothing is
 * acknowledged that is not committed, and what is in memory is again as it is on the disk (writer_keeper).
 */
import { type Clock, systemClock } from "../../base/clock.ts";
import { reportDefect } from "../../base/defects.ts";
import type { ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { DEFAULT_STORE_LIMITS, type StoreLimits } from "../../base/store_limits.ts";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import type { CommitLog } from "../../ports/commit_log.ts";
import type { Retention, Store } from "../../ports/store.ts";
import type { StorePage } from "../../ports/store_page.ts";
import { received } from "./errors.ts";
import { idsIn } from "./ids.ts";
import type { ReaderReport } from "./messages.ts";
import { filesOf, type OpenedSnapshot, type OpenRequest } from "./open.ts";
import { ReaderKeeper } from "./reader_keeper.ts";
import { StoreWorker } from "./store_worker.ts";
import { WriterKeeper } from "./writer_keeper.ts";
import type {
  BackendLastPage,
  BackendRead,
  BackendSink,
  SeenId,
  StoreBackend,
  StoredQueue,
} from "../store/backend.ts";
import { StoreFront } from "../store/front.ts";
import { unavailable } from "../store/values.ts";

const log = logger("server");

/** The options with which a store on SQLite is opened. */
export interface SqliteStoreOptions {
  /** The directory of the files, made if need be. */
  readonly directory: string;
  readonly limits?: Partial<StoreLimits>;
  readonly clock?: Clock;
  /** Whether to go on with the rest, as a new history, when acknowledged data is lost. */
  readonly repair?: boolean;
  /** The log that the store shares with other nodes; absent: none. */
  readonly log?: CommitLog;
  /** Whether to verify every byte first. */
  readonly fullCheck?: boolean;
  /** The most bytes that the database may take; past them writes fail as on a full disk. */
  readonly maxDatabaseBytes?: number;
}

/**
 * Opens the store in a data directory. Rejects with a ParleyError: FAILED_PRECONDITION when another
 * server uses the directory or its history is another than the log's, when acknowledged data is lost, or when a newer Parley made it; INTERNAL
 * when the data is damaged.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const limits = { ...DEFAULT_STORE_LIMITS, ...options.limits };
  const clock = options.clock ?? systemClock;
  const backend = new SqliteBackend({
    directory: options.directory,
    repair: options.repair ?? false,
    fullCheck: options.fullCheck ?? false,
    maxBytes: options.maxDatabaseBytes,
    wallMs: clock.wallMs(),
    dedupWindowMs: limits.dedupWindowMs,
    maxDedupEntries: limits.maxDedupEntries,
    epoch: options.log?.epoch,
  });
  const snapshot = await backend.open();
  return new StoreFront(backend, { ...snapshot, seen: seenIn(snapshot) }, limits, {
    clock,
    log: options.log,
  });
}

function* seenIn(snapshot: OpenedSnapshot): Generator<SeenId> {
  for (const { ageMs, data } of snapshot.ids) {
    for (const id of idsIn(data)) yield { ...id, ageMs };
  }
}

class SqliteBackend implements StoreBackend {
  readonly level = AckLevel.FSYNCED;
  readonly #directory: string;
  readonly #writer: WriterKeeper;
  readonly #copiers = new Map<StoreWorker<ReaderReport>, (error: ParleyError) => void>();
  #reader: ReaderKeeper | null = null;
  #sink: BackendSink | null = null;
  #lost: ParleyError | null = null;

  constructor(request: OpenRequest) {
    this.#directory = request.directory;
    this.#writer = new WriterKeeper(request, (error) => this.#lose(error));
  }

  open(): Promise<OpenedSnapshot> {
    return this.#writer.open();
  }

  get restarts(): number {
    return this.#writer.restarts + (this.#reader?.restarts ?? 0);
  }

  start(sink: BackendSink): void {
    this.#sink = sink;
    this.#writer.tell(sink);
    this.#reader = new ReaderKeeper(filesOf(this.#directory).database);
  }

  commit(buffer: ArrayBuffer, length: number, nowMs: number, sequence: number): void {
    this.#writer.commit(buffer, length, nowMs, sequence);
  }

  setRetention(topic: number, retention: Retention): void {
    this.#writer.note({ type: "retention", topic, retention });
  }

  retain(nowMs: number): void {
    this.#writer.note({ type: "retain", nowMs });
  }

  applyRetention(nowMs: number): Promise<void> {
    return this.#writer.ask((id) => ({ type: "apply", id, nowMs }));
  }

  trim(topic: number, beforeSeq: number): Promise<void> {
    return this.#writer.ask((id) => ({ type: "trim", id, topic, beforeSeq }));
  }

  read(request: BackendRead): Promise<StorePage> {
    return this.#reader!.ask((id) => ({ type: "read", id, request }));
  }

  readLast(
    topics: readonly number[],
    lastSeqs: readonly number[],
    maxBytes: number,
  ): Promise<BackendLastPage> {
    return this.#reader!.ask((id) => ({ type: "readLast", id, topics, lastSeqs, maxBytes }));
  }

  seqAt(topic: number, lastSeq: number, timeMs: number): Promise<number> {
    return this.#reader!.ask((id) => ({ type: "seqAt", id, topic, lastSeq, timeMs }));
  }

  chunks(): Promise<readonly StoredQueue[]> {
    return this.#reader!.ask((id) => ({ type: "queues", id }));
  }

  readChunks(queue: number, firsts: readonly number[]): Promise<StorePage> {
    return this.#reader!.ask((id) => ({ type: "chunks", id, queue, firsts }));
  }

  backup(to: string): Promise<void> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    const { database } = filesOf(this.#directory);
    return new Promise((resolve, reject) => {
      const end = (error: ParleyError | null) => {
        copier.close();
        this.#copiers.delete(copier);
        if (error === null) resolve();
        else reject(error);
      };
      const copier = new StoreWorker<ReaderReport>({ role: "copier", database, to }, {
        take: ({ error }) => end(error === null ? null : received(error)),
        died: (error) => {
          reportDefect("copy the database", error);
          end(
            unavailable(`back up to ${JSON.stringify(to)}`, "the server failed; it is in its log"),
          );
        },
      });
      this.#copiers.set(copier, end);
    });
  }

  diskBytes(): number {
    const { database } = filesOf(this.#directory);
    let bytes = 0;
    for (const path of [database, `${database}-wal`]) {
      try {
        bytes += Deno.statSync(path).size;
      } catch {
        // There is no log before the first commit and after the last.
      }
    }
    return bytes;
  }

  async close(): Promise<void> {
    // The reader first: the last connection to close brings the log into the database.
    await this.#reader?.close();
    await this.#writer.close();
    for (const end of [...this.#copiers.values()]) {
      end(unavailable("use the store", "it is closed"));
    }
  }

  #lose(error: ParleyError): void {
    if (this.#lost !== null) return;
    this.#lost = error;
    log.error("the store is lost: nothing more is kept until the server starts again: {error}", {
      error,
    });
    this.#writer.end(error);
    this.#reader?.end(error);
    for (const end of [...this.#copiers.values()]) end(error);
    this.#sink?.broken(error);
  }
}
