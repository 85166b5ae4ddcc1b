/**
 * `parley` as processes: servers, commands that run for long, and commands with a terminal of their own.
 *
 * They run server.ts with the permissions of the executable. What a test leaves running is ended with it.
 * Waiting is for what a process writes, never for a time.
 */
import { PERMISSIONS } from "../../tools/compile.ts";
import { childEnvironment, root } from "../interop/programs.ts";
import { listenOptions } from "../support/listen_options.ts";

/** The command line that stands for `parley`. */
export const COMMAND: readonly string[] = [
  Deno.execPath(),
  "run",
  "--quiet",
  "--no-check",
  ...PERMISSIONS,
  "server.ts",
];

/** Options of `serve` for free ports of loopback. */
export const LOCAL: readonly string[] = [
  ...listenOptions({ tcp: "127.0.0.1:0", raw: "127.0.0.1:0" }),
  ...["--data", ""],
];

/** Variables of a process besides those it inherits. */
export type Environment = Record<string, string>;

function command(words: readonly string[], environment: Environment, stdin: "null" | "piped") {
  return new Deno.Command(words[0], {
    args: words.slice(1),
    cwd: root,
    env: childEnvironment(environment),
    clearEnv: true,
    stdin,
    stdout: "piped",
    stderr: "piped",
  });
}

/** Starts `parley` without input. */
export function spawn(
  args: readonly string[],
  environment: Environment = {},
): Deno.ChildProcess {
  return command([...COMMAND, ...args], environment, "null").spawn();
}

/** Runs `parley` to its end. */
export async function runProcess(args: readonly string[], environment: Environment = {}) {
  const { code, stdout, stderr } = await spawn(args, environment).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** What a stream of a process has given so far. */
class Heard {
  text = "";
  /** Resolves with the end of the stream. */
  readonly ended: Promise<void>;
  #over = false;
  #wake: (() => void)[] = [];

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#read(stream);
  }

  /** Resolves with whether `condition` held before the end. */
  async until(condition: (text: string) => boolean): Promise<boolean> {
    while (!condition(this.text) && !this.#over) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    return condition(this.text);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    for await (const chunk of stream) {
      this.text += decoder.decode(chunk, { stream: true });
      this.#tell();
    }
    this.#over = true;
    this.#tell();
  }

  #tell(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** How a process ended. */
export interface Finished {
  readonly code: number;
  /** All of its standard error. */
  readonly log: string;
  /** All of its standard output. */
  readonly rest: string;
}

/** A process that runs; what it writes gathers. */
export class Running implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly #stdout: Heard;
  readonly #stderr: Heard;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array> | null;
  #ended = false;

  /** Starts `parley`, or the program that `words` name. */
  constructor(
    args: readonly string[],
    environment: Environment = {},
    options: { stdin?: "null" | "piped"; words?: readonly string[] } = {},
  ) {
    const { stdin = "null", words = [...COMMAND, ...args] } = options;
    this.child = command(words, environment, stdin).spawn();
    this.#stdout = new Heard(this.child.stdout);
    this.#stderr = new Heard(this.child.stderr);
    this.#stdin = stdin === "piped" ? this.child.stdin.getWriter() : null;
  }

  /** Waits for the first lines of its output. */
  async lines(count: number): Promise<string[]> {
    await this.#wait(this.#stdout, (text) => text.split("\n").length > count, `${count} lines`);
    return this.#stdout.text.split("\n").slice(0, count);
  }

  /** Waits until standard output holds `text`. */
  prints(text: string): Promise<void> {
    return this.#wait(this.#stdout, (all) => all.includes(text), text);
  }

  /** Waits until `condition` holds of standard output; it is asked again whenever there is more. */
  shows(condition: (output: string) => boolean, what: string): Promise<void> {
    return this.#wait(this.#stdout, condition, what);
  }

  /** Waits until standard error holds `text`. */
  says(text: string): Promise<void> {
    return this.#wait(this.#stderr, (all) => all.includes(text), text);
  }

  /** Waits until standard error matches `pattern`, and gives the match. */
  async finds(pattern: RegExp): Promise<RegExpExecArray> {
    await this.#wait(this.#stderr, (all) => pattern.test(all), String(pattern));
    return pattern.exec(this.#stderr.text)!;
  }

  /** Writes to its standard input. */
  async write(text: string): Promise<void> {
    await this.#stdin!.write(new TextEncoder().encode(text));
  }

  /** Ends its standard input. */
  async closeInput(): Promise<void> {
    await this.#stdin!.close();
  }

  /** Sends a signal and waits for the end. */
  end(signal: Deno.Signal): Promise<Finished> {
    this.child.kill(signal);
    return this.ended();
  }

  /** Waits for the end. */
  async ended(): Promise<Finished> {
    const [{ code }] = await Promise.all([
      this.child.status,
      this.#stdout.ended,
      this.#stderr.ended,
    ]);
    this.#ended = true;
    await this.#stdin?.close().catch(() => {});
    return { code, log: this.#stderr.text, rest: this.#stdout.text };
  }

  /** Ends what a failed test left running. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.ended();
  }

  async #wait(heard: Heard, condition: (text: string) => boolean, what: string): Promise<void> {
    if (await heard.until(condition)) return;
    await this.#stderr.ended;
    throw new Error(`it ended before ${what}:\n${this.#stdout.text}${this.#stderr.text}`);
  }
}

/** A server on `port`, or a free one, and where it listens. */
export async function startServerProcess(port = 0): Promise<
  { server: Running; environment: Environment; port: number }
> {
  const listen = port === 0 ? [] : ["--tcp", `127.0.0.1:${port}`];
  const server = new Running(["serve", "--json", ...LOCAL, ...listen]);
  const { listeners } = JSON.parse((await server.lines(1))[0]);
  const url: string = listeners[0].urls[0];
  return { server, environment: { PARLEY_SERVER: url }, port: Number(url.split(":").at(-1)) };
}

/** Whether commands can be given a terminal, with `script` of util-linux. */
export const hasScript = Deno.build.os === "linux" && await scriptIsThere();

async function scriptIsThere(): Promise<boolean> {
  try {
    return (await new Deno.Command("script", { args: ["--version"], stdout: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

/**
 * Starts `parley` with a terminal: both of its outputs come as standard output, and what is written to it
 * is typed. With `stdout`, its standard output goes to the file or pipe of that path instead.
 */
export function startOnTerminal(
  args: readonly string[],
  environment: Environment = {},
  options: { stdout?: string } = {},
): Running {
  const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
  const quoted = [...COMMAND, ...args].map(quote);
  if (options.stdout !== undefined) quoted.push(`>${quote(options.stdout)}`);
  // The program takes the place of the shell: some shells would tell of a Ctrl-C in their own exit code.
  const words = ["script", "-qec", `exec ${quoted.join(" ")}`, "/dev/null"];
  return new Running([], { NO_COLOR: "", ...environment }, { stdin: "piped", words });
}

/** Runs `parley` with a terminal to its end, and gives all that the terminal got. */
export async function onTerminal(
  args: readonly string[],
  environment: Environment = {},
): Promise<string> {
  await using running = startOnTerminal(args, environment);
  return (await running.ended()).rest;
}
