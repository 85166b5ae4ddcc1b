/**
 * Lines of text out of bytes, for people at `nc` and `telnet`.
 *
 * A line ends with LF or CRLF. Bounded: of a line that is too long no more than the limit is held, and the
 * rest of it is passed over. A line that is too long or no UTF-8 is given as the reason why it is refused.
 */

/** A line, or why there is none. */
export type TextLine = { readonly text: string } | { readonly refused: "long" | "utf8" };

const LF = 0x0a;
const CR = 0x0d;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Cuts bytes into lines. */
export class LineReader {
  readonly #bytes: Uint8Array;
  #length = 0;
  #tooLong = false;

  /** `maxBytes` is the longest line without its end. */
  constructor(maxBytes: number) {
    // One more, for the CR of a line that is just as long as it may be.
    this.#bytes = new Uint8Array(maxBytes + 1);
  }

  /** Takes bytes in, and gives the lines that they end. */
  take(chunk: Uint8Array): TextLine[] {
    const lines: TextLine[] = [];
    let from = 0;
    while (from < chunk.length) {
      const at = chunk.indexOf(LF, from);
      const end = at < 0 ? chunk.length : at;
      this.#keep(chunk.subarray(from, end));
      if (at < 0) break;
      lines.push(this.#line());
      from = at + 1;
    }
    return lines;
  }

  /** What the last line is without its end, when the input is over; null when there is none. */
  finish(): TextLine | null {
    return this.#length === 0 && !this.#tooLong ? null : this.#line();
  }

  #keep(part: Uint8Array): void {
    const room = this.#bytes.length - this.#length;
    if (part.length > room) this.#tooLong = true;
    const kept = part.subarray(0, room);
    this.#bytes.set(kept, this.#length);
    this.#length += kept.length;
  }

  #line(): TextLine {
    let end = this.#length;
    if (end > 0 && this.#bytes[end - 1] === CR) end--;
    const tooLong = this.#tooLong || end === this.#bytes.length;
    this.#length = 0;
    this.#tooLong = false;
    if (tooLong) return { refused: "long" };
    try {
      return { text: decoder.decode(this.#bytes.subarray(0, end)) };
    } catch {
      return { refused: "utf8" };
    }
  }
}
