/**
 * Passes on what a program prints, as it comes.
 *
 * Into a pipe it goes byte for byte, unless a prefix is asked for: then line by line, with the prefix before
 * each. On a terminal everything that it would obey is written out, since what a program prints is often what
 * somebody else sent. Memory is bounded: a line that is very long is passed on in pieces.
 */
import type { Output } from "../io.ts";
import { terminalText } from "../terminal/terminal_text.ts";

const MAX_LINE_CHARACTERS = 64 * 1024;
/** The most that is kept of the last line, in characters. */
const MAX_KEPT_CHARACTERS = 1024;

/** The output of one program; `lastLine` tells how it ended. */
export class ProgramOutput {
  readonly #output: Output;
  readonly #prefix: string;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #rest = "";
  #last = "";
  #failure: { readonly error: unknown } | null = null;

  constructor(output: Output, prefix: string) {
    this.#output = output;
    this.#prefix = prefix;
  }

  /** The last line that was not blank, cut to a sensible length. */
  get lastLine(): string {
    return this.#last;
  }

  /** Passes on `stream` to its end. Calls `end`, and reads on in silence, when it cannot be written. */
  async pass(stream: AsyncIterable<Uint8Array>, end: () => void): Promise<void> {
    for await (const chunk of stream) {
      this.#try(() => this.#pass(chunk), end);
    }
    this.#try(() => this.#finish(), end);
  }

  /** Raises why it could not be written. */
  throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  #try(write: () => void, end: () => void): void {
    if (this.#failure !== null) return;
    try {
      write();
    } catch (error) {
      this.#failure = { error };
      end();
    }
  }

  #pass(chunk: Uint8Array): void {
    const isExact = this.#prefix === "" && !this.#output.isTerminal;
    if (isExact) this.#output.write(chunk);
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop()!;
    if (this.#rest.length > MAX_LINE_CHARACTERS) {
      lines.push(this.#rest);
      this.#rest = "";
    }
    for (const line of lines) this.#take(line);
    if (isExact || lines.length === 0) return;
    this.#output.write(lines.map((line) => this.#shown(line)).join(""));
  }

  /** What stands behind the last line feed. */
  #finish(): void {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = "";
    if (rest === "") return;
    this.#take(rest);
    if (this.#prefix !== "" || this.#output.isTerminal) this.#output.write(this.#shown(rest));
  }

  #take(line: string): void {
    const text = line.trim();
    if (text !== "") this.#last = text.slice(0, MAX_KEPT_CHARACTERS);
  }

  #shown(line: string): string {
    return `${this.#prefix}${terminalText(line.replace(/\r$/, ""), this.#output)}\n`;
  }
}
