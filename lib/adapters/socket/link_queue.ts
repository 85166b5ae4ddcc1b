/**
 * Links, or connections, on their way from a listener that is told of them to whoever iterates over it.
 *
 * Not bounded by itself: what is pushed was admitted before. One iteration at a time.
 */
import type { Link } from "../../ports/link.ts";

/** A queue that can be iterated over until it is ended. */
export class LinkQueue<Item extends { close(): void } = Link> implements AsyncIterable<Item> {
  readonly #waiting: Item[] = [];
  #ended = false;
  #wake: (() => void) | null = null;

  /** Puts a link behind the others. After `end` it is closed instead. */
  push(link: Item): void {
    if (this.#ended) return link.close();
    this.#waiting.push(link);
    this.#wake?.();
  }

  /** The iteration ends behind what waits. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Item> {
    for (;;) {
      const link = this.#waiting.shift();
      if (link !== undefined) yield link;
      else if (this.#ended) return;
      else {
        await new Promise<void>((resolve) => this.#wake = resolve);
        this.#wake = null;
      }
    }
  }
}
