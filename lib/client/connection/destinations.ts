/**
 * Where a client connects to: the server that the program named, or another one that a server has pointed to as it
 * stopped.
 *
 * A hint is followed only where the program allows it, and never from TLS to a connection without. When a place cannot
 * be reached the next one has its turn, the program's own among them, so a wrong hint costs an attempt and no more.
 */
import { parseTarget, type Target } from "../transport/url.ts";

/** The most places that one server may point to. */
const MAX_HINTS = 16;

/** One place. */
export interface Destination {
  readonly url: string;
  readonly target: Target;
}

/** The places of one client. */
export class Destinations {
  readonly #own: Destination;
  readonly #followsHints: boolean;
  #places: readonly Destination[];
  #at = 0;

  /** `own` is what the program named. */
  constructor(own: Destination, followsHints: boolean) {
    this.#own = own;
    this.#followsHints = followsHints;
    this.#places = [own];
  }

  /** Where to connect to next. */
  get present(): Destination {
    return this.#places[this.#at];
  }

  /** A server that stops points to other places, in the order in which it wants them tried. */
  hinted(urls: readonly string[]): void {
    if (!this.#followsHints) return;
    const places = urls.slice(0, MAX_HINTS).flatMap((url) => this.#placeOf(url));
    if (places.length === 0) return;
    // Several connections are told the same: what was tried meanwhile stays tried.
    const isKnown = [...places, this.#own].map(({ url }) => url).join() ===
      this.#places.map(({ url }) => url).join();
    if (isKnown) return;
    this.#places = [...places, this.#own];
    this.#at = 0;
  }

  /** The present place could not be reached: the next one has its turn. */
  missed(): void {
    this.#at = (this.#at + 1) % this.#places.length;
  }

  #placeOf(url: string): Destination[] {
    try {
      const target = parseTarget(url);
      return isSecure(this.#own.target) && !isSecure(target) ? [] : [{ url, target }];
    } catch {
      return [];
    }
  }
}

/** Whether nobody on the way can read or change what is sent. */
function isSecure(target: Target): boolean {
  return target.kind === "tls" || target.kind === "ws" && target.href.startsWith("wss:");
}
