/**
 * One pass over the top level of a message: which member of the oneof it is, where its body lies, and
 * the id. Nothing is decoded, nothing is allocated; bodies are looked into by those who answer them.
 *
 * It is as strict as the server wants its peers: minimal varints, no groups, the right wire type for
 * the fields it knows, and one member of the oneof a message. Fields it does not know are passed over, so
 * that newer clients can say more.
 *
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
import { type ParleyError, protocolError } from "../base/errors.ts";

/** The number of the id in both envelopes. */
export const ID_FIELD = 15;
/** The tag byte of the id: field 15, wire type varint. */
export const ID_TAG: number = (ID_FIELD << 3) | 0;
/** The largest number of a known member of the oneof; all up to it are given out, but the id's. */
const LAST_MEMBER = 17;

const NOTHING = new Uint8Array(0);

/** The findings of a scan. One object is reused for every message of a server. */
export class MessageScan {
  /** The bytes in which the message lies. */
  bytes: Uint8Array = NOTHING;
  /** The field number of the message's member; 0 when it has none. */
  member = 0;
  /** The offset at which the member's body begins. */
  start = 0;
  /** The offset behind the member's body. */
  end = 0;
  /** The offset of the id's tag; equal to `idEnd` when there is no id, or it is zero. */
  idStart = 0;
  /** The end of the id's value. */
  idEnd = 0;
  /** A field number that is not known, for the error; 0 when there was none. */
  unknown = 0;

  /** The offset behind the last tag or length that `#varint` read. */
  #at = 0;

  /** The bytes that the id takes with its tag; 0 without one. */
  get idBytes(): number {
    return this.idEnd - this.idStart;
  }

  /** The same findings, in a copy of the bytes from the beginning of the member or the id on. */
  copy(): MessageScan {
    const from = Math.min(this.start, this.idBytes > 0 ? this.idStart : this.start);
    const to = Math.max(this.end, this.idEnd);
    const copy = new MessageScan();
    copy.bytes = this.bytes.slice(from, to);
    copy.member = this.member;
    copy.start = this.start - from;
    copy.end = this.end - from;
    if (this.idBytes > 0) {
      copy.idStart = this.idStart - from;
      copy.idEnd = this.idEnd - from;
    }
    copy.unknown = this.unknown;
    return copy;
  }

  /**
   * Scans the message from `start` to `end` in `bytes`.
   *
   * Raises a ParleyError with close reason PROTOCOL_ERROR when the bytes are no protobuf message or
   * break one of the rules above.
   */
  scan(bytes: Uint8Array, start: number, end: number): void {
    if (this.bytes !== bytes) this.bytes = bytes;
    this.member = this.unknown = 0;
    this.start =
      this.end =
      this.idStart =
      this.idEnd =
        start;
    let at = start;
    while (at < end) {
      const tagAt = at;
      let tag = bytes[at++];
      if (tag >= 0x80) {
        tag = this.#varint(bytes, tagAt, end);
        at = this.#at;
      }
      const field = tag >>> 3;
      const wireType = tag & 0x07;
      if (wireType === 2) {
        if (at >= end) throw truncated();
        let length = bytes[at];
        if (length < 0x80) at++;
        else {
          length = this.#varint(bytes, at, end);
          at = this.#at;
        }
        if (length > end - at) throw truncated();
        if (field > 0 && field <= LAST_MEMBER && field !== ID_FIELD) {
          if (this.member !== 0) {
            throw protocolError("cannot read a message that sets two members of its oneof");
          }
          this.member = field;
          this.start = at;
          this.end = at + length;
        } else this.#pass(field, wireType);
        at += length;
      } else {
        at = this.#other(bytes, tagAt, at, end, field, wireType);
      }
    }
  }

  /** Passes over a field that is not length-delimited, and takes the id. */
  #other(
    bytes: Uint8Array,
    tagAt: number,
    at: number,
    end: number,
    field: number,
    wireType: number,
  ): number {
    if (field > 0 && field <= LAST_MEMBER && field !== ID_FIELD) {
      throw wrongWireType(field, wireType);
    }
    if (wireType === 0) {
      const behind = skipVarint(bytes, at, end);
      if (field === ID_FIELD) {
        const zero = bytes[at] === 0;
        this.idStart = zero ? behind : tagAt;
        this.idEnd = behind;
      } else this.#pass(field, wireType);
      return behind;
    }
    this.#pass(field, wireType);
    if (wireType !== 1 && wireType !== 5) throw wrongWireType(field, wireType);
    const behind = at + (wireType === 1 ? 8 : 4);
    if (behind > end) throw truncated();
    return behind;
  }

  /** Notes a field that is not known. */
  #pass(field: number, wireType: number): void {
    if (field === 0) throw protocolError("cannot read a field with the number 0");
    if (field === ID_FIELD) throw wrongWireType(field, wireType);
    this.unknown = field;
  }

  /** The value of the minimal varint of at most 5 bytes at `at`; `#at` is then the offset behind it. */
  #varint(bytes: Uint8Array, at: number, end: number): number {
    let value = 0;
    let scale = 1;
    for (let index = at; index < end; index++) {
      const byte = bytes[index];
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) {
        if (byte === 0 && index > at) throw overlong();
        if (value > 0xffffffff) throw overlong();
        this.#at = index + 1;
        return value;
      }
      if (index - at === 4) throw overlong();
    }
    throw truncated();
  }
}

/** The offset behind the minimal varint of at most 10 bytes at `at`. */
export function skipVarint(bytes: Uint8Array, at: number, end: number): number {
  for (let index = at; index < end; index++) {
    const byte = bytes[index];
    if (byte < 0x80) {
      if (byte === 0 && index > at) throw overlong();
      if (index - at === 9 && byte > 1) throw overlong();
      return index + 1;
    }
    if (index - at === 9) throw overlong();
  }
  throw truncated();
}

/** The error for bytes that end within a field. */
export function truncated(): ParleyError {
  return protocolError("cannot read a message that ends within a field");
}

/** The error for a varint that takes more bytes than it needs or may. */
export function overlong(): ParleyError {
  return protocolError("cannot read a varint that is not minimal or too long");
}

/** The error for a known field of the wrong wire type, and for groups. */
export function wrongWireType(field: number, wireType: number): ParleyError {
  return protocolError(`cannot read field ${field} with wire type ${wireType}`);
}
