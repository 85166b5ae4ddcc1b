/**
 * Bytes in, messages out: the framing of every dialect, over one buffer a connection.
 *
 * The buffer starts small, grows with the bytes that arrive (never with what a prefix promises) and
 * shrinks again. A message is a range of the buffer, never copied: valid until `next`, `space` or `release` is
 * called. A message that is longer than the largest buffer gathers in parts, so that one that is not whole
 * costs what has come of it and no copies; when it is whole, it is joined.
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
import {
  READ_BUFFER_BUSY_BYTES,
  READ_BUFFER_FIRST_BYTES,
  READ_BUFFER_PART_BYTES,
} from "../base/limits.ts";
import { ErrorCode, protocolError } from "../base/errors.ts";
import { type InputMemory, UNCOUNTED } from "./input_budget.ts";
import type { Buffer } from "./slab_pool.ts";

/** The dialect of the framing. */
export type Framing = "delimited" | "raw" | "bare" | "prefixed32";

/** The factor by which the buffer grows and shrinks, as a power of two. */
const STEP_LOG2 = 2;
/** After this many reads in a row that a quarter of the buffer could have held, it shrinks to that. */
const SHRINK_AFTER_READS = 64;

const NOTHING: Buffer = new Uint8Array(0);

/** Cuts the bytes of one connection into messages. */
export class FrameReader {
  /** The buffer that `messageStart` and `messageEnd` are offsets in. */
  buffer: Buffer;
  /** The offset at which the present message begins, after its prefix. */
  messageStart = 0;
  /** The offset behind the present message. */
  messageEnd = 0;
  /** The framing; `raw` until the first byte decided. */
  framing: Framing;
  /** The largest message that is taken. */
  maxFrameBytes: number;

  readonly #memory: InputMemory;
  /** The buffer that is read into. */
  #window: Buffer;
  /** The earlier parts of a message that is longer than the window, in full windows. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  /** The long message in hand, joined. */
  #joined: Buffer | null = null;
  /** The first byte that no message has taken. */
  #begin = 0;
  /** The end of the bytes that arrived. */
  #end = 0;
  /** The size of the frame at `#begin` with its prefix, once that is known; otherwise 0. */
  #frameBytes = 0;
  /** The part of it that is prefix. */
  #prefixBytes = 0;
  #smallReads = 0;
  /** The number of bytes that came since `space` was last called, and whether that left room. */
  #arrived = 0;
  #drained = true;
  /** Whether a message was taken since then, and since the call before. */
  #took = false;
  #tookBefore = false;
  #finished = false;

  constructor(framing: Framing, maxFrameBytes: number, memory: InputMemory = UNCOUNTED) {
    this.framing = framing;
    this.maxFrameBytes = maxFrameBytes;
    this.#memory = memory;
    this.buffer = this.#window = memory.take(READ_BUFFER_FIRST_BYTES);
  }

  /** Whether bytes wait that are not yet a whole message. */
  get hasPartial(): boolean {
    return this.bufferedBytes > 0;
  }

  /** The number of bytes that wait and that no message has taken. */
  get bufferedBytes(): number {
    return this.#partBytes + this.#end - this.#begin;
  }

