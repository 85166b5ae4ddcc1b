/**
 * The keys of JWTs of a running server: read from their files, and fetched from their URL.
 *
 * Invariants: what cannot be read, or cannot be used, gives no verifier but an error that names the key of the
 * configuration; keys that were fetched stay when a configuration with the same URL is read. No error tells anything of a key.
 */
import { JwksUrl } from "../adapters/secrets/jwks_url.ts";
import { keyOfPem, keyOfSecret, keysOfJwks, MAX_KEY_BYTES } from "../adapters/secrets/jwt_keys.ts";
import { JoseVerifier } from "../adapters/secrets/jwt_verifier.ts";
import { detached } from "../base/detached.ts";
import { decodeTextLeniently } from "../base/utf8_text.ts";
import type { JwtVerifier } from "../ports/jwt.ts";
import { ConfigError, problem } from "./config/errors.ts";
import { hasJwtKeys, type JwtConfig } from "./config/access/jwt.ts";

/** Where the keys of JWTs come from. */
export class JwtSource {
  readonly #closing = new AbortController();
  /** The last URL that was read; whoever uses one before it goes on with that. */
  #url: JwksUrl | null = null;

  /** The files that keys are read from. */
  static files(jwt: JwtConfig): string[] {
    const { secret_file, public_keys, jwks_file, jwks_ca } = jwt;
    return [secret_file, ...public_keys, jwks_file, jwks_ca].filter((file) => file !== "");
  }

  /** What verifies JWTs; null where none count. Rejects with a ConfigError. */
  async read(jwt: JwtConfig): Promise<JwtVerifier | null> {
    if (!hasJwtKeys(jwt)) return null;
    const keys = [
      ...await each("secret_file", [jwt.secret_file], async (bytes) => [await keyOfSecret(bytes)]),
      ...await each(
        "public_keys",
        jwt.public_keys,
        async (bytes) => [await keyOfPem(decodeTextLeniently(bytes))],
      ),
      ...await each(
        "jwks_file",
        [jwt.jwks_file],
        (bytes) => keysOfJwks(decodeTextLeniently(bytes), true),
      ),
    ];
    const [ca] = await each(
      "jwks_ca",
      [jwt.jwks_ca],
      (bytes) => Promise.resolve([decodeTextLeniently(bytes)]),
    );
    const url = this.#urlOf(jwt, ca ?? null);
    if (url !== null) {
      this.#url = url;
      detached(url.refresh(), "fetch the keys of JWTs");
    }
    return new JoseVerifier(keys, url, {
      algorithms: jwt.algorithms,
      issuer: jwt.issuer,
      audience: jwt.audience,
      clockToleranceMs: jwt.clock_tolerance_ms,
    });
  }

  /** Fetches nothing any more. */
  close(): void {
    this.#closing.abort();
  }

  /** The URL; the one from before when nothing about it has changed. */
  #urlOf({ jwks_url: url, jwks_refresh_ms: refreshMs }: JwtConfig, ca: string | null) {
    if (url === "") return null;
    const before = this.#url?.source;
    const isSame = before?.url === url && before.ca === ca && before.refreshMs === refreshMs;
    return isSame ? this.#url : new JwksUrl({ url, ca, refreshMs }, this.#closing.signal);
  }
}

/** What is read from each of the files. */
async function each<T>(
  key: string,
  files: readonly string[],
  read: (bytes: Uint8Array) => Promise<readonly T[]>,
): Promise<T[]> {
  const all: T[] = [];
  for (const file of files) {
    if (file === "") continue;
    try {
      all.push(...await read(await bytesOf(file)));
    } catch (reason) {
      const message = `cannot use ${JSON.stringify(file)} of auth.jwt.${key}: ${whyOf(reason)}`;
      throw new ConfigError([problem({ kind: "default" }, "", message)], { cause: reason });
    }
  }
  return all;
}

async function bytesOf(file: string): Promise<Uint8Array> {
  const { size } = await Deno.stat(file);
  if (size > MAX_KEY_BYTES) {
    throw new Error(`it has ${size} bytes, at most ${MAX_KEY_BYTES} are read`);
  }
  return await Deno.readFile(file);
}

function whyOf(reason: unknown): string {
  return reason instanceof Deno.errors.NotFound
    ? "there is no such file"
    : (reason as Error).message;
}
