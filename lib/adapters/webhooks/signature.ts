/**
 * Signatures of webhooks in the manner of Standard Webhooks 1.0: HMAC-SHA256 over id, time and body.
 */
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";

/** What stands before a secret. */
const PREFIX = "whsec_";
/** The bytes that a secret may have. */
const LEAST_BYTES = 24, MOST_BYTES = 64;
export const SECRET_FORM =
  `${PREFIX} and ${LEAST_BYTES} to ${MOST_BYTES} random bytes in base64, ` +
  `as \`echo "${PREFIX}$(openssl rand -base64 32)"\` makes one`;

/** The key of a secret; null for what is none. */
export function keyOfSecret(secret: string): Uint8Array | null {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : "";
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return null;
  const key = Buffer.from(text, "base64");
  return key.length >= LEAST_BYTES && key.length <= MOST_BYTES ? key : null;
}

/** The header webhook-signature: a signature by each secret. */
export function signatureOf(
  { id, seconds, body }: { id: string; seconds: number; body: Uint8Array },
  secrets: readonly string[],
): string {
  return secrets.map((secret) => {
    const key = keyOfSecret(secret);
    if (key === null) throw new Error("broken invariant: secrets were checked");
    const mac = createHmac("sha256", key).update(`${id}.${seconds}.`).update(body);
    return `v1,${mac.digest("base64")}`;
  }).join(" ");
}
