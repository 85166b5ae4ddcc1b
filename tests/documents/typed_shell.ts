/**
 * An interactive shell on a terminal of its own, into which a test pastes what a document says, as its readers do.
 *
 * Interactive is what makes the difference: there zsh knows no comments, and both shells read an exclamation mark in
 * double quotes as history. The shell reads no settings of its user. A line that fails is told by the shell's own trap.
 */
import { run } from "../interop/programs.ts";
import { type Environment, Running } from "../cli/processes.ts";

/** The shells that tests type into. */
export type Shell = "bash" | "zsh" | "fish";

/** How each is started without its user's settings, what has it note a command that failed, and how that is asked for. */
const STARTS: Record<Shell, { command: string; trap: string; failed: string }> = {
  bash: {
    command: "exec bash --noprofile --norc -i",
    trap: "trap 'failed=$?' ERR",
    failed: '"${failed:-0}"; failed=0',
  },
  zsh: {
    command: "exec zsh -f -i",
    trap: "TRAPZERR() { failed=$? }",
    failed: '"${failed:-0}"; failed=0',
  },
  fish: {
    command: "exec fish --no-config -i",
    trap: "function note_failed --on-event fish_postexec; set -l now $status; " +
      "test $now -ne 0; and set -g failed $now; end; set -g failed 0",
    failed: "$failed; set -g failed 0",
  },
};

/** Of these shells, and `script`, what is there. */
export const present: readonly string[] = Deno.build.os !== "linux"
  ? []
  : (await run("sh", ["-c", "for each in script bash zsh fish; do command -v $each; done; true"]))
    .trim().split("\n").map((path) => path.split("/").at(-1)!);

/** A shell on a terminal. */
export class TypedShell implements AsyncDisposable {
  readonly #shell: Running;
  readonly #failed: string;
  #asked = 0;
  #screen = "";

  private constructor(shell: Running, failed: string) {
    this.#shell = shell;
    this.#failed = failed;
  }

  /** Starts one in `folder`, and waits until it takes what is typed. */
  static async start(shell: Shell, folder: string, environment: Environment): Promise<TypedShell> {
    const { command, trap, failed } = STARTS[shell];
    const words = ["script", "-qec", `cd '${folder}' && ${command}`, "/dev/null"];
    const more = { ...environment, TERM: "dumb", HOME: folder, PS1: "> ", PROMPT: "> " };
    const typed = new TypedShell(new Running([], more, { stdin: "piped", words }), failed);
    await typed.paste(trap);
    return typed;
  }

  /** All that the terminal has shown. */
  get screen(): string {
    return this.#screen;
  }

  /** Pastes lines and waits until they are done; raises what was on the screen when one of them failed. */
  async paste(code: string): Promise<string> {
    const from = this.#screen.length;
    const mark = `done-${++this.#asked}`;
    // Typed with quotes in it: only what is printed matches.
    const asks = `printf '\\n%s=%s\\n' d'one'-${this.#asked} ${this.#failed}`;
    await this.type(`${code}\n${asks}\n`);
    const pattern = new RegExp(`^${mark}=(\\d+)`, "m");
    await this.shows((screen) => pattern.test(screen), mark);
    const told = this.#screen.slice(from);
    if (pattern.exec(told)![1] !== "0") throw new Error(`a line failed:\n${code}\n${told}`);
    return told;
  }

  /** Types without waiting. */
  type(text: string): Promise<void> {
    return this.#shell.write(text);
  }

  /** Waits until `condition` holds of all that the terminal has shown. */
  shows(condition: (screen: string) => boolean, what: string): Promise<void> {
    return this.#shell.shows((text) => {
      this.#screen = text.replaceAll("\r", "");
      return condition(this.#screen);
    }, what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shell[Symbol.asyncDispose]();
  }
}
