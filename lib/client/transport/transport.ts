/**
 * What carries the bytes of a connection.
 *
 * Contract of a transport: `read` gives at least one byte, or null at the end of input; one read and one
 * write at most are under way at once; `write` takes everything or rejects, and its bytes are lent until
 * the promise settles; `close` ends both directions at once, makes what is under way settle, may be
 * called any number of times and never throws. Opening rejects with a ParleyError that names the address.
 */
import type { TlsOptions } from "../settings.ts";
import type { Target } from "./url.ts";

/** An open connection of bytes. */
export interface Transport {
  /** Reads at least one byte into `into`; gives the count, or null at the end of input. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes all of `batch`. */
  write(batch: Uint8Array): Promise<void>;
  /** Ends the connection at once. */
  close(): void;
  /** Where closing takes a while: resolves when it is done. */
  readonly closed?: Promise<void>;
}

/**
 * Opens a connection to `target`, which the program knows as `url`. When `signal` is aborted, it gives
 * up as soon as it can; it may still resolve, and then the caller closes what it got. `tls` is for URLs of TLS.
 */
export type OpenTransport = (
  target: Target,
  url: string,
  signal: AbortSignal,
  tls?: TlsOptions,
) => Promise<Transport>;
