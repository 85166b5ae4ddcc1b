/**
 * Verifies JWTs with the library jose; signatures are computed beside the event loop.
 *
 * Invariants: an algorithm counts only when it is allowed, and only with keys of its kind; a JWT has an end (exp); what is
 * wrong with one is told without any of its values.
 */
import { decodeProtectedHeader, errors, jwtVerify, type JWTVerifyOptions } from "jose";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { JwtVerifier, VerifiedJwt } from "../../ports/jwt.ts";
import type { JwksUrl } from "./jwks_url.ts";
import { JWT_ALGORITHMS } from "./jwt_algorithms.ts";
import type { JwtKey } from "./jwt_keys.ts";

/** So many keys are tried for one JWT that does not say which it is. */
const MAX_TRIED = 8;

/** What JWTs have to be like. */
export interface JwtRequirements {
  /** Empty for all that there are. */
  readonly algorithms: readonly string[];
  /** Empty for any. */
  readonly issuer: string;
  /** One of these; none for any. */
  readonly audience: readonly string[];
  readonly clockToleranceMs: number;
}

/** The verifier of one configuration. */
export class JoseVerifier implements JwtVerifier {
  readonly keys: ReadonlySet<string>;
  readonly #keys: readonly JwtKey[];
  readonly #url: JwksUrl | null;
  readonly #algorithms: ReadonlySet<string>;
  readonly #options: JWTVerifyOptions;
  readonly #toleranceMs: number;

  constructor(keys: readonly JwtKey[], url: JwksUrl | null, required: JwtRequirements) {
    this.keys = new Set([...keys.map(({ name }) => name), ...url === null ? [] : [url.name]]);
    this.#keys = keys;
    this.#url = url;
    const { algorithms, issuer, audience, clockToleranceMs } = required;
    this.#algorithms = new Set(algorithms.length === 0 ? JWT_ALGORITHMS : algorithms);
    this.#toleranceMs = clockToleranceMs;
    this.#options = {
      requiredClaims: ["exp"],
      clockTolerance: clockToleranceMs / 1000,
      ...issuer === "" ? {} : { issuer },
      ...audience.length === 0 ? {} : { audience: [...audience] },
    };
  }

  async verify(token: string, wallMs: number): Promise<VerifiedJwt> {
    const { algorithm, kid } = headerOf(token);
    if (!this.#algorithms.has(algorithm)) throw refused("its algorithm is not taken here");
    const fits = (key: JwtKey) =>
      key.algorithms.includes(algorithm) &&
      (key.kid === null || kid === null || key.kid === kid);
    const options = { ...this.#options, algorithms: [algorithm], currentDate: new Date(wallMs) };
    for (const key of this.#keys.filter(fits).slice(0, MAX_TRIED)) {
      const found = await this.#try(token, key, options);
      if (found !== null) return { ...found, key: key.name };
    }
    const fetched = await this.#url?.find(fits) ?? [];
    for (const key of fetched.slice(0, MAX_TRIED)) {
      const found = await this.#try(token, key, options);
      if (found !== null) return { ...found, key: this.#url!.name };
    }
    throw refused("its signature fits none of the keys");
  }

  /** What the JWT says; null when its signature is of another key. */
  async #try(token: string, { jwk }: JwtKey, options: JWTVerifyOptions) {
    try {
      const { payload } = await jwtVerify(token, jwk, options);
      return { claims: payload, expiresMs: payload.exp! * 1000 + this.#toleranceMs };
    } catch (reason) {
      if (reason instanceof errors.JWSSignatureVerificationFailed) return null;
      throw refused(faultOf(reason));
    }
  }
}

function headerOf(token: string): { algorithm: string; kid: string | null } {
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    return { algorithm: String(alg), kid: typeof kid === "string" ? kid : null };
  } catch {
    throw refused("it is not well formed");
  }
}

function faultOf(reason: unknown): string {
  if (reason instanceof errors.JWTExpired) return "it has ended (exp)";
  if (reason instanceof errors.JWTClaimValidationFailed) {
    const { claim } = reason;
    if (claim === "nbf") return "it is not valid yet (nbf)";
    return `its claim "${claim}" is missing, or is not what it has to be here`;
  }
  return "it is not well formed";
}

function refused(why: string): ParleyError {
  return new ParleyError(ErrorCode.UNAUTHENTICATED, `cannot come in with the JWT: ${why}`, {
    accepted: "a JWT that is valid now, and that is meant for this server",
  });
}
