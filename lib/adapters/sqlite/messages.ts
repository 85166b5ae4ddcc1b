/**
 * What the threads of the SQLite store say to each other.
 *
 * The writer gets commands in order and answers each batch once, in order. The reader and the one that
 * copies answer each request by its number. Buffers are transferred, never copied.
 */
import type { Retention } from "../../ports/store.ts";
import type { StorePage } from "../../ports/store_page.ts";
import type { PostedError } from "./errors.ts";
import type { OpenedSnapshot, OpenRequest } from "./open.ts";
import type { BackendLastPage, BackendRead } from "../store/backend.ts";

/** To the writer. */
export type WriterCommand =
  | { readonly type: "open"; readonly request: OpenRequest }
  | {
    readonly type: "commit";
    readonly buffer: ArrayBuffer;
    readonly length: number;
    readonly nowMs: number;
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

/** From the writer. */
export type WriterReport =
  | { readonly type: "opened"; readonly snapshot: OpenedSnapshot }
  | { readonly type: "refused"; readonly error: PostedError }
  | { readonly type: "committed"; readonly buffer: ArrayBuffer; readonly trimmed: Float64Array }
  | { readonly type: "failed"; readonly buffer: ArrayBuffer; readonly error: PostedError }
  | { readonly type: "trimmed"; readonly trimmed: Float64Array }
  | { readonly type: "done"; readonly id: number; readonly error: PostedError | null }
  | { readonly type: "broken"; readonly error: PostedError }
  | { readonly type: "closed" };

/** To the reader. */
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
  | { readonly type: "close"; readonly id: number };

/** What reads give. */
export type ReaderValue = StorePage | BackendLastPage | number | null;

/** From the reader, and from the one that copies. */
export interface ReaderReport {
  readonly id: number;
  readonly value: ReaderValue;
  readonly error: PostedError | null;
}

/** From any Worker, when a defect has ended what it is for. */
export interface WorkerDefect {
  readonly defect: { readonly message: string; readonly stack: string | undefined };
}

/** The first message to a Worker: what it is to be. */
export type WorkerRole =
  | { readonly role: "writer" }
  | { readonly role: "reader"; readonly database: string }
  | { readonly role: "copier"; readonly database: string; readonly to: string };
