/**
 * What the entries of the log are: batches of the store, and claims of the lead.
 *
 * An entry is a header of 24 bytes and a payload. The header is: a number that says what this is and in which form,
 * the kind, the time of the writer, and the length of the payload, all little-endian as in a batch. A batch's payload
 * is its operations as they are; a claim's is the name of the node.
 */
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import { decodeText } from "../../../base/utf8_text.ts";
import { isWhole } from "../operations.ts";

/** "PLY" and the form, which counts up when the payload changes so that an older Parley cannot read it. */
const MARK = 0x01594c50;
const HEADER_BYTES = 24;
const Kind = { BATCH: 1, CLAIM: 2 } as const;

/** An entry of the log. */
export type LogRecord =
  | {
    readonly kind: "batch";
    /** The operations, in a buffer of their own. */
    readonly buffer: ArrayBuffer;
    readonly nowMs: number;
  }
  | {
    readonly kind: "claim";
    readonly node: string;
    readonly nowMs: number;
  };

/** The entry of a batch: its operations are the first `length` bytes of `buffer`. */
export function batchEntry(buffer: ArrayBuffer, length: number, nowMs: number): Uint8Array {
  return entryOf(Kind.BATCH, new Uint8Array(buffer, 0, length), nowMs);
}

/** The entry with which a node claims the lead. */
export function claimEntry(node: string, nowMs: number): Uint8Array {
  return entryOf(Kind.CLAIM, new TextEncoder().encode(node), nowMs);
}

/** Reads an entry. Raises a ParleyError, FAILED_PRECONDITION, when it is none that this version knows. */
export function readEntry(bytes: Uint8Array): LogRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER_BYTES || view.getUint32(0, true) !== MARK) throw unknown();
  const kind = view.getUint32(4, true);
  const nowMs = view.getFloat64(8, true);
  if (view.getFloat64(16, true) !== bytes.length - HEADER_BYTES) throw unknown();
  // Not `slice`, which is no copy where the bytes are a Buffer.
  const payload = new Uint8Array(bytes.length - HEADER_BYTES);
  payload.set(bytes.subarray(HEADER_BYTES));
  if (kind === Kind.CLAIM) return { kind: "claim", node: decodeText(payload), nowMs };
  if (kind !== Kind.BATCH || !isWhole(payload.buffer)) throw unknown();
  return { kind: "batch", buffer: payload.buffer, nowMs };
}

function entryOf(kind: number, payload: Uint8Array, nowMs: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MARK, true);
  view.setUint32(4, kind, true);
  view.setFloat64(8, nowMs, true);
  view.setFloat64(16, payload.length, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function unknown(): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    "cannot read an entry of the cluster's log: this version does not know what it is",
    { accepted: "the newer Parley that has written it, on all nodes" },
  );
}
