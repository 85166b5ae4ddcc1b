/**
 * The hash FNV-1a of 32 bits, step by step: small, the same on every machine, and quick to write down.
 *
 * Non-goal: safety from those who choose what is hashed. Whoever wants to finds names that collide.
 * Source: http://www.isthe.com/chongo/tech/comp/fnv/
 */

/** What a hash begins with. */
export const FNV1A_START = 0x811c9dc5;
const PRIME = 0x01000193;

/** The hash after one more byte, as a signed integer of 32 bits. */
export function fnv1a(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, PRIME);
}
