/**
 * The messages between the threads of the SQLite store.
 *
 * The writer gets commands in order and answers each batch once, in order. The reader and the copier
 * answer each request by its number. Buffers are transferred, never copied. What the writer is about to do it notes in
 * memory that both threads share, which is still there when it is dead.
 */
import type { Retention } from "../../ports/store.ts";
import type { StorePage } from "../../ports/store_page.ts";
import type { PostedError } from "./errors.ts";
import type { OpenedSnapshot, OpenRequest } from "./open.ts";
import type { BackendLastPage, BackendRead, StoredQueue } from "../store/backend.ts";

/** A command to the writer. */
export type WriterCommand =
  | { readonly type: "open"; readonly request: OpenRequest }
  | {
    readonly type: "commit";
    readonly buffer: ArrayBuffer;
    readonly length: number;
    readonly nowMs: number;
    /** The place of the batch in the log; 0 when there is none. */
    readonly sequence: number;
    /** The number of the batch, from 1. */
    readonly number: number;
  }
  | { readonly type: "retention"; readonly topic: number; readonly retention: Retention }
  | { readonly type: "retain"; readonly nowMs: number }
  | { readonly type: "apply"; readonly id: number; readonly nowMs: number }
  | {
    readonly type: "trim";
    readonly id: number;
    readonly topic: number;
    readonly beforeSeq: number;
  }
  | { readonly type: "close" };

/** A report of the writer. */
export type WriterReport =
  | { readonly type: "opened"; readonly snapshot: OpenedSnapshot }
  | { readonly type: "refused"; readonly error: PostedError }
  | {
    readonly type: "committed";
    readonly buffer: ArrayBuffer;
    readonly trimmed: Float64Array;
    /** How long the disk was waited for. */
    readonly syncMs: number;
  }
  | { readonly type: "failed"; readonly buffer: ArrayBuffer; readonly error: PostedError }
  | { readonly type: "trimmed"; readonly trimmed: Float64Array }
  | { readonly type: "done"; readonly id: number; readonly error: PostedError | null }
  | { readonly type: "broken"; readonly error: PostedError }
  | { readonly type: "closed" };

/** A command to the reader. */
export type ReaderCommand =
  | { readonly type: "read"; readonly id: number; readonly request: BackendRead }
  | {
    readonly type: "readLast";
    readonly id: number;
    readonly topics: readonly number[];
    readonly lastSeqs: readonly number[];
    readonly maxBytes: number;
  }
  | {
    readonly type: "seqAt";
    readonly id: number;
    readonly topic: number;
    readonly lastSeq: number;
    readonly timeMs: number;
  }
  | {
    readonly type: "chunks";
    readonly id: number;
    readonly queue: number;
    readonly firsts: readonly number[];
  }
  | { readonly type: "queues"; readonly id: number }
  | { readonly type: "close"; readonly id: number };

/** The result of a read. */
export type ReaderValue = StorePage | BackendLastPage | readonly StoredQueue[] | number | null;

/** A report of the reader, or of the copier. */
export interface ReaderReport {
  readonly id: number;
  readonly value: ReaderValue;
  readonly error: PostedError | null;
}

/** The report of any Worker that a defect has ended its work. */
export interface WorkerDefect {
  readonly defect: { readonly message: string; readonly stack: string | undefined };
}

/** The first message to a Worker: its role. */
export type WorkerRole =
  | { readonly role: "writer"; readonly progress: WriterProgress }
  | { readonly role: "reader"; readonly database: string }
  | { readonly role: "copier"; readonly database: string; readonly to: string };

/**
 * What the writer notes before it begins with a batch, in shared memory: the number that the transaction will have, and
 * then the number of the batch, so that the one belongs to the other.
 */
export type WriterProgress = Float64Array<SharedArrayBuffer>;
export const PROGRESS = { batch: 0, commits: 1 } as const;

/** Memory for that. */
export function writerProgress(): WriterProgress {
  return new Float64Array(new SharedArrayBuffer(2 * Float64Array.BYTES_PER_ELEMENT));
}
