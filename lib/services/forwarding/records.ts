/**
 * What two nodes say to each other of forwarded sessions: records, one behind the other on a channel that keeps their order.
 *
 * A record has a head of nine bytes: its kind, the number of the session that it is about (0 for none) and the length of its
 * body, both as 32 bits, big-endian. Bodies of data are given piece by piece as they come, those of all other kinds whole.
 */

/** The kinds of records. The node that asks has the clients, the node that hosts does their work. */
export const RECORD = {
  /** From who asks: a session begins; the body says who it is. */
  open: 1,
  /** From who asks: bytes of a session's client, frames of ClientMessage. */
  ask: 2,
  /** From who asks: the client is somebody else by now, or may do something else. */
  identity: 3,
  /** From who asks: the client has finished sending. */
  finish: 4,
  /** From who asks: the client is gone. */
  close: 5,
  /** From who asks: so many bytes of answers were taken. */
  tookAnswers: 6,
  /** From who hosts: bytes for a session's client, frames of ServerMessage. */
  answer: 7,
  /** From who hosts: so many bytes of what was asked were taken. */
  tookAsked: 8,
  /** From who hosts: the client's connection is to end; the body says why. */
  end: 9,
  /** From who hosts: the session is over there; with a body it was refused, and nothing was done. */
  closed: 10,
  /** From who hosts: what follows is true once the log was applied up to this position. */
  position: 11,
} as const;

/** A kind of record. */
export type RecordKind = typeof RECORD[keyof typeof RECORD];

/** The bytes of a head. */
export const HEAD_BYTES = 9;
/** The longest body that is no data. */
export const MAX_BODY_BYTES = 1024 * 1024;

const NOTHING = new Uint8Array(0);

/** Writes the head of a record, and gives the offset behind it. The caller made room. */
export function putHead(
  bytes: Uint8Array,
  at: number,
  { kind, session, length }: { kind: RecordKind; session: number; length: number },
): number {
  bytes[at++] = kind;
  at = putUint32(bytes, at, session);
  return putUint32(bytes, at, length);
}

function putUint32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at++] = value >>> 24;
  bytes[at++] = (value >>> 16) & 0xff;
  bytes[at++] = (value >>> 8) & 0xff;
  bytes[at++] = value & 0xff;
  return at;
}

/** The number in a body: an amount of bytes, or a position. */
export function numberIn(bytes: Uint8Array, start: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + start, 8).getFloat64(0);
}

/** A number as a body. */
export function numberBody(value: number): Uint8Array {
  const body = new Uint8Array(8);
  new DataView(body.buffer).setFloat64(0, value);
  return body;
}

/** Takes the bytes of a channel apart, however they were cut. */
export class RecordReader {
  /** The present record, or the present piece of its data, which lies in `bytes` from `start` to `end`. */
  kind = 0;
  session = 0;
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  #input: Uint8Array = NOTHING;
  #at = 0;
  readonly #head = new Uint8Array(HEAD_BYTES);
  #headLength = 0;
  /** The bytes of the present body that are to come. */
  #left = 0;
  /** A body that gathers because it did not come whole; null for data. */
  #body: Uint8Array | null = null;

  /** Goes on with the next bytes, once `next` has given false. They are read until it does so again. */
  open(input: Uint8Array): void {
    this.#input = input;
    this.#at = 0;
  }

  /** Moves to the next record or piece of data; false when the bytes are used up. Raises an Error for what is no record. */
  next(): boolean {
    while (this.#left === 0) {
      if (!this.#readHead()) return false;
      if (!isData(this.kind)) return this.#beginBody();
    }
    return this.#goOn();
  }

  #readHead(): boolean {
    const head = this.#head;
    const input = this.#input;
    while (this.#headLength < HEAD_BYTES) {
      if (this.#at === input.length) return false;
      head[this.#headLength++] = input[this.#at++];
    }
    this.#headLength = 0;
    this.kind = head[0];
    this.session = uint32(head, 1);
    this.#left = uint32(head, 5);
    if (this.kind === 0 || this.kind > RECORD.position) {
      throw new Error(`it sends records of kind ${this.kind}, which this version does not know`);
    }
    return true;
  }

  #beginBody(): boolean {
    const length = this.#left;
    if (length > MAX_BODY_BYTES) throw new Error(`it sends a record of ${length} bytes`);
    if (this.#input.length - this.#at >= length) {
      this.#left = 0;
      return this.#found(this.#input, this.#at, this.#at += length);
    }
    this.#body = new Uint8Array(length);
    return this.#goOn();
  }

  #goOn(): boolean {
    const body = this.#body;
    const from = this.#at;
    const count = Math.min(this.#left, this.#input.length - from);
    if (count === 0) return false;
    this.#at += count;
    if (body === null) {
      this.#left -= count;
      return this.#found(this.#input, from, this.#at);
    }
    body.set(this.#input.subarray(from, this.#at), body.length - this.#left);
    this.#left -= count;
    if (this.#left > 0) return false;
    this.#body = null;
    return this.#found(body, 0, body.length);
  }

  #found(bytes: Uint8Array, start: number, end: number): true {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    return true;
  }
}

function isData(kind: number): boolean {
  return kind === RECORD.ask || kind === RECORD.answer;
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
