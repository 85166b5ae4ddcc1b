/**
 * How a load of several steps speaks with the harness: a line of JSON says that a step is done, a line
 * on standard input asks for the next, and the end of input ends the load.
 */

/** Both directions. */
export class Steps {
  readonly #input = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
  #text = "";

  /** Says that a step is done, and what came of it. */
  answer(result: unknown): void {
    console.log(JSON.stringify(result));
  }

  /** The name of the next step; undefined when there is none. */
  async next(): Promise<string | undefined> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#input.read();
      if (done) return undefined;
      this.#text += value;
    }
    const at = this.#text.indexOf("\n");
    const line = this.#text.slice(0, at);
    this.#text = this.#text.slice(at + 1);
    return line;
  }
}
