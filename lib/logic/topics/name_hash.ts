/**
 * Hashes and compares names as text and as bytes alike, so that what was kept under a text is found by
 * the bytes of a message without decoding them.
 *
 * Each process hashes differently, and each character passes through the whole state, so that nobody can
 * choose names that collide. Only ASCII is alike in both forms; for other bytes `hashBytes` says so.
 * Non-goal: to be the same in the next process; hashes are never stored or sent, and no result follows
 * from them, only where things stand.
 */

const SEED = crypto.getRandomValues(new Int32Array(1))[0];
const MULTIPLIER = 0x9e3779b1 | 0;

/** What `hashBytes` gives for bytes that are not all ASCII. */
export const NOT_ASCII = -1;

/** The hash of `text` up to `end`, from 0 to 2³⁰ − 1, so always a small integer; it follows on `seed`. */
export function hashText(text: string, end: number = text.length, seed: number = SEED): number {
  let hash = seed;
  for (let i = 0; i < end; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), MULTIPLIER);
    hash ^= hash >>> 15;
  }
  return hash & 0x3fffffff;
}

/** The hash of the text that the bytes from `start` to `end` are, or NOT_ASCII. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = SEED;
  let seen = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    seen |= byte;
    hash = Math.imul(hash ^ byte, MULTIPLIER);
    hash ^= hash >>> 15;
  }
  return seen < 0x80 ? hash & 0x3fffffff : NOT_ASCII;
}

/** Whether the bytes from `start` to `end`, all ASCII, are `text`. */
export function equalsBytes(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) !== bytes[start + i]) return false;
  }
  return true;
}
