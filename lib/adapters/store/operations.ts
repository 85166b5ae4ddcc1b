/**
 * The batch buffer: operations one behind the other in one transferable buffer, written by the thread
 * that publishes and read by the one that commits.
 *
 * An operation is a header of 40 bytes and its payload, padded to 8. The header is: kind, payload length, four
 * integers `a` to `d` by kind, and two doubles, the number and the time. A new kind of durable thing needs a kind
 * of operation here, a case in the front that hands it over, and a case where backends apply batches; it is then
 * in the same transaction as all others.
 */
import type { Entry } from "../../ports/entry.ts";
import { copyBytes } from "../../wire/frame_writer.ts";
import { putVarint53 } from "../../wire/varint.ts";

/** The kinds of operations. */
export const Operation = {
  /**
   * Names a topic: `a` is its number; the payload is its name, with who made it, the number the seq behind which its
   * events begin. Has no entry.
   */
  TOPIC: 1,
  /**
   * Keeps an event or a job: `a` topic, `b` and `c` where its message_id begins in the body, and its length,
   * `d` which chunk it goes into, one of Chunking.
   */
  EVENT: 2,
  /** Tells of an event that was there already: `a` topic. Has no payload, and is not applied. */
  DUPLICATE: 3,
  /** Sets a record: `a` length of the key; the payload is key and value. */
  PUT: 4,
  /** Removes a record: `a` length of the key; the payload is the key. */
  REMOVE: 5,
  /** Replaces the states of the chunk that begins with the number: `a` topic; the payload is them. Has no entry. */
  STATES: 6,
  /** Drops the chunk that begins with the number: `a` topic. Has no entry. */
  DROP: 7,
  /** Forgets an empty topic or queue: `a` topic; the number is the last seq that it gave. */
  FORGET: 8,
} as const;

/** The choice of the chunk that an event or a job goes into. */
export const Chunking = {
  /** The backend chooses, as for all events. */
  FREE: 0,
  /** The job begins a chunk. */
  BEGIN: 1,
  /** The job goes into the chunk of the job before it, however large that becomes. */
  STAY: 2,
} as const;

/** Whether an operation of this kind has an entry, which a caller is told of. */
export function hasEntry(kind: number): boolean {
  return kind !== Operation.TOPIC && kind !== Operation.STATES && kind !== Operation.DROP;
}

/** Whether the operations in the first `length` bytes of `buffer` change anything: duplicates do not. */
export function isNew(buffer: ArrayBuffer, length: number): boolean {
  const cursor = new OperationCursor();
  cursor.open(buffer, length);
  while (cursor.next()) if (cursor.kind !== Operation.DUPLICATE) return true;
  return false;
}

/** Whether `buffer` is whole operations, one behind the other, of kinds that are known. */
export function isWhole(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength % 8 !== 0) return false;
  const ints = new Int32Array(buffer);
  let at = 0;
  while (at + HEADER_BYTES <= buffer.byteLength) {
    const [kind, payload] = [ints[at >>> 2], ints[(at >>> 2) + 1]];
    if (kind < Operation.TOPIC || kind > Operation.FORGET || payload < 0) return false;
    at += HEADER_BYTES + ((payload + 7) & ~7);
  }
  return at === buffer.byteLength;
}

const HEADER_BYTES = 40;
/** Tag of Event.seq: field 12, varint. */
const SEQ_TAG = 0x60;
/** The most bytes of the seq's tag and value, and of the padding. */
const SLACK_BYTES = 1 + 8 + 8;
/** The smallest buffer. */
const FIRST_BYTES = 64 * 1024;

/** Writes operations. */
export class OperationBuffer {
  /** The bytes of the operations, up to `length`. */
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;
  #ints: Int32Array;
  #floats: Float64Array;

  constructor(buffer: ArrayBuffer = new ArrayBuffer(FIRST_BYTES)) {
    this.bytes = new Uint8Array(buffer);
    this.#ints = new Int32Array(buffer);
    this.#floats = new Float64Array(buffer);
  }

