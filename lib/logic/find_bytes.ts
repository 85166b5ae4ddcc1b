/**
 * Finds bytes among bytes, in a time that grows with their number alone, whatever they are. Pure.
 */

/** The number of comparisons a byte, after which a search goes on in the way that never looks at a byte twice. */
const PATIENCE = 4;

/** Where `wanted`, which is not empty, begins in `bytes` first; -1 when it is not there. */
export function indexOfBytes(bytes: Uint8Array, wanted: Uint8Array): number {
  const last = bytes.length - wanted.length;
  const first = wanted[0];
  let compared = 0;
  for (let at = bytes.indexOf(first); at >= 0 && at <= last; at = bytes.indexOf(first, at + 1)) {
    let length = 1;
    while (length < wanted.length && bytes[at + length] === wanted[length]) length++;
    if (length === wanted.length) return at;
    // Bytes that begin like what is wanted again and again would be compared with all of it each time.
    compared += length;
    if (compared > PATIENCE * (at + wanted.length)) return indexOfAnyBytes(bytes, wanted, at + 1);
  }
  return -1;
}

/** The same from `start` on, by the algorithm of Knuth, Morris and Pratt: at most two comparisons a byte. */
function indexOfAnyBytes(bytes: Uint8Array, wanted: Uint8Array, start: number): number {
  /** The length of the longest beginning of `wanted` that also ends at each of its bytes. */
  const again = new Uint32Array(wanted.length);
  for (let at = 1, length = 0; at < wanted.length; at++) {
    while (length > 0 && wanted[at] !== wanted[length]) length = again[length - 1];
    if (wanted[at] === wanted[length]) length++;
    again[at] = length;
  }
  for (let at = start, length = 0; at < bytes.length; at++) {
    while (length > 0 && bytes[at] !== wanted[length]) length = again[length - 1];
    if (bytes[at] === wanted[length]) length++;
    if (length === wanted.length) return at + 1 - length;
  }
  return -1;
}
