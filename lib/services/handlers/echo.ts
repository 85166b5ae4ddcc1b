/**
 * Answers EchoMessage with the same content: checked, then encoded anew into the outbox.
 *
 * The content is never made a string. Unknown fields of the request are not returned.
 */
import { protocolError } from "../../base/errors.ts";
import { copyBytes } from "../../wire/frame_writer.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { isUtf8 } from "../../wire/utf8.ts";
import { putVarint, varintSize } from "../../wire/varint.ts";
import type { Peer } from "../connection/peer.ts";

/** Tag of ServerMessage.echo_message: field 1, length-delimited. */
const ECHO_TAG = 0x0a;
/** Tag of EchoMessage.content: field 1, length-delimited. */
const CONTENT_TAG = 0x0a;
const cursor = new FieldCursor();

/** Echoes the message that `scan` found. Content that is not UTF-8 ends the connection. */
export function handleEcho(session: Peer, bytes: Uint8Array, scan: MessageScan): void {
  let start = 0;
  let end = 0;
  cursor.open(bytes, scan.start, scan.end);
  while (cursor.next()) {
    if (cursor.field !== 1) continue;
    cursor.expect(2);
    start = cursor.start;
    end = cursor.end;
  }
  if (!isUtf8(bytes, start, end)) throw protocolError("cannot echo content that is not UTF-8");
  const length = end - start;
  const body = length === 0 ? 0 : 1 + varintSize(length) + length;
  let at = session.begin(1 + varintSize(body) + body + scan.idBytes);
  const out = session.outbox.bytes;
  out[at++] = ECHO_TAG;
  at = putVarint(out, at, body);
  if (length > 0) {
    out[at++] = CONTENT_TAG;
    at = putVarint(out, at, length);
    at = copyBytes(out, at, bytes, start, end);
  }
  copyBytes(out, at, bytes, scan.idStart, scan.idEnd);
}
