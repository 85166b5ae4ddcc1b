/**
 * The form of tokens: `parley_` and 32 random bytes in base64url. What is stored of one is its SHA-256 in base64url,
 * from which nobody finds the token again. Pure: chance is an argument.
 */
import { fromBase64Url, toBase64Url } from "./password_hash.ts";

/** What every token begins with. */
export const TOKEN_PREFIX = "parley_";
/** The random bytes of a token. */
export const TOKEN_BYTES = 32;
/** The bytes of its hash. */
const HASH_BYTES = 32;

/** Makes a token of 32 random bytes. */
export function tokenOf(random: Uint8Array): string {
  return TOKEN_PREFIX + toBase64Url(random);
}

/** Whether a text has the form of a token: any other is refused before it is hashed. */
export function isToken(text: string): boolean {
  if (!text.startsWith(TOKEN_PREFIX)) return false;
  return fromBase64Url(text.slice(TOKEN_PREFIX.length))?.length === TOKEN_BYTES;
}

/** Whether a text has the form in which a token is stored. */
export function isTokenHash(text: string): boolean {
  return fromBase64Url(text)?.length === HASH_BYTES;
}

/** The longest JWT, in bytes: it has to fit into the first message of who has to say first who they are. */
export const MAX_JWT_BYTES = 8000;

/** Whether a text has the form of a signed JWT: three parts in base64url, of which the first begins an object. */
export function isJwt(text: string): boolean {
  return text.length <= MAX_JWT_BYTES && /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}
