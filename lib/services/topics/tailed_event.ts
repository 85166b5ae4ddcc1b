/**
 * Events as live tails give them: no more than the beginning of a payload, and how long it was.
 */
import { joinBytes } from "../../base/join_bytes.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import { putVarint, varintSize } from "../../wire/varint.ts";

/** The most bytes of a payload that are given. */
export const MAX_TAILED_BYTES = 16 * 1024;

/** Tags of TailedEvent: event and payload_bytes. */
const EVENT_TAG = 0x0a;
const PAYLOAD_BYTES_TAG = 0x10;

/** The number of Event.payload, and its tag. */
const PAYLOAD_FIELD = 2;
const PAYLOAD_TAG = 0x12;

/** An event that was cut, or was short enough. */
export interface CutEvent {
  readonly bytes: Uint8Array;
  /** How long its payload was. */
  readonly payloadBytes: number;
}

const fields = new FieldCursor();

/** A copy of the event that lies in `bytes` from `start` to `end`, with at most `most` bytes of its payload. */
export function cutPayload(
  bytes: Uint8Array,
  start: number,
  end: number,
  most: number,
): CutEvent {
  let payloadBytes = 0;
  let copied = start;
  const parts: Uint8Array[] = [];
  fields.open(bytes, start, end);
  while (fields.next()) {
    if (fields.field !== PAYLOAD_FIELD) continue;
    payloadBytes = fields.end - fields.start;
    if (payloadBytes <= most) continue;
    parts.push(bytes.subarray(copied, fields.start - varintSize(payloadBytes) - 1));
    const head = new Uint8Array(1 + varintSize(most));
    head[0] = PAYLOAD_TAG;
    putVarint(head, 1, most);
    parts.push(head, bytes.subarray(fields.start, fields.start + most));
    copied = fields.end;
  }
  if (copied === start) return { bytes: bytes.slice(start, end), payloadBytes };
  return { bytes: joinBytes([...parts, bytes.subarray(copied, end)]), payloadBytes };
}

/** The event that lies in `frames` from `start` to `end` as a TailedEvent. */
export function tailedEvent(frames: Uint8Array, start: number, end: number): Uint8Array {
  const { bytes, payloadBytes } = cutPayload(frames, start, end, MAX_TAILED_BYTES);
  const { length } = bytes;
  const size = 2 + varintSize(length) + length + varintSize(payloadBytes);
  const tailed = new Uint8Array(size);
  tailed[0] = EVENT_TAG;
  let at = putVarint(tailed, 1, length);
  tailed.set(bytes, at);
  at += length;
  tailed[at++] = PAYLOAD_BYTES_TAG;
  putVarint(tailed, at, payloadBytes);
  return tailed;
}
