/**
 * Several arrays of bytes as one.
 *
 * Non-goal: the hot path, where bytes are copied into buffers that are there already.
 */

/** The bytes of all parts, one behind the other, in an array of their own. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