  /** Adds an event or a job with its seq stamp; `chunking` is one of Chunking. Gives the length of the body. */
  event(topic: number, entry: Entry, seq: number, chunking: number = Chunking.FREE): number {
    const { bytes, start, end, stamps, stampsLength } = entry;
    this.#reserve(entry.length);
    const body = this.length + HEADER_BYTES;
    const out = this.bytes;
    let at = copyBytes(out, body, bytes, start, end);
    for (let index = 0; index < stampsLength; index++) out[at++] = stamps[index];
    out[at++] = SEQ_TAG;
    at = putVarint53(out, at, seq);
    const idLength = entry.idEnd - entry.idStart;
    const ints = this.#head(Operation.EVENT, at - body, topic);
    const head = this.length >>> 2;
    ints[head + 3] = idLength === 0 ? 0 : entry.idStart - start;
    ints[head + 4] = idLength;
    ints[head + 5] = chunking;
    this.#close(seq, entry.timeMs, at - body);
    return at - body;
  }

  /** Adds that an event or a job was there already, with the seq that it got then. */
  duplicate(topic: number, seq: number, timeMs: number): void {
    this.#reserve(0);
    this.#head(Operation.DUPLICATE, 0, topic);
    this.#close(seq, timeMs, 0);
  }

  /** Adds that the record `key` has this value now, or is removed when that is null. */
  record(key: Uint8Array, value: Uint8Array | null, revision: number): void {
    const payload = key.length + (value?.length ?? 0);
    this.#reserve(payload);
    const at = this.length + HEADER_BYTES;
    this.bytes.set(key, at);
    if (value !== null) this.bytes.set(value, at + key.length);
    this.#head(value === null ? Operation.REMOVE : Operation.PUT, payload, key.length);
    this.#close(revision, 0, payload);
  }

  /** Adds an operation of any other kind about a topic or queue. */
  add(kind: number, topic: number, number: number, payload: Uint8Array = NOTHING): void {
    this.#reserve(payload.length);
    this.bytes.set(payload, this.length + HEADER_BYTES);
    this.#head(kind, payload.length, topic);
    this.#close(number, 0, payload.length);
  }

  /** Writes the head of an operation; gives the numbers that it lies in. */
  #head(kind: number, payload: number, a: number): Int32Array {
    const ints = this.#ints;
    const at = this.length >>> 2;
    ints[at] = kind;
    ints[at + 1] = payload;
    ints[at + 2] = a;
    ints[at + 3] = ints[at + 4] = ints[at + 5] = 0;
    return ints;
  }

  #close(number: number, timeMs: number, payload: number): void {
    const at = this.length >>> 3;
    this.#floats[at + 3] = number;
    this.#floats[at + 4] = timeMs;
    this.length += HEADER_BYTES + ((payload + 7) & ~7);
  }

  #reserve(payload: number): void {
    const needed = this.length + HEADER_BYTES + payload + SLACK_BYTES;
    if (needed <= this.bytes.length) return;
    let size = this.bytes.length;
    while (size < needed) size *= 2;
    const buffer = new ArrayBuffer(size);
    const bytes = new Uint8Array(buffer);
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.#ints = new Int32Array(buffer);
    this.#floats = new Float64Array(buffer);
  }
}

const NOTHING = new Uint8Array(0);

/** A walk over operations; the fields tell about the present one. */
export class OperationCursor {
  bytes: Uint8Array<ArrayBuffer> = NOTHING;
  kind = 0;
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  number = 0;
  timeMs = 0;
  /** The payload lies from `start` to `end`. */
  start = 0;
  end = 0;
  #ints: Int32Array = new Int32Array(0);
  #floats: Float64Array = new Float64Array(0);
  #at = 0;
  #length = 0;

  /** Starts in front of the first operation. */
  open(buffer: ArrayBuffer, length: number): void {
    if (this.bytes.buffer !== buffer || this.bytes.length === 0) {
      this.bytes = new Uint8Array(buffer);
      this.#ints = new Int32Array(buffer);
      this.#floats = new Float64Array(buffer);
    }
    this.#at = 0;
    this.#length = length;
  }

  /** Moves to the next operation; false behind the last one. */
  next(): boolean {
    if (this.#at >= this.#length) return false;
    const ints = this.#ints;
    const index = this.#at >>> 2;
    const payload = ints[index + 1];
    this.kind = ints[index];
    this.a = ints[index + 2];
    this.b = ints[index + 3];
    this.c = ints[index + 4];
    this.d = ints[index + 5];
    this.number = this.#floats[(this.#at >>> 3) + 3];
    this.timeMs = this.#floats[(this.#at >>> 3) + 4];
    this.start = this.#at + HEADER_BYTES;
    this.end = this.start + payload;
    this.#at += HEADER_BYTES + ((payload + 7) & ~7);
    return true;
  }
}
