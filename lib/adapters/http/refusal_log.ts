/**
 * Says in the log which hosts and origins are refused, and what to configure, because a browser hides the
 * answer from whoever wrote the page.
 *
 * Each is said once at info, the first so many; what comes again, or after them, is said at debug alone, so
 * that nobody fills a log or the memory with ever new names. One log a listener.
 */
import { logger } from "../../base/log.ts";
import { printable } from "../../base/printable.ts";

const log = logger("listener");

/** So many hosts and origins are told of at info. */
export const MAX_TOLD = 100;

/** What was refused, as far as it was said. */
export class RefusalLog {
  readonly #address: string;
  readonly #told = new Set<string>();

  /** `address` is the listener's, for the log. */
  constructor(address: string) {
    this.#address = address;
  }

  /** Says that requests of `name`, a host or an origin, are refused because of `reason`. */
  tell(name: string, reason: string): void {
    const properties = { address: this.#address, reason: printable(reason) };
    if (this.#told.has(name) || this.#told.size >= MAX_TOLD) {
      return log.debug("request refused: {reason}", properties);
    }
    this.#told.add(name);
    log.info("request refused: {reason}", properties);
  }
}
