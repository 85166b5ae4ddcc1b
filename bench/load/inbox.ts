/**
 * The bytes of one connection that wait to be read in place: a buffer of a fixed size, whose rest moves to
 * the front before more is read.
 *
 * The size is what no peer here may have under way at once, so that there is always room. Raises when
 * there is none.
 */

const BUFFER_BYTES = 256 * 1024;

/** What has come and was not taken yet: `buffer` from `begin` to `end`. */
export class Inbox {
  readonly buffer: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_BYTES);
  begin = 0;
  end = 0;

  /** Where the next bytes are to be put. Ends the life of all offsets. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.begin > 0) {
      this.buffer.copyWithin(0, this.begin, this.end);
      this.end -= this.begin;
      this.begin = 0;
    }
    if (this.end === this.buffer.length) {
      throw new Error(`a message has more than ${BUFFER_BYTES} bytes`);
    }
    return this.buffer.subarray(this.end);
  }

  /** Says that `count` bytes were put there. */
  filled(count: number): void {
    this.end += count;
  }
}
