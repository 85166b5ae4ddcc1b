/**
 * The form in which a password is stored: `scrypt$N$r$p$salt$hash`, salt and hash in base64url without padding.
 *
 * Read strictly and with bounds, so that no file of users can ask for more memory or time than a login may cost.
 * Pure: who computes a hash stands in ports/secrets.
 */
import type { ScryptCost } from "../../base/scrypt_cost.ts";

/** What a new password costs: 16 MiB, and some 50 ms of one core. */
export const USUAL_COST: ScryptCost = Object.freeze({ n: 16_384, r: 8, p: 1 });

/** The most memory of one hash, 128 · N · r bytes. */
export const MAX_HASH_MEMORY_BYTES = 64 * 1024 * 1024;

/** The bounds of the other numbers. */
export const HASH_BOUNDS = Object.freeze(
  {
    n: [1024, 131_072],
    r: [1, 32],
    p: [1, 4],
    saltBytes: [16, 64],
    hashBytes: [32, 64],
  } as const,
);

/** The bytes of a new salt and of a new hash. */
export const SALT_BYTES = 16;
export const HASH_BYTES = 32;

/** The longest password, in bytes: more is not hashed. */
export const MAX_PASSWORD_BYTES = 1024;

/** The least characters of a new password. */
export const MIN_PASSWORD_CHARACTERS = 8;

/** Says what is wrong with a new password; null when it may be one. */
export function newPasswordFault(password: string): string | null {
  if ([...password].length < MIN_PASSWORD_CHARACTERS) {
    return `a new password has at least ${MIN_PASSWORD_CHARACTERS} characters`;
  }
  return new TextEncoder().encode(password).length > MAX_PASSWORD_BYTES
    ? `a password has at most ${MAX_PASSWORD_BYTES} bytes`
    : null;
}

/** A stored password. */
export interface PasswordHash {
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

const FORM = /^scrypt\$([1-9]\d{0,6})\$([1-9]\d?)\$([1-9]\d?)\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]+)$/;

/** Reads a stored password; null when it is none, or asks for more than the bounds. */
export function parsePasswordHash(text: string): PasswordHash | null {
  if (text.length > 256) return null;
  const found = FORM.exec(text);
  if (found === null) return null;
  const [n, r, p] = found.slice(1, 4).map(Number);
  const salt = fromBase64Url(found[4]);
  const hash = fromBase64Url(found[5]);
  if (salt === null || hash === null) return null;
  const within = isWithin(n, HASH_BOUNDS.n) && isWithin(r, HASH_BOUNDS.r) &&
    isWithin(p, HASH_BOUNDS.p) && isWithin(salt.length, HASH_BOUNDS.saltBytes) &&
    isWithin(hash.length, HASH_BOUNDS.hashBytes);
  const isPowerOfTwo = (n & (n - 1)) === 0;
  if (!within || !isPowerOfTwo || 128 * n * r > MAX_HASH_MEMORY_BYTES) return null;
  return { cost: { n, r, p }, salt, hash };
}

/** Writes a password as it is stored. */
export function formatPasswordHash({ cost, salt, hash }: PasswordHash): string {
  return `scrypt$${cost.n}$${cost.r}$${cost.p}$${toBase64Url(salt)}$${toBase64Url(hash)}`;
}

/** Whether two values are the same; how long that takes tells only whether they are equally long. */
export function isSameSecret(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let index = 0; index < one.length; index++) difference |= one[index] ^ other[index];
  return difference === 0;
}

/** Bytes in base64url without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Reads base64url without padding; null when it is not, or not in its one form. */
export function fromBase64Url(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return toBase64Url(bytes) === text ? bytes : null;
}

function isWithin(value: number, [least, most]: readonly [number, number]): boolean {
  return value >= least && value <= most;
}
