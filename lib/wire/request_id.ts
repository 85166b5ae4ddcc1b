/**
 * Reads and writes the ids of requests where their bytes do not stay: for answers that come later, and for
 * calls that are handed on.
 *
 * Every id that MessageScan accepts (a minimal varint of at most 2^64 - 1) is read and written without loss;
 * nothing here refuses or raises. Only ids from 2^53 on cost more than a loop.
 */
import type { RequestId } from "../base/request_id.ts";
import type { MessageScan } from "./message_scan.ts";
import { putVarint53 } from "./varint.ts";

/** The most bytes that an id takes with its tag. */
export const MAX_ID_BYTES: number = 1 + 10;
/** A varint of this many bytes is always a number without loss. */
const SAFE_BYTES = 7;

/** The id that `scan` found in `bytes`; 0 when there is none. */
export function idOf(bytes: Uint8Array, scan: MessageScan): RequestId {
  const { idStart, idEnd } = scan;
  if (idEnd - idStart > 1 + SAFE_BYTES) return longIdOf(bytes, idStart + 1, idEnd);
  let id = 0;
  for (let at = idEnd - 1; at > idStart; at--) id = id * 128 + (bytes[at] & 0x7f);
  return id;
}

/** Writes `id` at `offset` and gives the offset behind it. The caller made room. */
export function putId(bytes: Uint8Array, offset: number, id: RequestId): number {
  if (typeof id === "number") return putVarint53(bytes, offset, id);
  let rest = id;
  for (; rest > 0x7fn; rest >>= 7n) bytes[offset++] = Number(rest & 0x7fn) | 0x80;
  bytes[offset++] = Number(rest);
  return offset;
}

/** The value of the varint from `start` to `end`, in the one form that ids have. */
function longIdOf(bytes: Uint8Array, start: number, end: number): RequestId {
  let id = 0n;
  for (let at = end - 1; at >= start; at--) id = (id << 7n) | BigInt(bytes[at] & 0x7f);
  return id > Number.MAX_SAFE_INTEGER ? id : Number(id);
}
