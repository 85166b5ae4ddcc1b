/**
 * The port of what verifies JWTs: whose keys are used and how stands in an adapter, what claims mean is logic.
 */

/** A JWT whose signature fits, and that is valid now. */
export interface VerifiedJwt {
  readonly claims: Readonly<Record<string, unknown>>;
  /** When it ends, as Unix time in milliseconds, with the tolerance of the clocks. */
  readonly expiresMs: number;
  /** Names what it was verified with: one of `keys` of the verifier. */
  readonly key: string;
}

/** Verifies JWTs with the keys of one configuration. */
export interface JwtVerifier {
  /** What JWTs can be verified with. What was verified with another one counts no longer. */
  readonly keys: ReadonlySet<string>;
  /**
   * Verifies a JWT at `wallMs`. Rejects with UNAUTHENTICATED, saying what is wrong with it, and with UNAVAILABLE when
   * the keys cannot be had now.
   */
  verify(token: string, wallMs: number): Promise<VerifiedJwt>;
}
