/**
 * One line on the terminal that says what is being measured; nothing where there is no terminal.
 */

/** Shows what is done. */
export class Progress {
  readonly #isTerminal = Deno.stderr.isTerminal();
  #title = "";

  /** Says which case is next. */
  begin(title: string): void {
    this.#title = title;
    this.step("");
  }

  /** Says which part of it. */
  step(text: string): void {
    this.#write(`\r\x1b[K${this.#title}${text === "" ? "" : `: ${text}`}`);
  }

  /** Takes the line away. */
  clear(): void {
    this.#write("\r\x1b[K");
  }

  #write(text: string): void {
    if (this.#isTerminal) Deno.stderr.writeSync(new TextEncoder().encode(text));
  }
}
