/**
 * The log and the snapshots of a cluster that may not be reachable yet: they give no answer until they are, so that a
 * server can start, and serve what it has, without them.
 *
 * Invariant: once open they stay the same; the connection below comes back by itself. A log of another history is never
 * taken for the one that was asked for.
 */
import { handled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import {
  type CommitLog,
  LogError,
  type LogReader,
  type LogState,
  type LogTaker,
} from "../../ports/commit_log.ts";
import type { SnapshotInfo, Snapshots } from "../../ports/snapshots.ts";

/** The pause between two attempts to open a log. */
const PAUSE_MS = 250;

/** A log that is opened when it can be. */
export class LateLog implements CommitLog {
  readonly epoch: string;
  readonly #open: () => Promise<CommitLog>;
  /** Resolves when it is open; rejects when it cannot be, or was closed before. */
  readonly opened: Promise<CommitLog>;
  #log: CommitLog | null = null;
  #why: unknown = null;
  #isClosed = false;
  #wake: () => void = () => {};

  /** `open` opens the log; it is called again after a ParleyError that is retryable. */
  constructor(epoch: string, open: () => Promise<CommitLog>) {
    this.epoch = epoch;
    this.#open = open;
    this.opened = this.#run();
    handled(this.opened);
  }

  get level(): AckLevel {
    return this.#log?.level ?? AckLevel.ROUTED;
  }

  /** 0 while it is not open. */
  get replicas(): number {
    return this.#log?.replicas ?? 0;
  }

  async append(bytes: Uint8Array, expectedLast: number): Promise<number> {
    return await this.#present().append(bytes, expectedLast);
  }

  async state(): Promise<LogState> {
    return await this.#present().state();
  }

  async trim(sequence: number): Promise<void> {
    return await this.#present().trim(sequence);
  }

  read(after: number, take: LogTaker): LogReader {
    return this.#log?.read(after, take) ?? new LateReader(this.opened, after, take);
  }

  /** Does not try to open it any more. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #present(): CommitLog {
    if (this.#log !== null) return this.#log;
    throw new LogError("unknown", "the log has not been reached yet", { cause: this.#why });
  }

  async #run(): Promise<CommitLog> {
    while (!this.#isClosed) {
      try {
        const log = await this.#open();
        if (log.epoch !== this.epoch) throw otherLog(this.epoch, log.epoch);
        return this.#log = log;
      } catch (error) {
        this.#why = error;
        if (!(error instanceof ParleyError) || !error.retryable) throw error;
      }
      await this.#pause();
    }
    throw new LogError("closed", "the log was closed before it was reached");
  }

  async #pause(): Promise<void> {
    if (this.#isClosed) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, PAUSE_MS);
    });
    clearTimeout(timer);
  }
}

/** A reader of a log that is not open yet. */
class LateReader implements LogReader {
  readonly ended: Promise<void>;
  readonly #after: number;
  #reader: LogReader | null = null;
  readonly #closed = Promise.withResolvers<null>();
  readonly #begun: Promise<LogReader | null>;

  constructor(opened: Promise<CommitLog>, after: number, take: LogTaker) {
    this.#after = after;
    this.#begun = Promise.race([opened, this.#closed.promise]).then((log) =>
      this.#reader = log === null ? null : log.read(after, take)
    );
    this.ended = this.#begun.then((reader) => reader?.ended);
    handled(this.ended);
  }

  get position(): number {
    return this.#reader?.position ?? this.#after;
  }

  async reached(sequence: number): Promise<void> {
    if (sequence <= this.position) return;
    const reader = await this.#begun;
    if (reader === null) throw new LogError("closed", "the reader of the log was closed");
    await reader.reached(sequence);
  }

  async close(): Promise<void> {
    this.#closed.resolve(null);
    const [begun] = await Promise.allSettled([this.#begun]);
    if (begun.status === "fulfilled") await begun.value?.close();
  }
}

/** Snapshots that are opened when they are asked for. */
export class LateSnapshots implements Snapshots {
  readonly #open: () => Promise<Snapshots>;
  #opening: Promise<Snapshots> | null = null;

  /** `open` opens them, and is called again after it has failed. */
  constructor(open: () => Promise<Snapshots>) {
    this.#open = open;
  }

  async newest(): Promise<SnapshotInfo | null> {
    return await (await this.#opened()).newest();
  }

  async put(
    write: (path: string) => Promise<void>,
    sequence: number,
    node: string,
  ): Promise<SnapshotInfo> {
    return await (await this.#opened()).put(write, sequence, node);
  }

  async fetch(snapshot: SnapshotInfo, path: string): Promise<void> {
    return await (await this.#opened()).fetch(snapshot, path);
  }

  async #opened(): Promise<Snapshots> {
    this.#opening ??= this.#open();
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = null;
      throw error;
    }
  }
}

function otherLog(epoch: string, found: string): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot follow the cluster's log: the data is of history ${epoch}, the log of ${found}`,
    { accepted: "an empty data directory, or one of this cluster" },
  );
}
