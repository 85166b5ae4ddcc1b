/**
 * Lines of text out of bytes, for people at `nc` and `telnet`.
 *
 * A line ends with LF or CRLF. A line that is too long or no UTF-8 is given as the reason why it is refused.
 * The buffer starts small and grows with the line that arrives, up to the longest line; of a line that is too
 * long nothing is held, and the rest of it is passed over. Lines are cut off one by one when they are asked for, so what
 * waits never costs more than its bytes.
 *
 * Progress of a line is every byte of it, because people type.
 */
import { READ_BUFFER_FIRST_BYTES } from "../../base/limits.ts";
import type { LinkMemory } from "../../ports/link.ts";
import { UNCOUNTED } from "../../wire/input_budget.ts";

/** A line, or why there is none. */
export type TextLine = { readonly text: string } | { readonly refused: "long" | "utf8" };

/** By how much the buffer grows, as a power of two. */
const STEP_LOG2 = 2;
const LF = 0x0a;
const CR = 0x0d;
const NOTHING = new Uint8Array(0);
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Cuts bytes into lines. */
export class LineReader {
  /** Where buffers beyond the first one are from. */
  memory: LinkMemory = UNCOUNTED;
  readonly #maxBytes: number;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(READ_BUFFER_FIRST_BYTES);
  /** What no line has taken, and up to where no end of a line was found in it. */
  #begin = 0;
  #looked = 0;
  #end = 0;
  #tooLong = false;
  #arrived = 0;

  /** `maxBytes` is the longest line without its end. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether nothing waits, not even a part of a line. */
  get empty(): boolean {
    return this.#begin === this.#end && !this.#tooLong;
  }

  /** Where the next bytes are to be put; at least one byte long. Only after `next` gave null. */
  space(): Uint8Array<ArrayBuffer> {
    const waiting = this.#end - this.#begin;
    if (waiting === 0 && this.#buffer.length > READ_BUFFER_FIRST_BYTES) {
      this.#replace(READ_BUFFER_FIRST_BYTES);
    } else if (waiting === this.#buffer.length) {
      // Two more than a line: for its CR, and for what shows that it is too long.
      this.#replace(Math.min(this.#buffer.length << STEP_LOG2, this.#maxBytes + 2));
    } else if (this.#begin > 0) {
      this.#buffer.copyWithin(0, this.#begin, this.#end);
      this.#begin = 0;
      this.#looked = this.#end = waiting;
    }
    return this.#buffer.subarray(this.#end);
  }

  /** Says that `count` bytes were put at the front of what `space` gave. */
  filled(count: number): void {
    this.#end += count;
    this.#arrived += count;
  }

  /** Tells the memory whether a line is waited for that was begun. */
  tell(waitsForPeer: boolean): void {
    this.memory.progressed(this.#arrived, waitsForPeer && !this.empty, this.#arrived > 0);
    this.#arrived = 0;
  }

  /** The next line that is whole; null when there is none. */
  next(): TextLine | null {
    const at = this.#buffer.subarray(this.#looked, this.#end).indexOf(LF);
    if (at >= 0) {
      const line = this.#line(this.#looked + at);
      this.#begin = this.#looked = this.#looked + at + 1;
      return line;
    }
    this.#looked = this.#end;
    if (this.#end - this.#begin > this.#maxBytes + 1) {
      this.#tooLong = true;
      this.#begin = this.#end;
    }
    return null;
  }

  /** What the last line is without its end, when the input is over; null when there is none. After `next`. */
  finish(): TextLine | null {
    if (this.empty) return null;
    const line = this.#line(this.#end);
    this.drop();
    return line;
  }

  /** Throws away what waits. */
  drop(): void {
    this.#begin = this.#looked = this.#end;
    this.#tooLong = false;
  }

  /** Gives the memory back, once nothing is read any more. */
  close(): void {
    this.memory.give(this.#buffer);
    this.#buffer = NOTHING;
    this.#begin = this.#looked = this.#end = 0;
  }

  /** The line from `#begin` to `end`. */
  #line(end: number): TextLine {
    if (end > this.#begin && this.#buffer[end - 1] === CR) end--;
    const tooLong = this.#tooLong || end - this.#begin > this.#maxBytes;
    this.#tooLong = false;
    if (tooLong) return { refused: "long" };
    try {
      return { text: decoder.decode(this.#buffer.subarray(this.#begin, end)) };
    } catch {
      return { refused: "utf8" };
    }
  }

  /** Moves what waits into a new buffer of at least `bytes` bytes. */
  #replace(bytes: number): void {
    const next = this.memory.take(bytes);
    next.set(this.#buffer.subarray(this.#begin, this.#end));
    this.memory.give(this.#buffer);
    this.#buffer = next;
    this.#looked = this.#end -= this.#begin;
    this.#begin = 0;
  }
}
