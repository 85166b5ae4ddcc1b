/**
 * The algorithms of JWTs, by the kinds of keys that they are for. There is none without a signature.
 */

/** Those of RSA keys. */
export const RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
/** Those of keys on a curve, by its name. */
export const CURVES: Readonly<Record<string, readonly string[]>> = {
  "P-256": ["ES256"],
  "P-384": ["ES384"],
  "P-521": ["ES512"],
  Ed25519: ["EdDSA", "Ed25519"],
};
/** The algorithms of secrets, and the least bytes of one. */
export const SECRETS: readonly (readonly [name: string, bytes: number])[] = [
  ["HS256", 32],
  ["HS384", 48],
  ["HS512", 64],
];
/** The bytes of a coordinate on each curve. */
export const COORDINATE_BYTES: Readonly<Record<string, number>> = {
  "P-256": 32,
  "P-384": 48,
  "P-521": 66,
  Ed25519: 32,
};

/** The least bits of an RSA key. */
export const MIN_RSA_BITS = 2048;
/** All algorithms that can be taken. */
export const JWT_ALGORITHMS: readonly string[] = [
  ...SECRETS.map(([name]) => name),
  ...RSA,
  ...Object.values(CURVES).flat(),
];
