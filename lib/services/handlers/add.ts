/**
 * Answers AddRequest with the sum of two int32; a sum that does not fit is refused, never wrapped.
 */
import { invalidArgument } from "../../base/errors.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import { copyBytes } from "../../wire/frame_writer.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { int32Size, putInt32, putVarint } from "../../wire/varint.ts";
import type { Peer } from "../connection/peer.ts";

/** Tag of ServerMessage.add_response: field 2, length-delimited. */
const ADD_TAG = 0x12;
/** Tag of AddResponse.result: field 1, varint. */
const RESULT_TAG = 0x08;
const MIN_INT32 = -0x80000000;
const MAX_INT32 = 0x7fffffff;
const cursor = new FieldCursor();

/** Adds what the message that `scan` found asks for. Raises INVALID_ARGUMENT when the sum overflows. */
export function handleAdd(session: Peer, bytes: Uint8Array, scan: MessageScan): void {
  let a = 0;
  let b = 0;
  cursor.open(bytes, scan.start, scan.end);
  while (cursor.next()) {
    if (cursor.field === 1) a = cursor.int32();
    else if (cursor.field === 2) b = cursor.int32();
  }
  const sum = addInt32(a, b);
  const body = sum === 0 ? 0 : 1 + int32Size(sum);
  let at = session.begin(2 + body + scan.idBytes);
  const out = session.outbox.bytes;
  out[at++] = ADD_TAG;
  at = putVarint(out, at, body);
  if (sum !== 0) {
    out[at++] = RESULT_TAG;
    at = putInt32(out, at, sum);
  }
  copyBytes(out, at, bytes, scan.idStart, scan.idEnd);
}

/** The sum of two int32. Raises INVALID_ARGUMENT when it is none. */
export function addInt32(a: number, b: number): number {
  const sum = a + b;
  if (sum < MIN_INT32 || sum > MAX_INT32) {
    throw invalidArgument(`cannot add ${a} and ${b}: the sum ${sum} is no int32`, {
      accepted: `a sum from ${MIN_INT32} to ${MAX_INT32}`,
    });
  }
  return sum;
}
