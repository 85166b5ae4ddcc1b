/**
 * JWTs for tests: keys of every kind, and tokens signed with them.
 */
import {
  type CryptoKey,
  exportJWK,
  exportPKCS8,
  exportSPKI,
  generateKeyPair,
  type JWK,
  SignJWT,
} from "jose";

/** A key pair, and what is public of it. */
export interface TestKey {
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly pem: string;
  readonly privatePem: string;
  readonly jwk: JWK;
}

/** Makes a key pair for an algorithm. */
export async function makeKey(algorithm: string, kid?: string): Promise<TestKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return {
    algorithm,
    privateKey,
    pem: await exportSPKI(publicKey),
    privatePem: await exportPKCS8(privateKey),
    jwk: kid === undefined ? jwk : { ...jwk, kid },
  };
}

/** What a JWT is made of; without anything else it is one of ada for parley, and good for an hour. */
export interface Said {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  /** Seconds from now; null for no end. */
  readonly expires?: number | null;
}

/** Signs a JWT with a key pair, or with a secret. */
export async function jwt(key: TestKey | Uint8Array, said: Said = {}): Promise<string> {
  const { claims = {}, header = {}, expires = 3600 } = said;
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    sub: "ada",
    aud: "parley",
    ...expires === null ? {} : { exp: now + expires },
    ...claims,
  };
  const alg = key instanceof Uint8Array ? "HS256" : key.algorithm;
  return await new SignJWT(payload).setProtectedHeader({ alg, ...header })
    .sign(key instanceof Uint8Array ? key : key.privateKey);
}

/** A JWT of these parts, whatever they are, with a signature that is given. */
export function forged(header: unknown, claims: unknown, signature: string): string {
  const part = (value: unknown) =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${part(header)}.${part(claims)}.${signature}`;
}

/** A JWKS of these keys. */
export function jwks(...keys: readonly unknown[]): string {
  return JSON.stringify({ keys });
}
