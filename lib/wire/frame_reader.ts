/**
 * Bytes in, messages out: the framing of every dialect, over one buffer a connection.
 *
 * The buffer starts small, grows with the bytes that arrive (never with what a prefix promises) and
 * shrinks again. A message is a range of the buffer: valid until `space` is called next, never copied.
 * A length is checked against the limit as soon as its last byte is there. After an error the reader is
 * finished: it gives no more messages.
 *
 * Framings:
 * - `delimited`: a minimal varint length of at most 5 bytes, then the message.
 * - `bare`: the message is one top-level length-delimited field, so tag, length and body delimit it.
 * - `prefixed32`: four bytes of big-endian length, then the message.
 * - `raw`: undecided between the last two until the first byte is there: 0x00 means `prefixed32`.
 *
 * Not its business: what is inside a message (message_scan).
 */
import { READ_BUFFER_BUSY_BYTES, READ_BUFFER_FIRST_BYTES } from "../base/limits.ts";
import { ErrorCode, protocolError } from "../base/errors.ts";

/** How messages are told apart. */
export type Framing = "delimited" | "raw" | "bare" | "prefixed32";

/** After this many reads in a row that a quarter of the buffer could have held, it is halved. */
const SHRINK_AFTER_READS = 64;

/** Cuts the bytes of one connection into messages. */
export class FrameReader {
  /** The buffer that `messageStart` and `messageEnd` are offsets in. */
  buffer: Uint8Array<ArrayBuffer> = new Uint8Array(READ_BUFFER_FIRST_BYTES);
  /** Where the present message begins, after its prefix. */
  messageStart = 0;
  /** Where the present message ends. */
  messageEnd = 0;
  /** The framing; `raw` until the first byte decided. */
  framing: Framing;

  readonly #maxFrameBytes: number;
  /** The first byte that no message has taken. */
  #begin = 0;
  /** Behind the last byte that arrived. */
  #end = 0;
  /** How large the frame at `#begin` is with its prefix, once that is known; otherwise 0. */
  #frameBytes = 0;
  #smallReads = 0;
  #finished = false;

