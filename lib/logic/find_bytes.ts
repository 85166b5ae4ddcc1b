/**
 * Finds bytes among bytes. Pure.
 */

/** Where `wanted`, which is not empty, begins in `bytes` first; -1 when it is not there. */
export function indexOfBytes(bytes: Uint8Array, wanted: Uint8Array): number {
  const last = bytes.length - wanted.length;
  const first = wanted[0];
  for (let at = bytes.indexOf(first); at >= 0 && at <= last; at = bytes.indexOf(first, at + 1)) {
    let length = 1;
    while (length < wanted.length && bytes[at + length] === wanted[length]) length++;
    if (length === wanted.length) return at;
  }
  return -1;
}
