/**
 * A program of the tests under a limit of open files. It says what it has to say in lines of JSON, and stops
 * when its standard input ends.
 */
import { fileURLToPath } from "node:url";
import { settles } from "./until.ts";

/** The program's process. */
export class LimitedProcess {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;

  /** Runs `program`, which stands beside `base`, with at most `openFiles` open files. */
  constructor(openFiles: number, program: string, base: string, ...args: string[]) {
    const path = fileURLToPath(new URL(program, base));
    const run = `ulimit -n ${openFiles} && exec "$0" run --no-check --allow-all "$@"`;
    this.#child = new Deno.Command("sh", {
      args: ["-c", run, Deno.execPath(), path, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
      env: { NO_COLOR: "1" },
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The next line that it prints, as JSON. */
  async line<T>(): Promise<T> {
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await settles(this.#lines.read(), "a line of the server");
      if (done) throw new Error(`the server ended after ${JSON.stringify(text)}`);
      text += value;
    }
    return JSON.parse(text);
  }

  /** Ends its input; gives the last line that it prints, and how it ended. */
  async stop<T>(): Promise<T & { code: number }> {
    await this.#child.stdin.close();
    const last = await this.line<T>();
    const { code } = await settles(this.#child.status, "the end of the server");
    await this.#lines.cancel();
    return { ...last, code };
  }

  kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}
