/**
 * DER, the binary form of certificates (X.690): as much as one certificate needs, written and read.
 *
 * Reading is strict: a length is minimal, lies within what is there, and indefinite lengths are refused.
 */

/** A value as it lies in its bytes. */
interface DerValue {
  /** The first byte, with class and constructed bit. */
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The tags that are used here. */
export const TAG = Object.freeze({
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
});

/** Writes a value with its tag and length. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = contents.reduce((sum, content) => sum + content.length, 0);
  const length = size < 0x80
    ? [size]
    : size < 0x100
    ? [0x81, size]
    : [0x82, size >>> 8, size & 0xff];
  if (size > 0xffff) throw new RangeError(`${size} bytes are too many for this writer`);
  const bytes = new Uint8Array(1 + length.length + size);
  bytes.set([tag, ...length]);
  let at = 1 + length.length;
  for (const content of contents) {
    bytes.set(content, at);
    at += content.length;
  }
  return bytes;
}

/** Writes an object identifier such as "2.5.29.17". */
export function objectId(dotted: string): Uint8Array<ArrayBuffer> {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  const bytes: number[] = [];
  for (const part of [first * 40 + second, ...rest]) {
    const groups = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift(left & 0x7f | 0x80);
    bytes.push(...groups);
  }
  return der(TAG.objectId, Uint8Array.from(bytes));
}

/** Reads the values that lie one behind the other in `bytes`. Raises RangeError when they are not DER. */
export function readDer(bytes: Uint8Array): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at];
    if ((tag & 0x1f) === 0x1f) throw new RangeError("a tag has more than one byte");
    let length = bytes[at + 1];
    let start = at + 2;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 3) throw new RangeError("a length is indefinite or too large");
      length = 0;
      for (let index = 0; index < count; index++) length = length << 8 | bytes[start + index];
      start += count;
      if (length < 0x80 || count > 1 && length < 1 << 8 * (count - 1)) {
        throw new RangeError("a length is not minimal");
      }
    }
    if (!(start + length <= bytes.length)) throw new RangeError("a value goes on past its end");
    values.push({ tag, content: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return values;
}
