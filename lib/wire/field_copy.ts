/**
 * Copies a message's body without some of its fields, undecoded: what the server once appended goes, what
 * the client said stays as it came.
 */
import { copyBytes } from "./frame_writer.ts";
import { FieldCursor } from "./field_cursor.ts";

const cursor = new FieldCursor();

/** The body from `start` to `end` without the fields that `leavesOut` names, with `more` behind it. */
export function copyFields(
  bytes: Uint8Array,
  start: number,
  end: number,
  leavesOut: (field: number) => boolean,
  more: Uint8Array,
): Uint8Array {
  const copy = new Uint8Array(end - start + more.length);
  let to = 0;
  let from = start;
  cursor.open(bytes, start, end);
  while (cursor.next()) {
    if (!leavesOut(cursor.field)) to = copyBytes(copy, to, bytes, from, cursor.end);
    from = cursor.end;
  }
  to = copyBytes(copy, to, more, 0, more.length);
  return copy.subarray(0, to);
}
