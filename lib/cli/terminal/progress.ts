/**
 * One line on the terminal that is written over and over while something takes long; nothing elsewhere.
 *
 * It goes to standard error, so that it never mixes with what a command prints. Texts are our own.
 */
import type { CliIo } from "../io.ts";

/** How often the line changes at most. */
const SHOW_EVERY_MS = 100;

/** The line. Who makes one clears it before anything else is written. */
export class Progress {
  readonly #io: CliIo;
  #nextMs: number;
  #shown = false;

  /** Shows nothing in the first `afterMs` milliseconds: what is quick needs no progress. */
  constructor(io: CliIo, afterMs = 0) {
    this.#io = io;
    this.#nextMs = performance.now() + afterMs;
  }

  /** Shows `text` unless something was shown a moment ago. */
  show(text: string): void {
    const now = performance.now();
    if (!this.#io.stderr.isTerminal || now < this.#nextMs) return;
    this.#nextMs = now + SHOW_EVERY_MS;
    this.#shown = true;
    this.#io.stderr.write(`\r\x1b[K${text}`);
  }

  /** Shows the progress of a task, and takes the line away with its end, whatever that is. */
  static async of<Result>(
    io: CliIo,
    task: (show: (text: string) => void) => Promise<Result>,
  ): Promise<Result> {
    const progress = new Progress(io);
    try {
      return await task((text) => progress.show(text));
    } finally {
      progress.clear();
    }
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#io.stderr.write("\r\x1b[K");
    this.#shown = false;
  }
}