  constructor(framing: Framing, maxFrameBytes: number) {
    this.framing = framing;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Whether bytes wait that are not yet a whole message. */
  get hasPartial(): boolean {
    return this.#end > this.#begin;
  }

  /** How many bytes wait that no message has taken. */
  get bufferedBytes(): number {
    return this.#end - this.#begin;
  }

  /** Where the next bytes are to be put; at least one byte long. Ends the life of earlier messages. */
  space(): Uint8Array<ArrayBuffer> {
    // What a finished reader is given is thrown away: were it kept, the buffer would be full one day,
    // and a read into no room comes back at once, for ever.
    if (this.#finished) this.#begin = this.#end;
    if (this.#begin === this.#end) {
      this.#begin = this.#end = 0;
      if (this.buffer.length > READ_BUFFER_BUSY_BYTES) this.#replace(READ_BUFFER_BUSY_BYTES);
      return this.buffer;
    }
    const partial = this.#end - this.#begin;
    if (partial === this.buffer.length) {
      this.#replace(Math.min(this.buffer.length * 2, this.#largestUseful()));
    } else if (this.#begin > 0) {
      this.buffer.copyWithin(0, this.#begin, this.#end);
      this.#begin = 0;
      this.#end = partial;
    }
    return this.buffer.subarray(this.#end);
  }

  /** Says that `count` bytes were put at the front of what `space` gave. */
  filled(count: number): void {
    const whole = count === this.buffer.length - this.#end;
    this.#end += count;
    if (whole && this.#begin === 0 && this.buffer.length < READ_BUFFER_BUSY_BYTES) {
      // The peer has more than we ask for: ask for more the next time.
      this.#smallReads = 0;
      this.#replace(this.buffer.length * 2);
    } else if (this.buffer.length > READ_BUFFER_FIRST_BYTES && count * 4 < this.buffer.length) {
      if (++this.#smallReads >= SHRINK_AFTER_READS && this.#end * 2 <= this.buffer.length) {
        this.#smallReads = 0;
        this.#replace(Math.max(READ_BUFFER_FIRST_BYTES, this.buffer.length >>> 1));
      }
    } else {
      this.#smallReads = 0;
    }
  }

  /**
   * Moves on to the next whole message and says whether there is one.
   *
   * Raises a ParleyError with close reason PROTOCOL_ERROR for a prefix that is not minimal or is too
   * large, and from then on gives false.
   */
  next(): boolean {
    if (this.#finished || this.#begin === this.#end) return false;
    if (this.framing === "delimited") return this.#nextDelimited();
    if (this.framing === "raw") {
      this.framing = this.buffer[this.#begin] === 0x00 ? "prefixed32" : "bare";
    }
    return this.framing === "bare" ? this.#nextBare() : this.#nextPrefixed32();
  }

  /** Gives no more messages from now on. */
  finish(): void {
    this.#finished = true;
  }

  #nextDelimited(): boolean {
    const buffer = this.buffer;
    // One-byte lengths are most of the traffic of small messages.
    const first = buffer[this.#begin];
    if (first < 0x80) return this.#take(this.#begin + 1, first, 1);
    const behind = this.#varintEnd(this.#begin);
    if (behind < 0) return false;
    return this.#take(behind, this.#varintValue(this.#begin, behind), behind - this.#begin);
  }

  #nextBare(): boolean {
    const tag = this.buffer[this.#begin];
    if ((tag & 0x07) !== 2 || tag >= 0x80 || tag < 0x08) {
      this.#fail(
        `cannot read a raw message that begins with byte 0x${tag.toString(16).padStart(2, "0")}`,
        "one length-delimited field with a number from 1 to 15",
      );
    }
    if (this.#end - this.#begin < 2) return false;
    const behind = this.#varintEnd(this.#begin + 1);
    if (behind < 0) return false;
    const body = this.#varintValue(this.#begin + 1, behind);
    return this.#take(this.#begin, behind - this.#begin + body, 0);
  }

  #nextPrefixed32(): boolean {
    if (this.#end - this.#begin < 4) return false;
    const at = this.#begin;
    const buffer = this.buffer;
    const length = buffer[at] * 0x1000000 + (buffer[at + 1] << 16) + (buffer[at + 2] << 8) +
      buffer[at + 3];
    return this.#take(at + 4, length, 4);
  }

  /** Takes the message of `length` bytes at `start`, if all of it is there. */
  #take(start: number, length: number, prefixBytes: number): boolean {
    if (length > this.#maxFrameBytes) {
      this.#finished = true;
      throw protocolError(
        `cannot read a message of ${length} bytes: the limit is ${this.#maxFrameBytes}`,
        ErrorCode.RESOURCE_EXHAUSTED,
        `at most ${this.#maxFrameBytes} bytes`,
      );
    }
    const end = start + length;
    if (end > this.#end) {
      this.#frameBytes = prefixBytes + length;
      return false;
    }
    this.#frameBytes = 0;
    this.messageStart = start;
    this.messageEnd = end;
    this.#begin = end;
    return true;
  }

  /** The offset behind the varint at `at`, or -1 when it is not all there yet. */
  #varintEnd(at: number): number {
    const limit = Math.min(this.#end, at + 5);
    for (let index = at; index < limit; index++) {
      const byte = this.buffer[index];
      if (byte < 0x80) {
        if (byte === 0 && index > at) {
          this.#fail("cannot read a length that is not minimal", "a varint without trailing zeros");
        }
        return index + 1;
      }
    }
    if (limit === at + 5) {
      this.#fail("cannot read a length of more than 5 bytes", "a varint of at most 5 bytes");
    }
    return -1;
  }

  /** The value of the varint from `at` to `behind`; up to 2^35 - 1, so no 32-bit arithmetic. */
  #varintValue(at: number, behind: number): number {
    let value = 0;
    for (let index = behind - 1; index >= at; index--) {
      value = value * 128 + (this.buffer[index] & 0x7f);
    }
    return value;
  }

  #fail(message: string, accepted: string): never {
    this.#finished = true;
    throw protocolError(message, ErrorCode.INVALID_ARGUMENT, accepted);
  }

  /** How large the buffer may become: what a busy peer is read with, or the frame that is arriving. */
  #largestUseful(): number {
    return Math.max(READ_BUFFER_BUSY_BYTES, this.#frameBytes);
  }

  /** Moves what waits into a new buffer of `size` bytes. */
  #replace(size: number): void {
    const next = new Uint8Array(size);
    next.set(this.buffer.subarray(this.#begin, this.#end));
    this.#end -= this.#begin;
    this.#begin = 0;
    this.buffer = next;
  }
}
