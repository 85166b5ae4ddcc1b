/**
 * One Worker of the SQLite store, as long as it lives, and how soon another one takes its place.
 *
 * A Worker is dead when it has reported a defect, or an error came out of it: then it is ended, its owner is told once,
 * and nothing of it is heard any more. With the Worker its connections to the database end, and a transaction that it
 * had not committed.
 */
import type { ReaderCommand, WorkerDefect, WorkerRole, WriterCommand } from "./messages.ts";

/** The wait before a dead Worker is replaced: the first, and the longest. */
const FIRST_DELAY_MS = 10;
const MAX_DELAY_MS = 5000;

/** The owner of a Worker. */
export interface WorkerOwner<Report> {
  take(report: Report): void;
  /** The Worker is dead. Told once. */
  died(error: Error): void;
}

/** A Worker. */
export class StoreWorker<Report extends object> {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  readonly #owner: WorkerOwner<Report>;
  #isOver = false;

  constructor(role: WorkerRole, owner: WorkerOwner<Report>) {
    this.#owner = owner;
    this.#worker.onmessage = ({ data }: MessageEvent<Report | WorkerDefect>) => {
      if (this.#isOver) return;
      if ("defect" in data) this.#die(data.defect);
      else owner.take(data);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#die(event);
    };
    this.#worker.postMessage(role);
  }

  post(command: WriterCommand | ReaderCommand, transfer: Transferable[] = []): void {
    this.#worker.postMessage(command, transfer);
  }

  /** Ends the Worker; nothing is told of it any more. */
  close(): void {
    this.#isOver = true;
    this.#worker.terminate();
  }

  #die({ message, stack }: Pick<Error, "message" | "stack">): void {
    if (this.#isOver) return;
    this.close();
    // The error of another thread, with the place where it was thrown.
    const error = new Error(message);
    if (stack !== undefined) error.stack = stack;
    this.#owner.died(error);
  }
}

/** How long to wait before the next Worker: twice as long each time, until one has worked. Pure. */
export class RestartDelay {
  #nextMs = FIRST_DELAY_MS;

  /** The wait before the next one, in milliseconds. */
  next(): number {
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(2 * delayMs, MAX_DELAY_MS);
    return delayMs;
  }

  /** One has done what it is for. */
  worked(): void {
    this.#nextMs = FIRST_DELAY_MS;
  }
}
