/**
 * Where a client connects to: the servers that the program named, in its order, or others that a server has pointed to as it
 * stopped.
 *
 * Who loses its server, or cannot reach it, goes to the next one, and after the last to the first again. A hint is followed only
 * where the program allows it, and never from TLS to a connection without; the program's own servers have their turn behind
 * it, so a wrong hint costs an attempt and no more.
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
  readonly #own: readonly Destination[];
  readonly #followsHints: boolean;
  #places: readonly Destination[];
  #at: number;

  /** `own` is what the program named, at least one; the one at `first` is tried first. */
  constructor(own: readonly Destination[], followsHints: boolean, first = 0) {
    this.#own = own;
    this.#followsHints = followsHints;
    this.#places = own;
    this.#at = first;
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
    const isKnown = [...places, ...this.#own].map(({ url }) => url).join() ===
      this.#places.map(({ url }) => url).join();
    if (isKnown) return;
    this.#places = [...places, ...this.#own];
    this.#at = 0;
  }

  /** `place` could not be reached, or its server is gone: the next one has its turn. Others may have found that before. */
  missed(place: Destination): void {
    if (place === this.present) this.#at = (this.#at + 1) % this.#places.length;
  }

  #placeOf(url: string): Destination[] {
    try {
      const target = parseTarget(url);
      const isDowngrade = this.#own.every((one) => isSecure(one.target)) && !isSecure(target);
      return isDowngrade ? [] : [{ url, target }];
    } catch {
      return [];
    }
  }
}

/** Whether nobody on the way can read or change what is sent. */
function isSecure(target: Target): boolean {
  return target.kind === "tls" || target.kind === "ws" && target.href.startsWith("wss:");
}
