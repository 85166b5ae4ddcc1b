/**
 * The store on SQLite: the front on this thread, the one writer in a Worker, a reader in another.
 *
 * The batch that gathers while the writer commits is its next transaction. A batch leaves as one transferred buffer
 * and comes back the same way, so bodies are copied once on this thread. A Worker that dies ends the store:
 * the batch under way fails, everything later is refused, and the data is as of the last commit.
 */
import { type Clock, systemClock } from "../../base/clock.ts";
import { reportDefect } from "../../base/defects.ts";
import { settled } from "../../base/detached.ts";
import type { ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { DEFAULT_STORE_LIMITS, type StoreLimits } from "../../base/store_limits.ts";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import type { Retention, Store } from "../../ports/store.ts";
import type { StorePage } from "../../ports/store_page.ts";
import { received } from "./errors.ts";
import { idsIn } from "./ids.ts";
import type {
  ReaderCommand,
  ReaderReport,
  ReaderValue,
  WorkerDefect,
  WorkerRole,
  WriterCommand,
  WriterReport,
} from "./messages.ts";
import { filesOf, type OpenedSnapshot } from "./open.ts";
import type {
  BackendLastPage,
  BackendRead,
  BackendSink,
  SeenId,
  StoreBackend,
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
  /** Whether to verify every byte first. */
  readonly fullCheck?: boolean;
  /** The most bytes that the database may take; past them writes fail as on a full disk. */
  readonly maxDatabaseBytes?: number;
}

/**
 * Opens the store in a data directory. Rejects with a ParleyError: FAILED_PRECONDITION when another
 * server uses the directory, when acknowledged data is lost, or when a newer Parley made it; INTERNAL
 * when the data is damaged.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const limits = { ...DEFAULT_STORE_LIMITS, ...options.limits };
  const clock = options.clock ?? systemClock;
  const backend = new SqliteBackend(options.directory);
  const snapshot = await backend.open({
    directory: options.directory,
    repair: options.repair ?? false,
    fullCheck: options.fullCheck ?? false,
    maxBytes: options.maxDatabaseBytes,
    wallMs: clock.wallMs(),
    dedupWindowMs: limits.dedupWindowMs,
    maxDedupEntries: limits.maxDedupEntries,
  });
  return new StoreFront(backend, { ...snapshot, seen: seenIn(snapshot) }, limits, clock);
}

function* seenIn(snapshot: OpenedSnapshot): Generator<SeenId> {
  for (const { ageMs, data } of snapshot.ids) {
    for (const id of idsIn(data)) yield { ...id, ageMs };
  }
}

/** A request that waits for its answer. */
interface Waiter {
  resolve(value: never): void;
  reject(error: ParleyError): void;
}

class SqliteBackend implements StoreBackend {
  readonly level = AckLevel.FSYNCED;
  readonly #directory: string;
  readonly #writer = startWorker({ role: "writer" });
  readonly #waiters = new Map<number, Waiter>();
  readonly #copiers = new Set<Worker>();
  #reader: Worker | null = null;
  #sink: BackendSink | null = null;
  #lastId = 0;
  #lost: ParleyError | null = null;
  #whenOpened: Waiter | null = null;
  #whenClosed: (() => void) | null = null;

  constructor(directory: string) {
    this.#directory = directory;
    this.#hear(this.#writer, "writer", (report: WriterReport) => this.#report(report));
  }

  async open(
    request: Extract<WriterCommand, { type: "open" }>["request"],
  ): Promise<OpenedSnapshot> {
    try {
      return await new Promise<OpenedSnapshot>((resolve, reject) => {
        this.#whenOpened = { resolve, reject };
        this.#tell({ type: "open", request });
      });
    } catch (error) {
      this.#writer.terminate();
      throw error;
    }
  }

  start(sink: BackendSink): void {
    this.#sink = sink;
    const { database } = filesOf(this.#directory);
    this.#reader = startWorker({ role: "reader", database });
    this.#hear(this.#reader, "reader", ({ id, value, error }: ReaderReport) => {
      this.#settle(id, value, error === null ? null : received(error));
    });
  }

  commit(buffer: ArrayBuffer, length: number, nowMs: number): void {
    const lost = this.#lost;
    if (lost !== null) return queueMicrotask(() => this.#sink!.failed(buffer, lost));
    this.#tell({ type: "commit", buffer, length, nowMs }, [buffer]);
  }

  setRetention(topic: number, retention: Retention): void {
    this.#tell({ type: "retention", topic, retention });
  }

  retain(nowMs: number): void {
    this.#tell({ type: "retain", nowMs });
  }

  applyRetention(nowMs: number): Promise<void> {
    return this.#ask((id) => this.#tell({ type: "apply", id, nowMs }));
  }

  trim(topic: number, beforeSeq: number): Promise<void> {
    return this.#ask((id) => this.#tell({ type: "trim", id, topic, beforeSeq }));
  }

  read(request: BackendRead): Promise<StorePage> {
    return this.#ask((id) => this.#askReader({ type: "read", id, request }));
  }

  readLast(
    topics: readonly number[],
    lastSeqs: readonly number[],
    maxBytes: number,
  ): Promise<BackendLastPage> {
    return this.#ask((id) => this.#askReader({ type: "readLast", id, topics, lastSeqs, maxBytes }));
  }

  seqAt(topic: number, lastSeq: number, timeMs: number): Promise<number> {
    return this.#ask((id) => this.#askReader({ type: "seqAt", id, topic, lastSeq, timeMs }));
  }

  readChunks(queue: number, firsts: readonly number[]): Promise<StorePage> {
    return this.#ask((id) => this.#askReader({ type: "chunks", id, queue, firsts }));
  }

  backup(to: string): Promise<void> {
    const { database } = filesOf(this.#directory);
    return this.#ask((id) => {
      const copier = startWorker({ role: "copier", database, to });
      this.#copiers.add(copier);
      const end = (error: ParleyError | null) => {
        copier.terminate();
        this.#copiers.delete(copier);
        this.#settle(id, null, error);
      };
      const failed = (why: Pick<Error, "message" | "stack">) => {
        reportDefect("copy the database", errorFrom(why));
        end(unavailable(`back up to ${JSON.stringify(to)}`, "the server failed; it is in its log"));
      };
      copier.onmessage = ({ data }: MessageEvent<ReaderReport | WorkerDefect>) => {
        if ("defect" in data) failed(data.defect);
        else end(data.error === null ? null : received(data.error));
      };
      copier.onerror = (event) => {
        event.preventDefault();
        failed(event);
      };
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
    if (this.#lost === null) {
      // The reader first: the last connection to close brings the log into the database.
      const closed = this.#ask((id) => this.#askReader({ type: "close", id }));
      await settled(closed, "close the store's reader");
    }
    if (this.#lost === null) {
      await new Promise<void>((resolve) => {
        this.#whenClosed = resolve;
        this.#tell({ type: "close" });
      });
    }
    this.#writer.terminate();
    this.#reader?.terminate();
    for (const copier of this.#copiers) copier.terminate();
    this.#rejectAll(unavailable("use the store", "it is closed"));
  }

  #report(report: WriterReport): void {
    // All that was under way when the store was lost has failed already: a late success is not told.
    if (this.#lost !== null && report.type !== "closed") return;
    switch (report.type) {
      case "opened":
        return this.#whenOpened?.resolve(report.snapshot as never);
      case "refused":
        return this.#whenOpened?.reject(received(report.error));
      case "committed":
        this.#sink?.committed(report.buffer, report.syncMs);
        return this.#trimmed(report.trimmed);
      case "failed":
        return this.#sink?.failed(report.buffer, received(report.error));
      case "trimmed":
        return this.#trimmed(report.trimmed);
      case "done":
        return this.#settle(report.id, null, report.error === null ? null : received(report.error));
      case "broken":
        return this.#lose(received(report.error));
      case "closed":
        return this.#whenClosed?.();
    }
  }

  #trimmed(figures: Float64Array): void {
    if (figures.length > 0) this.#sink?.trimmed(figures);
  }

  #tell(command: WriterCommand, transfer: Transferable[] = []): void {
    this.#writer.postMessage(command, transfer);
  }

  #askReader(command: ReaderCommand): void {
    this.#reader?.postMessage(command);
  }

  #ask<T>(send: (id: number) => void): Promise<T> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    return new Promise<T>((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiters.set(id, { resolve, reject });
      send(id);
    });
  }

  #settle(id: number, value: ReaderValue, error: ParleyError | null): void {
    const waiter = this.#waiters.get(id);
    this.#waiters.delete(id);
    if (error === null) waiter?.resolve(value as never);
    else waiter?.reject(error);
  }

  /** Listens to a Worker. A defect there ends the store, not the process. */
  #hear<Report extends object>(
    worker: Worker,
    name: string,
    take: (report: Report) => void,
  ): void {
    const failed = (why: Pick<Error, "message" | "stack">) => {
      reportDefect(`go on in the store's ${name}`, errorFrom(why));
      this.#lose(unavailable("use the store", `its ${name} failed; the reason is in the log`));
    };
    worker.onmessage = ({ data }: MessageEvent<Report | WorkerDefect>) => {
      if ("defect" in data) failed(data.defect);
      else take(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      failed(event);
    };
  }

  #lose(error: ParleyError): void {
    if (this.#lost !== null) return;
    this.#lost = error;
    log.error("the store is lost: nothing more is kept until the server starts again: {error}", {
      error,
    });
    this.#whenOpened?.reject(error);
    this.#whenClosed?.();
    this.#rejectAll(error);
    this.#sink?.broken(error);
  }

  #rejectAll(error: ParleyError): void {
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }
}

/** The error of another thread, with the place where it was thrown. */
function errorFrom({ message, stack }: Pick<Error, "message" | "stack">): Error {
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

function startWorker(role: WorkerRole): Worker {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.postMessage(role);
  return worker;
}