  /** The space for the next bytes; at least one byte long. Ends the life of earlier messages. */
  space(): Buffer {
    this.release();
    const waits = this.hasPartial;
    this.#memory.progressed(this.#arrived, waits, this.#took);
    this.#arrived = 0;
    this.#tookBefore = this.#took;
    this.#took = false;
    if (!waits) {
      this.#begin = this.#end = 0;
      if (this.#window.length > READ_BUFFER_FIRST_BYTES && !this.#mayKeepWindow) {
        this.#replace(READ_BUFFER_FIRST_BYTES);
      }
      return this.#window;
    }
    const partial = this.#end - this.#begin;
    if (partial === this.#window.length) {
      this.#makeRoom();
      // Room was not to be had: what waited is gone.
      if (this.#finished) return this.space();
    } else if (this.#begin > 0) {
      this.#window.copyWithin(0, this.#begin, this.#end);
      this.#begin = 0;
      this.#end = partial;
    }
    return this.#window.subarray(this.#end);
  }

  /** Says that `count` bytes were put at the front of what `space` gave. */
  filled(count: number): void {
    const whole = count === this.#window.length - this.#end;
    this.#end += count;
    this.#arrived += count;
    this.#drained = !whole;
    // What a finished reader is given is thrown away.
    if (this.#finished) this.#begin = this.#end;
    const size = this.#window.length;
    // The largest buffer is for many messages at once: a long one gathers in parts.
    const most = this.#tookBefore ? READ_BUFFER_BUSY_BYTES : READ_BUFFER_PART_BYTES;
    if (whole && this.#begin === 0 && size < most) {
      // The peer has more than we ask for: ask for more the next time.
      this.#smallReads = 0;
      this.#replace(Math.min(size << STEP_LOG2, most));
    } else if (size > READ_BUFFER_FIRST_BYTES && count << STEP_LOG2 < size) {
      if (++this.#smallReads >= SHRINK_AFTER_READS && this.#end << STEP_LOG2 <= size) {
        this.#smallReads = 0;
        this.#replace(Math.max(READ_BUFFER_FIRST_BYTES, size >>> STEP_LOG2));
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
    if (this.#joined !== null) this.release();
    if (this.#finished) return false;
    if (this.#partBytes > 0) return this.#nextLong();
    if (this.#begin === this.#end) return false;
    if (this.framing === "delimited") return this.#nextDelimited();
    if (this.framing === "raw") {
      this.framing = this.buffer[this.#begin] === 0x00 ? "prefixed32" : "bare";
    }
    return this.framing === "bare" ? this.#nextBare() : this.#nextPrefixed32();
  }

  /** Ends the life of the present message, if that holds memory of its own. */
  release(): void {
    if (this.#joined === null) return;
    this.#memory.giveBack(this.#joined);
    this.#joined = null;
    this.buffer = this.#window;
  }

  /** Gives no more messages from now on: what is there is thrown away, and what comes. */
  finish(): void {
    this.#finished = true;
    this.#begin = this.#end;
    this.#memory.leave();
    this.#dropParts();
  }

  /** Gives the last of the memory back, once nothing is read any more. */
  close(): void {
    this.finish();
    this.release();
    this.#memory.give(this.#window);
    this.buffer = this.#window = NOTHING;
    this.#begin = this.#end = 0;
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
    if (length > this.maxFrameBytes) {
      this.finish();
      throw protocolError(
        `cannot read a message of ${length} bytes: the limit is ${this.maxFrameBytes}`,
        ErrorCode.RESOURCE_EXHAUSTED,
        `at most ${this.maxFrameBytes} bytes`,
        "frame_bytes",
      );
    }
    const end = start + length;
    if (end > this.#end) {
      this.#frameBytes = prefixBytes + length;
      this.#prefixBytes = prefixBytes;
      return false;
    }
    this.#took = true;
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
    this.finish();
    throw protocolError(message, ErrorCode.INVALID_ARGUMENT, accepted);
  }

  /** Takes the long message that has gathered in parts, if all of it is there. */
  #nextLong(): boolean {
    const total = this.#frameBytes;
    if (this.bufferedBytes < total) return false;
    const joined = this.#memory.borrow(total);
    let at = 0;
    for (const part of this.#parts) {
      joined.set(part, at);
      at += part.length;
    }
    const rest = total - at;
    joined.set(this.#window.subarray(this.#begin, this.#begin + rest), at);
    this.#begin += rest;
    this.#dropParts();
    this.#took = true;
    this.buffer = this.#joined = joined;
    this.messageStart = this.#prefixBytes;
    this.messageEnd = total;
    return true;
  }

  /** Makes room behind a message that fills the window. */
  #makeRoom(): void {
    const size = this.#window.length;
    if (size < READ_BUFFER_PART_BYTES) {
      return this.#replace(Math.min(size << STEP_LOG2, READ_BUFFER_PART_BYTES));
    }
    this.#parts.push(this.#window);
    this.#partBytes += size;
    this.#begin = this.#end = 0;
    this.buffer = this.#window = NOTHING;
    this.buffer = this.#window = this.#memory.take(READ_BUFFER_PART_BYTES);
  }

  /** Whether an empty window larger than the first one is kept: surely while the peer has more than it holds. */
  get #mayKeepWindow(): boolean {
    return !this.#finished && (!this.#drained || this.#memory.mayKeep(this.#window.length));
  }

  #dropParts(): void {
    for (const part of this.#parts) this.#memory.give(part);
    this.#parts = [];
    this.#partBytes = 0;
  }

  /** Moves what waits into a new buffer of `size` bytes. */
  #replace(size: number): void {
    const next = this.#memory.take(size);
    const former = this.#window;
    next.set(former.subarray(this.#begin, this.#end));
    this.#end -= this.#begin;
    this.#begin = 0;
    this.buffer = this.#window = next;
    this.#memory.give(former);
  }
}
