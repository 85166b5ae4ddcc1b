/**
 * Walks over the fields of one message's body, without decoding or allocating.
 *
 * As strict as MessageScan: minimal varints, no groups, nothing that ends within a field. Raises a
 * ParleyError with close reason PROTOCOL_ERROR for everything else.
 */
import { protocolError } from "../base/errors.ts";
import { overlong, skipVarint, truncated, wrongWireType } from "./message_scan.ts";

/** A place in a body; reused from body to body. */
export class FieldCursor {
  /** The number of the present field. */
  field = 0;
  /** The wire type of the present field: 0, 1, 2 or 5. */
  wireType = 0;
  /** The offset at which the field's value begins (for wire type 2: behind the length). */
  start = 0;
  /** The offset behind the field's value. */
  end = 0;

  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #limit = 0;

  /** Starts in front of the first field of the body from `start` to `end`. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#limit = end;
  }

  /** Moves to the next field; false behind the last one. */
  next(): boolean {
    if (this.#at >= this.#limit) return false;
    const bytes = this.#bytes;
    const limit = this.#limit;
    const tag = this.#varint32();
    this.field = tag >>> 3;
    this.wireType = tag & 0x07;
    if (this.field === 0) throw protocolError("cannot read a field with the number 0");
    if (this.wireType === 2) {
      const length = this.#varint32();
      this.start = this.#at;
      if (length > limit - this.#at) throw truncated();
      this.#at += length;
    } else if (this.wireType === 0) {
      this.start = this.#at;
      this.#at = skipVarint(bytes, this.#at, limit);
    } else if (this.wireType === 1 || this.wireType === 5) {
      this.start = this.#at;
      this.#at += this.wireType === 1 ? 8 : 4;
      if (this.#at > limit) throw truncated();
    } else {
      throw wrongWireType(this.field, this.wireType);
    }
    this.end = this.#at;
    return true;
  }

  /** Raises unless the present field has this wire type. */
  expect(wireType: number): void {
    if (this.wireType !== wireType) throw wrongWireType(this.field, this.wireType);
  }

  /** The present varint as protobuf reads an int32: its low 32 bits. */
  int32(): number {
    this.expect(0);
    let value = 0;
    const end = Math.min(this.end, this.start + 5);
    for (let at = this.start, shift = 0; at < end; at++, shift += 7) {
      value |= (this.#bytes[at] & 0x7f) << shift;
    }
    return value | 0;
  }

  /** The present varint as a number; of values past 2^53 the low digits are lost. */
  uint53(): number {
    this.expect(0);
    let value = 0;
    for (let at = this.end - 1; at >= this.start; at--) {
      value = value * 128 + (this.#bytes[at] & 0x7f);
    }
    return value;
  }

  /** Reads a minimal varint of at most 32 bits, and steps behind it. */
  #varint32(): number {
    const bytes = this.#bytes;
    const limit = this.#limit;
    let at = this.#at;
    if (at >= limit) throw truncated();
    const first = bytes[at++];
    if (first < 0x80) {
      this.#at = at;
      return first;
    }
    let value = first & 0x7f;
    let scale = 128;
    for (let count = 2; at < limit; count++) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 || value > 0xffffffff) throw overlong();
        this.#at = at;
        return value;
      }
      if (count === 5) throw overlong();
      scale *= 128;
    }
    throw truncated();
  }
}
