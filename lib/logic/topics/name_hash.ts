/**
 * The hash of names by which maps and caches of this process find them.
 *
 * Each process hashes differently, and each character passes through the whole state, so that nobody can
 * choose names that collide. Non-goal: to be the same in the next process; hashes are never stored or
 * sent, and no result follows from them, only where things stand.
 */

const SEED = crypto.getRandomValues(new Int32Array(1))[0];
const MULTIPLIER = 0x9e3779b1 | 0;

/** The hash of `text` up to `end`, from 0 to 2³⁰ − 1, so always a small integer; it follows on `seed`. */
export function hashText(text: string, end: number = text.length, seed: number = SEED): number {
  let hash = seed;
  for (let i = 0; i < end; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), MULTIPLIER);
    hash ^= hash >>> 15;
  }
  return hash & 0x3fffffff;
}
