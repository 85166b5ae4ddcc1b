/**
 * A log in this process alone, for stores of one process that follow it together: what the log port promises, without a
 * server behind it. Faults are made by hand.
 */
import { AckLevel } from "../../lib/gen/parley/v1/session_pb.ts";
import {
  type CommitLog,
  LogError,
  type LogReader,
  type LogState,
  type LogTaker,
} from "../../lib/ports/commit_log.ts";

/** What several logs share. */
export class MemoryEntries {
  readonly epoch = crypto.randomUUID();
  /** The entries behind `first - 1`. */
  entries: Uint8Array[] = [];
  first = 1;
  readonly readers = new Set<() => void>();

  get last(): number {
    return this.first + this.entries.length - 1;
  }
}

/** A log of one of those who share it. */
export class MemoryLog implements CommitLog {
  readonly level = AckLevel.REPLICATED;
  readonly replicas = 1;
  readonly #shared: MemoryEntries;
  /** When set, the next append ends so; `kept` says whether the entry is there all the same. */
  fault: { readonly kept: boolean; readonly error: LogError } | null = null;
  /** How full the log says that it is. */
  fullness = 0;
  /** Holds appends back until it is settled. */
  held: Promise<void> | null = null;

  constructor(shared = new MemoryEntries()) {
    this.#shared = shared;
  }

  get epoch(): string {
    return this.#shared.epoch;
  }

  async append(bytes: Uint8Array, expectedLast: number): Promise<number> {
    await this.held;
    await Promise.resolve();
    const shared = this.#shared;
    const { fault } = this;
    this.fault = null;
    if (shared.last !== expectedLast) {
      throw new LogError("fenced", `the log ends at ${shared.last}, not at ${expectedLast}`);
    }
    if (fault === null || fault.kept) {
      shared.entries.push(bytes.slice());
      for (const wake of shared.readers) wake();
    }
    if (fault !== null) throw fault.error;
    return shared.last;
  }

  state(): Promise<LogState> {
    const { first, last } = this.#shared;
    const { fullness } = this;
    return Promise.resolve({ firstSequence: first, lastSequence: last, fullness });
  }

  read(after: number, take: LogTaker): LogReader {
    return new MemoryReader(this.#shared, after, take);
  }

  trim(sequence: number): Promise<void> {
    const shared = this.#shared;
    const gone = Math.min(Math.max(0, sequence - shared.first), shared.entries.length);
    shared.entries.splice(0, gone);
    shared.first += gone;
    return Promise.resolve();
  }
}

class MemoryReader implements LogReader {
  position: number;
  readonly ended: Promise<void>;
  readonly #shared: MemoryEntries;
  #isClosed = false;
  #over: unknown = null;
  #wake: () => void = () => {};
  #waiters: { sequence: number; resolve: () => void; reject: (error: unknown) => void }[] = [];

  constructor(shared: MemoryEntries, after: number, take: LogTaker) {
    this.#shared = shared;
    this.position = after;
    this.ended = this.#run(take);
    const over = (error: unknown) => {
      this.#over = error;
      for (const { reject } of this.#waiters.splice(0)) reject(error);
    };
    this.ended.then(() => over(new LogError("closed", "the reader was closed")), over);
  }

  reached(sequence: number): Promise<void> {
    if (sequence <= this.position) return Promise.resolve();
    if (this.#over !== null) return Promise.reject(this.#over);
    return new Promise((resolve, reject) => this.#waiters.push({ sequence, resolve, reject }));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await Promise.allSettled([this.ended]);
  }

  async #run(take: LogTaker): Promise<void> {
    const shared = this.#shared;
    const wake = () => this.#wake();
    shared.readers.add(wake);
    try {
      while (!this.#isClosed) {
        const { position } = this;
        if (shared.first > position + 1) throw new LogError("trimmed", "the log was trimmed");
        if (shared.last < position) throw new LogError("lost", "the log ends before");
        if (shared.last === position) {
          await new Promise<void>((resolve) => this.#wake = resolve);
          continue;
        }
        const sequence = position + 1;
        await take({ sequence, bytes: shared.entries[sequence - shared.first].slice() });
        this.position = sequence;
        const reached = this.#waiters.filter((waiter) => waiter.sequence <= sequence);
        this.#waiters = this.#waiters.filter((waiter) => waiter.sequence > sequence);
        for (const { resolve } of reached) resolve();
      }
    } finally {
      shared.readers.delete(wake);
    }
  }
}
