/**
 * A program of the tests in a process of its own, with few open files or in a network of its own. It says what
 * it has to say in lines of JSON, and stops when its standard input ends.
 */
import { fileURLToPath } from "node:url";
import { settles } from "./until.ts";

/** What a program runs under. */
export interface ProgramBounds {
  /** How many files it may have open. */
  readonly openFiles?: number;
  /** The name of its network namespace. */
  readonly network?: string;
}

/** The program's process. */
export class ProgramProcess {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #text = "";

  /** Runs `program`, which stands beside `base`. */
  constructor(bounds: ProgramBounds, program: string, base: string, ...args: string[]) {
    const path = fileURLToPath(new URL(program, base));
    const limit = bounds.openFiles === undefined ? "" : `ulimit -n ${bounds.openFiles} && `;
    const network = bounds.network === undefined ? "" : `ip netns exec ${bounds.network} `;
    const run = `${limit}exec ${network}"$0" run --no-check --allow-all "$@"`;
    this.#child = new Deno.Command("sh", {
      args: ["-c", run, Deno.execPath(), path, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
      env: { NO_COLOR: "1" },
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#input = this.#child.stdin.getWriter();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The next line that it prints, as JSON. */
  async line<T>(): Promise<T> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return JSON.parse(line);
      }
      const { value, done } = await settles(this.#lines.read(), "a line of the program");
      if (done) throw new Error(`the program ended after ${JSON.stringify(this.#text)}`);
      this.#text += value;
    }
  }

  /** Sends it an empty line; gives the line with which it answers. */
  async ask<T>(): Promise<T> {
    await this.#input.write(new TextEncoder().encode("\n"));
    return await this.line<T>();
  }

  /** Ends its input; gives the last line that it prints, and how it ended. */
  async stop<T>(): Promise<T & { code: number }> {
    await this.#input.close();
    const last = await this.line<T>();
    const { code } = await settles(this.#child.status, "the end of the program");
    await this.#lines.cancel();
    return { ...last, code };
  }

  /** Ends it at once, unless it has ended; resolves when nothing of it is left. */
  async kill(): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await Promise.allSettled([this.#input.close(), this.#child.status, this.#lines.cancel()]);
  }
}
