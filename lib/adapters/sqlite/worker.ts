/**
 * The Worker of the SQLite store: its first message makes it the writer, a reader, or the copier.
 *
 * Nothing is thrown out of a Worker: each command is answered with its result or its error. A defect is reported,
 * too, once: the other side then asks for nothing more. The writer trims between batches, one
 * step a turn, so that a batch never waits for more than one step.
 */
import { onDefect, reportDefect } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { copyDatabase } from "./backup.ts";
import { posted, sqliteError } from "./errors.ts";
import {
  PROGRESS,
  type ReaderCommand,
  type ReaderReport,
  type ReaderValue,
  type WorkerDefect,
  type WorkerRole,
  type WriterCommand,
  type WriterProgress,
  type WriterReport,
} from "./messages.ts";
import { openDirectory, type Opened } from "./open.ts";
import { SqliteReader } from "./reader.ts";
import { openReader } from "./schema.ts";
import { MarkError } from "./high_water_mark.ts";

/** The global scope of a Worker, as far as it is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer?: Transferable[]): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  close(): void;
}
const scope = globalThis as unknown as WorkerScope;
onDefect((_what, { message, stack }) => {
  scope.postMessage({ defect: { message, stack } } satisfies WorkerDefect);
});
scope.addEventListener("error", (event) => {
  event.preventDefault();
  reportDefect("go on", (event as ErrorEvent).error);
});
scope.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  reportDefect("go on", (event as PromiseRejectionEvent).reason);
});
/** Kept reachable, as a database must be while it is used. */
const kept: unknown[] = [];

scope.onmessage = ({ data }: MessageEvent<WorkerRole>) => {
  if (data.role === "writer") {
    const writer = new WriterLoop(data.progress);
    kept.push(writer);
    scope.onmessage = (event: MessageEvent<WriterCommand>) => writer.take(event.data);
  } else if (data.role === "reader") serveReads(data.database);
  else detached(copy(data.database, data.to), "answer");
};

/** The writer's Worker, which takes commands. */
class WriterLoop {
  readonly #progress: WriterProgress;
  #opened: Opened | null = null;
  #stepping = false;
  /** The commands that are answered once nothing is due. */
  #waiting: number[] = [];

  constructor(progress: WriterProgress) {
    this.#progress = progress;
  }

  take(command: WriterCommand): void {
    if (command.type === "open") return this.#open(command.request);
    const writer = this.#opened?.writer;
    if (writer === undefined) return;
    switch (command.type) {
      case "commit":
        this.#commit(command);
        break;
      case "retention":
        writer.setRetention(command.topic, command.retention);
        break;
      case "retain":
        writer.retain(command.nowMs);
        break;
      case "apply":
        writer.retain(command.nowMs);
        this.#waiting.push(command.id);
        break;
      case "trim":
        writer.trim(command.topic, command.beforeSeq);
        this.#waiting.push(command.id);
        break;
      case "close":
        detached(this.#close(), "close the database");
        return;
    }
    this.#continue();
  }

  #open(request: Parameters<typeof openDirectory>[0]): void {
    try {
      this.#opened = openDirectory(request);
      this.#report({ type: "opened", snapshot: this.#opened.snapshot });
    } catch (error) {
      this.#report({ type: "refused", error: posted(sqliteError("open the store", error)) });
    }
  }

  #commit(command: Extract<WriterCommand, { type: "commit" }>): void {
    const { buffer, length, nowMs, sequence, number } = command;
    const writer = this.#opened!.writer;
    this.#progress[PROGRESS.batch] = 0;
    this.#progress[PROGRESS.commits] = writer.commits + 1;
    this.#progress[PROGRESS.batch] = number;
    try {
      const trimmed = writer.commit(buffer, length, nowMs, sequence);
      this.#report({ type: "committed", buffer, trimmed, syncMs: writer.syncMs }, [buffer]);
    } catch (error) {
      if (error instanceof MarkError) return this.#break(error);
      this.#report({ type: "failed", buffer, error: posted(sqliteError("commit", error)) }, [
        buffer,
      ]);
    }
    // Behind the answer, so that the next batch waits for it, and not the callers of this one.
    writer.checkpoint();
  }

  /** Goes on trimming in a turn of its own while something is due; answers waiting commands when nothing is. */
  #continue(): void {
    const writer = this.#opened!.writer;
    if (!writer.isDue) {
      for (const id of this.#waiting.splice(0)) this.#report({ type: "done", id, error: null });
    } else if (!this.#stepping) {
      this.#stepping = true;
      setTimeout(() => this.#step(), 0);
    }
  }

  #step(): void {
    this.#stepping = false;
    const writer = this.#opened?.writer;
    if (writer === undefined) return;
    try {
      const trimmed = writer.step();
      this.#report({ type: "trimmed", trimmed });
    } catch (error) {
      if (error instanceof MarkError) return this.#break(error);
      // The step is tried again with the next command that makes something due.
      const said = posted(sqliteError("trim topics", error));
      for (const id of this.#waiting.splice(0)) this.#report({ type: "done", id, error: said });
      return;
    }
    writer.checkpoint();
    this.#continue();
  }

  #break(error: MarkError): void {
    this.#opened = null;
    this.#report({ type: "broken", error: posted(sqliteError("keep events", error)) });
  }

  async #close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    try {
      await opened?.writer.close();
      opened?.lock.close();
    } catch {
      // All that was acknowledged is durable; the next start takes up the log.
    }
    this.#report({ type: "closed" });
  }

  #report(report: WriterReport, transfer: Transferable[] = []): void {
    scope.postMessage(report, transfer);
  }
}

function serveReads(path: string): void {
  const database = openReader(path);
  const reader = new SqliteReader(database);
  kept.push(database, reader);
  const answer = (command: ReaderCommand): ReaderValue => {
    switch (command.type) {
      case "read":
        return reader.read(command.request);
      case "readLast":
        return reader.readLast(command.topics, command.lastSeqs, command.maxBytes);
      case "seqAt":
        return reader.seqAt(command.topic, command.lastSeq, command.timeMs);
      case "chunks":
        return reader.readChunks(command.queue, command.firsts);
      case "queues":
        return reader.queues();
      case "close":
        database.close();
        return null;
    }
  };
  scope.onmessage = ({ data }: MessageEvent<ReaderCommand>) => {
    try {
      const value = answer(data);
      const transfer = buffersOf(value);
      scope.postMessage({ id: data.id, value, error: null } satisfies ReaderReport, transfer);
    } catch (error) {
      const said = posted(sqliteError("read events", error));
      scope.postMessage({ id: data.id, value: null, error: said } satisfies ReaderReport);
    }
  };
}

function buffersOf(value: ReaderValue): Transferable[] {
  if (value === null || typeof value === "number" || !("bytes" in value)) return [];
  return [value.bytes, value.ranges, value.seqs, value.times].map((each) =>
    each.buffer as ArrayBuffer
  );
}

async function copy(path: string, to: string): Promise<void> {
  try {
    await copyDatabase(path, to);
    scope.postMessage({ id: 0, value: null, error: null } satisfies ReaderReport);
  } catch (error) {
    const said = posted(sqliteError(`back up to ${JSON.stringify(to)}`, error));
    scope.postMessage({ id: 0, value: null, error: said } satisfies ReaderReport);
  }
}
