/**
 * The keys of JWTs, read from a secret, from PEM and from JWKS.
 *
 * Invariants: every key is bound to the algorithms of its kind, so that no public key is ever used as a secret; what is
 * a private key, or a secret among public keys, is not taken; a key that the runtime cannot use is found out when it is
 * read. Nothing of a key is part of an error.
 */
import { createPublicKey } from "node:crypto";
import { base64url, calculateJwkThumbprint, importJWK, type JWK } from "jose";
import { logger } from "../../base/log.ts";
import { COORDINATE_BYTES, CURVES, MIN_RSA_BITS, RSA, SECRETS } from "./jwt_algorithms.ts";

const log = logger("server");

/** What only private keys, or secrets, have. */
const PRIVATE = ["d", "k", "p", "q", "dp", "dq", "qi"];

/** The most keys of one JWKS. */
export const MAX_JWKS_KEYS = 64;
/** The largest JWKS, secret or PEM, in bytes. */
export const MAX_KEY_BYTES = 256 * 1024;

/** A key that JWTs can be verified with. */
export interface JwtKey {
  readonly jwk: JWK;
  /** Its `kid`; null when it has none. */
  readonly kid: string | null;
  readonly algorithms: readonly string[];
  /** Names it, and tells nothing of it. */
  readonly name: string;
}

/** The key of a secret. Rejects with an Error that says what is wrong. */
export async function keyOfSecret(bytes: Uint8Array): Promise<JwtKey> {
  const length = bytes.at(-1) === 0x0a
    ? bytes.length - (bytes.at(-2) === 0x0d ? 2 : 1)
    : bytes.length;
  const algorithms = SECRETS.filter(([, least]) => length >= least).map(([name]) => name);
  if (algorithms.length === 0) {
    throw new Error(`it has ${length} bytes, but a secret has at least ${SECRETS[0][1]}`);
  }
  const jwk: JWK = { kty: "oct", k: base64url.encode(bytes.subarray(0, length)) };
  return await keyOf(jwk, algorithms);
}

/** The key of a public key in PEM. Rejects with an Error that says what is wrong. */
export async function keyOfPem(text: string): Promise<JwtKey> {
  if (text.includes("PRIVATE KEY")) {
    throw new Error("it has a private key: put the public one there, and nothing else");
  }
  let jwk: JWK;
  try {
    jwk = createPublicKey(text).export({ format: "jwk" }) as JWK;
  } catch {
    throw new Error("it is no public key in PEM, or of a kind that cannot be used");
  }
  return await keyOf(jwk, algorithmsOf(jwk));
}

/**
 * The keys of a JWKS; those that are for something else are passed over. Rejects with an Error that says what is wrong;
 * with `isStrict` also for a private key, a secret, or a key that cannot be used, which is passed over otherwise.
 */
export async function keysOfJwks(text: string, isStrict: boolean): Promise<JwtKey[]> {
  let found: unknown;
  try {
    found = (JSON.parse(text) as { keys?: unknown } | null)?.keys;
  } catch {
    throw new Error("it is not JSON");
  }
  if (!Array.isArray(found)) throw new Error('it is no JWKS: it has no list "keys"');
  if (found.length > MAX_JWKS_KEYS) {
    throw new Error(`it has ${found.length} keys, at most ${MAX_JWKS_KEYS} are taken`);
  }
  const keys: JwtKey[] = [];
  for (const one of found as JWK[]) {
    if (typeof one !== "object" || one === null || !isForSignatures(one)) continue;
    if (PRIVATE.some((name) => Object.hasOwn(one, name))) {
      if (isStrict) throw new Error("it has a private key or a secret: only public keys are taken");
      continue;
    }
    const kind = one.kty === "RSA" ? RSA : CURVES[String(one.crv)];
    if (kind === undefined) continue;
    const wanted = one.alg === undefined ? algorithmsOf(one) : [one.alg];
    if (isStrict) keys.push(await keyOf(one, wanted));
    else keys.push(...await keyIfUsable(one, wanted));
  }
  if (keys.length === 0) {
    throw new Error("it has no public key that signatures can be verified with");
  }
  return keys;
}

/** The key, or none and a warning: one that cannot be used among those of others does no harm. */
async function keyIfUsable(jwk: JWK, wanted: readonly string[]): Promise<JwtKey[]> {
  try {
    return [await keyOf(jwk, wanted)];
  } catch (reason) {
    log.warning("a key of a JWKS is passed over: {reason}", {
      reason: (reason as Error).message,
      kid: String(jwk.kid ?? ""),
    });
    return [];
  }
}

/** Rejects when nothing can be verified with the key. */
async function tryOut(key: CryptoKey, signatureBytes: number): Promise<void> {
  const { namedCurve } = key.algorithm as { namedCurve?: string };
  const hash = namedCurve === "P-256" ? "SHA-256" : namedCurve === "P-384" ? "SHA-384" : "SHA-512";
  const nothing = new Uint8Array(signatureBytes).fill(1);
  await crypto.subtle.verify({ name: "ECDSA", hash }, key, nothing, nothing);
}

function isForSignatures({ kty, use, key_ops: operations }: JWK): boolean {
  return (kty === "RSA" || kty === "EC" || kty === "OKP") && (use === undefined || use === "sig") &&
    (operations === undefined || Array.isArray(operations) && operations.includes("verify"));
}

function algorithmsOf({ kty, crv }: JWK): readonly string[] {
  return kty === "RSA" ? RSA : CURVES[String(crv)] ?? [];
}

/** The key, once the runtime has shown that it can use it. */
async function keyOf(jwk: JWK, wanted: readonly string[]): Promise<JwtKey> {
  const possible = jwk.kty === "oct" ? wanted : algorithmsOf(jwk);
  const algorithms = wanted.filter((name) => possible.includes(name));
  if (algorithms.length === 0) throw new Error("it has a key of a kind that cannot be used");
  if (jwk.kty === "RSA" && bytesOf(jwk.n) * 8 < MIN_RSA_BITS) {
    throw new Error(`it has an RSA key of less than ${MIN_RSA_BITS} bits`);
  }
  const bytes = COORDINATE_BYTES[String(jwk.crv)];
  const coordinates = jwk.kty === "EC" ? [jwk.x, jwk.y] : jwk.kty === "OKP" ? [jwk.x] : [];
  if (coordinates.some((one) => bytesOf(one) !== bytes)) {
    throw new Error("it has a key that is damaged, or that the runtime cannot use");
  }
  // Only what a public key consists of: nothing else of what somebody wrote there decides.
  const { kty, n, e, crv, x, y, k } = jwk;
  const bare = JSON.parse(JSON.stringify({ kty, n, e, crv, x, y, k })) as JWK;
  try {
    const key = await importJWK(bare, algorithms[0]);
    // Some runtimes read keys of curves with which they then verify nothing.
    if (kty === "EC" && !(key instanceof Uint8Array)) {
      await tryOut(key as unknown as CryptoKey, 2 * bytes!);
    }
  } catch {
    throw new Error("it has a key that is damaged, or that the runtime cannot use");
  }
  const kid = typeof jwk.kid === "string" ? jwk.kid : null;
  return { jwk: bare, kid, algorithms, name: await calculateJwkThumbprint(bare) };
}

/** The bytes of a number in base64url. */
function bytesOf(text: unknown): number {
  return typeof text === "string" ? Math.floor(text.length * 6 / 8) : 0;
}
