/**
 * Public keys that are fetched from a URL, and remembered.
 *
 * Invariants: one fetch is under way at a time, for all who wait for it; after one, whatever came of it, there is none for
 * a while, so that no client can have the server fetch as often as it likes; a fetch ends within a time and reads a bounded
 * number of bytes; it follows no redirect. Keys that are too old are fetched before they count again; while they cannot be
 * had, those from before count for an hour at most. Non-goal: what the answer says of caching.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { type JwtKey, keysOfJwks, MAX_KEY_BYTES } from "./jwt_keys.ts";

const log = logger("server");

/** The pause after a fetch. */
export const JWKS_PAUSE_MS = 30_000;
/** The time that a fetch may take. */
const FETCH_TIMEOUT_MS = 5000;
/** How old keys may be while there are no newer ones. */
export const MAX_STALE_MS = 3_600_000;

/** Where keys come from, and how old they may be. */
export interface JwksSource {
  readonly url: string;
  /** Authorities in PEM to trust besides those of the runtime; null for no others. */
  readonly ca: string | null;
  readonly refreshMs: number;
}

/** The keys of one URL. */
export class JwksUrl {
  readonly source: JwksSource;
  readonly #signal: AbortSignal;
  readonly #now: () => number;
  #keys: readonly JwtKey[] | null = null;
  /** When the keys came, and when the last fetch began. */
  #cameMs = 0;
  #triedMs = -Infinity;
  #fetching: Promise<void> | null = null;

  /** Once `signal` is aborted nothing is fetched any more; `now` gives milliseconds of a clock that never goes back. */
  constructor(
    source: JwksSource,
    signal: AbortSignal,
    now: () => number = () => performance.now(),
  ) {
    this.source = source;
    this.#signal = signal;
    this.#now = now;
  }

  /** What those keys are called in `VerifiedJwt.key`. */
  get name(): string {
    return `url ${this.source.url}`;
  }

  /** Those of the keys that `fits` takes. Rejects with UNAVAILABLE when there are no keys now. */
  async find(fits: (key: JwtKey) => boolean): Promise<readonly JwtKey[]> {
    if (this.#ageMs() < this.source.refreshMs) {
      const found = this.#keys!.filter(fits);
      if (found.length > 0) return found;
    }
    await this.refresh();
    if (this.#ageMs() < MAX_STALE_MS) return this.#keys!.filter(fits);
    throw new ParleyError(
      ErrorCode.UNAVAILABLE,
      "cannot check the JWT now: the keys to check it with cannot be had",
      { retryable: true, accepted: "another try in a moment" },
    );
  }

  /** Fetches the keys, unless they were asked for a moment ago. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#fetching === null) {
      const nowMs = this.#now();
      if (nowMs - this.#triedMs < JWKS_PAUSE_MS || this.#signal.aborted) return;
      this.#triedMs = nowMs;
      this.#fetching = this.#fetch().finally(() => this.#fetching = null);
    }
    await this.#fetching;
  }

  #ageMs(): number {
    return this.#keys === null ? Infinity : this.#now() - this.#cameMs;
  }

  async #fetch(): Promise<void> {
    const { url } = this.source;
    try {
      this.#keys = await keysOfJwks(await this.#read(), false);
      this.#cameMs = this.#now();
      log.info("the keys of JWTs were fetched", { url, keys: this.#keys.length });
    } catch (reason) {
      if (this.#signal.aborted) return;
      log.error("the keys of JWTs cannot be fetched from {url}: {reason}", {
        url,
        reason: (reason as Error).message,
      });
    }
  }

  async #read(): Promise<string> {
    const { url, ca } = this.source;
    using client = Deno.createHttpClient({ caCerts: ca === null ? [] : [ca] });
    const response = await fetch(url, {
      client,
      redirect: "error",
      headers: { accept: "application/json" },
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`it answered with the status ${response.status}`);
    }
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let text = "";
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > MAX_KEY_BYTES) throw new Error(`it has more than ${MAX_KEY_BYTES} bytes`);
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  }
}
