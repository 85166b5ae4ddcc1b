/**
 * What clients ask as records: their own bytes, behind a length as on any connection.
 */
import { copyBytes } from "../../wire/frame_writer.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { putVarint, varintSize } from "../../wire/varint.ts";
import { pullMessage } from "./forwarder_messages.ts";
import { RECORD } from "./records.ts";
import type { WorkChannel } from "./work_channel.ts";

/**
 * Puts the message that `scan` found in `bytes` into a record for a session, without fields that the message has besides; gives
 * the bytes of its body.
 */
export function putAsked(
  channel: WorkChannel,
  session: number,
  bytes: Uint8Array,
  scan: MessageScan,
): number {
  const { start, end, member, idStart, idEnd } = scan;
  const tag = member << 3 | 2;
  const message = varintSize(tag) + varintSize(end - start) + end - start + idEnd - idStart;
  const length = varintSize(message) + message;
  let at = channel.begin(RECORD.ask, session, length);
  const out = channel.bytes;
  at = putVarint(out, at, message);
  at = putVarint(out, at, tag);
  at = putVarint(out, at, end - start);
  at = copyBytes(out, at, bytes, start, end);
  copyBytes(out, at, bytes, idStart, idEnd);
  return length;
}

/** Puts a Pull without an id, with that body, into a record for a session; gives the bytes of the record's body. */
export function putPull(channel: WorkChannel, session: number, body: Uint8Array): number {
  const message = pullMessage(body);
  const length = varintSize(message.length) + message.length;
  const at = channel.begin(RECORD.ask, session, length);
  const out = channel.bytes;
  copyBytes(out, putVarint(out, at, message.length), message, 0, message.length);
  return length;
}
