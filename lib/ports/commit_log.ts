/**
 * The log port: where a batch of the store becomes durable for more than one machine, before it is committed here.
 *
 * Contract, held by tests/contract/commit_log_contract.ts for every adapter:
 * - Order: entries have sequences that ascend from 1; everybody reads the same entries in the same order.
 * - Fence: an append names the sequence that it expects as the log's last. When the log has gone on since, nothing of
 *   the entry is ever read, and the append is refused as `fenced`. So of two who write at once, one learns that it is not alone.
 * - Outcome: an append resolves when the entry has the log's level. When that cannot be learnt in time it is refused
 *   as `unknown`: the entry may be there, or come later, until somebody appends behind the same sequence; never after.
 * - Atomicity: an entry is read whole or not at all, however large it is.
 * - Reading begins behind any sequence that the log still holds, and tells each entry once, without a gap.
 * Non-goals: what an entry means, and who may write (the store, and the election of the writer).
 */
import type { AckLevel } from "../gen/parley/v1/session_pb.ts";

/** An entry of the log. */
export interface LogEntry {
  /** The sequence at which the entry ends; an entry that is large can take several. */
  readonly sequence: number;
  /** The bytes that were appended. */
  readonly bytes: Uint8Array;
}

/** The part of the log that is there. */
export interface LogState {
  /** The first sequence that the log still holds; `lastSequence + 1` when it holds none. */
  readonly firstSequence: number;
  /** The sequence of what was appended last; 0 before the first. */
  readonly lastSequence: number;
  /** How full the log is: 0 to 1. */
  readonly fullness: number;
}

/** Why an append, or reading, did not succeed. */
export type LogFault = "fenced" | "unknown" | "full" | "trimmed" | "lost" | "closed";

/** The error of a log. */
export class LogError extends Error {
  readonly fault: LogFault;
  /** The last sequence of the log, where an entry was refused because the log is full. */
  readonly lastSequence: number;

  constructor(fault: LogFault, message: string, options: ErrorOptions & { last?: number } = {}) {
    super(message, options);
    this.name = "LogError";
    this.fault = fault;
    this.lastSequence = options.last ?? 0;
  }
}

/** Takes the entries that are read. An entry counts as taken when the promise resolves. */
export type LogTaker = (entry: LogEntry) => void | Promise<void>;

/** A reader of the log. */
export interface LogReader {
  /** The sequence up to which everything was read and taken. */
  readonly position: number;
  /**
   * Resolves once everything up to `sequence` was taken. Rejects with the error that ended the reading, if that is
   * before.
   */
  reached(sequence: number): Promise<void>;
  /**
   * Resolves when the reader was closed. Rejects with a LogError when it cannot go on: `trimmed` when the log no longer
   * holds what comes next, `lost` when it ends before what was read; or with the error of the taker.
   */
  readonly ended: Promise<void>;
  /** Reads no more; an entry that is being taken is waited for. */
  close(): Promise<void>;
}

/** A log that several nodes share. */
export interface CommitLog {
  /** The name of the history that the log belongs to: the epoch of every store that follows it. */
  readonly epoch: string;
  /** The level of an entry that was appended; never FSYNCED. */
  readonly level: AckLevel;
  /** The number of machines that hold each entry. */
  readonly replicas: number;
  /**
   * Appends an entry behind `expectedLast`, and gives its sequence. The bytes are used until the promise is settled.
   * One append at a time. Rejects with a LogError: `fenced`, `unknown`, or `full` when the log has no room.
   */
  append(bytes: Uint8Array, expectedLast: number): Promise<number>;
  /** Asks the log what it holds. Rejects with a LogError, `unknown`, when it gives no answer. */
  state(): Promise<LogState>;
  /** Reads everything behind the sequence `after`, and goes on with what comes. */
  read(after: number, take: LogTaker): LogReader;
  /** Lets the log drop what is before `sequence`. Rejects with a LogError, `unknown`. */
  trim(sequence: number): Promise<void>;
}
