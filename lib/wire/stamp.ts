/**
 * The stamps that the server adds to a message that it hands on: fields appended behind the bytes as they came.
 *
 * In protobuf the order of fields is free, so stamping needs no decoding. The sender's part never
 * changes; the time is that of the turn in which the bytes were read, so a turn stamps once.
 */
import { copyBytes } from "./frame_writer.ts";
import { putVarint, putVarint53 } from "./varint.ts";

/** Tag of sender: field 11, length-delimited. */
const SENDER_TAG = 0x5a;
/** Tag of time_unix_micros: field 13, varint. */
const TIME_TAG = 0x68;
/** Tag of group: field 14, length-delimited. */
const GROUP_TAG = 0x72;
/** The number of the field with a group's pattern. Only nodes of a cluster send it to each other. */
export const GROUP_PATTERN_FIELD = 1000;
/** The most bytes that the tag and the value of the time take. */
const TIME_BYTES = 1 + 8;

const encoder = new TextEncoder();

/** The stamps of one sender: `bytes` up to `length` are appended to what it sends. */
export class SenderStamps {
  readonly bytes: Uint8Array;
  length: number;
  readonly #timeAt: number;
  #wallMs = -1;

  /** `sender` is the session's id, at most 127 bytes. */
  constructor(sender: string) {
    const text = encoder.encode(sender);
    this.bytes = new Uint8Array(2 + text.length + TIME_BYTES);
    this.bytes[0] = SENDER_TAG;
    this.bytes[1] = text.length;
    this.bytes.set(text, 2);
    this.length = this.#timeAt = 2 + text.length;
  }

  /** Sets the time of the stamps, in milliseconds since 1970. */
  setTime(wallMs: number): void {
    if (wallMs === this.#wallMs) return;
    this.#wallMs = wallMs;
    this.bytes[this.#timeAt] = TIME_TAG;
    this.length = putVarint53(this.bytes, this.#timeAt + 1, wallMs * 1000);
  }
}

/** The stamp that names the group of a delivery; towards another node also the pattern of the group, if there is one. */
export function groupStamp(group: string, pattern = ""): Uint8Array {
  const [name, its] = [encoder.encode(group), encoder.encode(pattern)];
  const stamp = new Uint8Array(1 + 5 + name.length + 2 + 5 + its.length);
  stamp[0] = GROUP_TAG;
  let at = putVarint(stamp, 1, name.length);
  at = copyBytes(stamp, at, name, 0, name.length);
  if (pattern !== "") {
    at = putVarint(stamp, at, GROUP_PATTERN_FIELD << 3 | 2);
    at = putVarint(stamp, at, its.length);
    at = copyBytes(stamp, at, its, 0, its.length);
  }
  return stamp.subarray(0, at);
}
