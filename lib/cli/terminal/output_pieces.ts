/**
 * Cuts output into pieces of which it is known how much was taken, also when the stream does not block and takes
 * nothing now.
 *
 * The runtime keeps a short buffer before standard output. When a stream that does not block is full, its error
 * does not say whether the piece stayed in that buffer, so each piece has a form that leaves one answer: text
 * without a line feed that fits into the buffer stays there; longer text goes past it, and so does a line feed
 * alone, and into a pipe lines that the system takes whole or not at all.
 */

/**
 * What is written to: something that has no buffer or always takes everything, as standard error and files; a
 * pipe behind the buffer; or anything else behind it, as terminals and sockets.
 */
export type PieceKind = "direct" | "pipe" | "other";

/** The longest write that every system puts into a pipe whole or not at all. */
const PIPE_BYTES = 512;
/** The longest write that Linux puts into a pipe whole or not at all. */
const LINUX_PIPE_BYTES = 4096;
/** Text without a line feed that is shorter stays in the runtime's buffer. */
const BUFFER_BYTES = 1024;
const LINE_FEED = 0x0a;

/** The pieces of one stream: `next` gives one, then `blocked` says what became of it if it was not taken. */
export class OutputPieces {
  readonly #kind: PieceKind;
  readonly #pipeBytes: number;

  constructor(kind: PieceKind, isLinux: boolean) {
    this.#kind = kind;
    this.#pipeBytes = isLinux ? LINUX_PIPE_BYTES : PIPE_BYTES;
  }

  /** What to hand over next of `bytes`, which are not empty. */
  next(bytes: Uint8Array): Uint8Array {
    return bytes.subarray(0, this.#length(bytes));
  }

  /**
   * The stream took nothing now. Whether the runtime holds the whole piece all the same: an empty write pushes it
   * on, and until one succeeds nothing else may be written.
   */
  holds(piece: Uint8Array): boolean {
    return this.#kind !== "direct" && piece.length < BUFFER_BYTES && piece.at(-1) !== LINE_FEED;
  }

  #length(bytes: Uint8Array): number {
    if (this.#kind === "direct") return bytes.length;
    if (this.#kind === "pipe") {
      const end = bytes.subarray(0, this.#pipeBytes).lastIndexOf(LINE_FEED);
      if (end >= 0) return end + 1;
    }
    const lineFeed = bytes.indexOf(LINE_FEED);
    return lineFeed === 0 ? 1 : lineFeed < 0 ? bytes.length : lineFeed;
  }
}
