/**
 * Standard output and standard error: everything is written, whatever the stream is like.
 *
 * A stream may take a part of what it is given, or, when another program has set it not to block, nothing now: then
 * it is asked again. Each write exists twice: one that waits in place, as commands need it that must not go on
 * before their output is out, and one for processes that must not wait for a reader.
 */
import { fstatSync } from "node:fs";
import { OutputPieces, type PieceKind } from "./output_pieces.ts";

/** How long to wait before a full stream is asked again: at first, and after many times in vain. */
const FIRST_PAUSE_MS = 1;
const LAST_PAUSE_MS = 16;
const NOTHING = new Uint8Array(0);
/** Memory to wait on: nothing is ever notified there, so a wait ends with its time. */
const bed = new Int32Array(new SharedArrayBuffer(4));

/** What is needed of `Deno.stdout` and `Deno.stderr`. */
export interface RawStream {
  write(bytes: Uint8Array): Promise<number>;
  writeSync(bytes: Uint8Array): number;
}

/** One of the two streams, as bytes. */
export class StandardStream {
  readonly #raw: RawStream;
  readonly #pieces: OutputPieces;

  /** `descriptor` is 1 or 2. */
  constructor(raw: RawStream, descriptor: number) {
    this.#raw = raw;
    this.#pieces = new OutputPieces(kindOf(descriptor), Deno.build.os === "linux");
  }

  /** Writes all of `bytes`, and waits in place until the stream has them. Raises when nobody will read them. */
  writeSync(bytes: Uint8Array): void {
    for (let at = 0, pauseMs = FIRST_PAUSE_MS; at < bytes.length;) {
      const piece = this.#pieces.next(bytes.subarray(at));
      try {
        at += this.#raw.writeSync(piece);
        pauseMs = FIRST_PAUSE_MS;
      } catch (error) {
        raiseUnlessFull(error);
        pauseMs = sleep(pauseMs);
        if (!this.#pieces.holds(piece)) continue;
        this.#pushSync();
        at += piece.length;
      }
    }
  }

  /**
   * Writes some of `bytes`, which are not empty; resolves with how many once the stream has taken them. Rejects
   * when nobody will read them, and with WouldBlock when the stream takes none now.
   */
  async writeSome(bytes: Uint8Array): Promise<number> {
    const piece = this.#pieces.next(bytes);
    try {
      return await this.#raw.write(piece);
    } catch (error) {
      raiseUnlessFull(error);
      if (!this.#pieces.holds(piece)) throw error;
      await this.#push();
      return piece.length;
    }
  }

  /** Pushes on what the runtime holds. */
  #pushSync(): void {
    for (let pauseMs = FIRST_PAUSE_MS;;) {
      try {
        this.#raw.writeSync(NOTHING);
        return;
      } catch (error) {
        raiseUnlessFull(error);
        pauseMs = sleep(pauseMs);
      }
    }
  }

  /** Empties the buffer of the runtime without blocking the thread. */
  async #push(): Promise<void> {
    while (true) {
      try {
        await this.#raw.write(NOTHING);
        return;
      } catch (error) {
        raiseUnlessFull(error);
        await new Promise((resolve) => setTimeout(resolve, LAST_PAUSE_MS));
      }
    }
  }
}

function raiseUnlessFull(error: unknown): void {
  if (!(error instanceof Deno.errors.WouldBlock)) throw error;
}

/** Waits in place; gives how long to wait the next time. */
function sleep(ms: number): number {
  Atomics.wait(bed, 0, 0, ms);
  return Math.min(2 * ms, LAST_PAUSE_MS);
}

function kindOf(descriptor: number): PieceKind {
  // Nothing is kept before standard error.
  if (descriptor !== 1 || Deno.build.os === "windows") return "direct";
  try {
    const is = fstatSync(descriptor);
    return is.isFile() ? "direct" : is.isFIFO() ? "pipe" : "other";
  } catch {
    return "other";
  }
}
