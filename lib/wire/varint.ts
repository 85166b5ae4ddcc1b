/**
 * Protobuf's base-128 varints, written and measured without allocation.
 *
 * Reading stays with those who scan (frame_reader, message_scan), because each of them needs another
 * answer to "there is not enough yet". Values are unsigned integers up to 2^53 - 1.
 *
 * Source: the wire format in https://protobuf.dev/programming-guides/encoding/#varints
 */

/** The number of bytes that `value` takes; `value` is an integer from 0 to 2^32 - 1. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  if (value < 0x10000000) return 4;
  return 5;
}

/** The number of bytes that `value` takes; `value` is an integer from 0 to 2^53 - 1. */
export function varint53Size(value: number): number {
  let size = 1;
  for (; value >= 0x80; size++) value = Math.floor(value / 128);
  return size;
}

/** Writes `value` (0 to 2^32 - 1) at `offset` and gives the offset behind it. The caller made room. */
export function putVarint(bytes: Uint8Array, offset: number, value: number): number {
  while (value > 0x7f) {
    bytes[offset++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  bytes[offset++] = value;
  return offset;
}

/** Writes `value` (0 to 2^53 - 1) at `offset` and gives the offset behind it. The caller made room. */
export function putVarint53(bytes: Uint8Array, offset: number, value: number): number {
  while (value > 0xffffffff) {
    bytes[offset++] = (value % 128) | 0x80;
    value = Math.floor(value / 128);
  }
  return putVarint(bytes, offset, value);
}

/** The number of bytes that an int32 takes: negative ones are sign-extended to ten. */
export function int32Size(value: number): number {
  return value < 0 ? 10 : varintSize(value);
}

/** Writes an int32 as protobuf does, and gives the offset behind it. The caller made room. */
export function putInt32(bytes: Uint8Array, offset: number, value: number): number {
  if (value >= 0) return putVarint(bytes, offset, value);
  for (let index = 0; index < 5; index++) {
    bytes[offset++] = (value & 0x7f) | 0x80;
    value >>= 7;
  }
  for (let index = 5; index < 9; index++) bytes[offset++] = 0xff;
  bytes[offset++] = 0x01;
  return offset;
}
