/**
 * An entry, as it is handed to a store: the body of an event or a job, and the stamps that the server adds to it.
 *
 * One object is filled again and again, so that an event on its way takes no object of its own: a function that
 * is given one reads it before it returns, and keeps none of it.
 */
const NOTHING = new Uint8Array(0);

/** An event or a job on its way into the store. */
export class Entry {
  /** The body lies from `start` to `end`. */
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  /** The stamps that the server adds behind the body: the first `stampsLength` bytes. */
  stamps: Uint8Array = NOTHING;
  stampsLength = 0;
  /** The message_id lies in `bytes` from `idStart` to `idEnd`; there is none when these are equal. */
  idStart = 0;
  idEnd = 0;
  /** The wall time, in milliseconds since 1970. A topic's time does not go back: appending can set it later. */
  timeMs = 0;

  /** The number of bytes that will be kept, without the seq. */
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

  /** Sets the stamps that the server adds. */
  setStamps(stamps: { readonly bytes: Uint8Array; readonly length: number }): this {
    this.stamps = stamps.bytes;
    this.stampsLength = stamps.length;
    return this;
  }

  /** Sets the place of the message_id. */
  setId(idStart: number, idEnd: number): this {
    this.idStart = idStart;
    this.idEnd = idEnd;
    return this;
  }
}
