/**
 * What is handed to a store: the body of an event or a job, where it lies, and what the server adds to it.
 *
 * One object is filled again and again, so that an event on its way takes no object of its own: whoever is
 * given one reads it before it returns, and keeps none of it.
 */
const NOTHING = new Uint8Array(0);

/** An event or a job on its way into the store. */
export class Entry {
  /** The body lies from `start` to `end`. */
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  /** What the server adds behind it: the first `stampsLength` bytes. */
  stamps: Uint8Array = NOTHING;
  stampsLength = 0;
  /** Where the message_id lies in `bytes`; there is none when these are equal. */
  idStart = 0;
  idEnd = 0;
  /** The wall time, in milliseconds since 1970. A topic's time does not go back: appending can set it later. */
  timeMs = 0;

  /** How many bytes will be kept, but for the seq. */
  get length(): number {
    return this.end - this.start + this.stampsLength;
  }

  /** Sets the body, without stamps and message_id. */
  setBody(bytes: Uint8Array, start: number, end: number): this {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.stamps = NOTHING;
    this.stampsLength = this.idStart = this.idEnd = 0;
    return this;
  }

  /** Sets what the server adds. */
  setStamps(stamps: { readonly bytes: Uint8Array; readonly length: number }): this {
    this.stamps = stamps.bytes;
    this.stampsLength = stamps.length;
    return this;
  }

  /** Sets where the message_id lies. */
  setId(idStart: number, idEnd: number): this {
    this.idStart = idStart;
    this.idEnd = idEnd;
    return this;
  }
}
