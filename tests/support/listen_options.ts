/**
 * The options of `serve` that say where it listens.
 */

/** The addresses of listeners; one that is not named is off. */
interface Addresses {
  readonly tcp?: string;
  readonly raw?: string;
  readonly http?: string;
}

/** Options of `serve` for these listeners and no others. */
export function listenOptions({ tcp = "", raw = "", http = "" }: Addresses): string[] {
  return ["--tcp", tcp, "--raw", raw, "--http", http, "--text", ""];
}
