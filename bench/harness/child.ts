/**
 * The processes that a benchmark starts: servers and load generators, each ended by its id.
 *
 * Every child is known here from its start on, so `stopAll` ends them also when the harness itself is
 * told to stop. Standard output is read line by line as it comes; of what a child complains about the
 * end is kept, for the message that says why it failed.
 */

/** How much of standard error is kept. */
const KEPT_CHARACTERS = 4000;
/** A child that has not ended this long after SIGTERM is killed. */
const PATIENCE_MS = 15_000;

const running = new Set<Child>();
let stopping = false;

/** A program that is not there. */
export class MissingProgram extends Error {}

/** One process. */
export class Child implements AsyncDisposable {
  readonly pid: number;
  /** Resolves with its exit code. */
  readonly ended: Promise<number>;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: string[] = [];
  readonly #streams: Promise<unknown>;
  #complaints = "";
  #wake: () => void = () => {};
  #over = false;

  private constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.pid = process.pid;
    this.#input = process.stdin.getWriter();
    this.#streams = Promise.all([this.#readOutput(), this.#readErrors()]);
    running.add(this);
    this.ended = process.status.then(({ code }) => {
      running.delete(this);
      return code;
    });
  }

  /** Starts a program without any PARLEY_* in its environment, but with `more`. Raises MissingProgram. */
  static start(
    program: string,
    args: readonly string[],
    cwd?: string,
    more: Readonly<Record<string, string>> = {},
  ): Child {
    if (stopping) throw new Error(`cannot start ${program}: the harness was told to stop`);
    const env = Object.fromEntries(
      Object.entries(Deno.env.toObject()).filter(([name]) => !name.startsWith("PARLEY_")),
    );
    const command = new Deno.Command(program, {
      args: [...args],
      cwd,
      env: { ...env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...more },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    try {
      return new Child(command.spawn());
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new MissingProgram(`${program} is not installed`, { cause: error });
    }
  }

  /** The next line of standard output. Rejects when there is none within `seconds`. */
  async line(seconds: number): Promise<string> {
    const giveUpAt = performance.now() + seconds * 1000;
    while (this.#lines.length === 0) {
      const leftMs = giveUpAt - performance.now();
      if (this.#over) throw await this.failure();
      if (leftMs <= 0) throw new Error(`process ${this.pid} said nothing for ${seconds} s`);
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, leftMs);
      });
      clearTimeout(timer);
    }
    return this.#lines.shift()!;
  }

  /** Gives the child one line to read. */
  async tell(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Why it ended, once it has. */
  async failure(): Promise<Error> {
    const [code] = await Promise.all([this.ended, this.#streams]);
    return new Error(
      `a process ended with ${code}: ${this.#complaints.trim() || "no reason given"}`,
    );
  }

  /** Ends it by a signal, and waits until it is gone. */
  async stop(): Promise<void> {
    this.#signal("SIGTERM");
    const timer = setTimeout(() => this.#signal("SIGKILL"), PATIENCE_MS);
    await this.ended;
    clearTimeout(timer);
    await this.#input.close().catch(() => {});
    await this.#streams;
  }

  /** The same as `stop`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #signal(name: Deno.Signal): void {
    try {
      this.#process.kill(name);
    } catch {
      // It has ended, which is what the signal was for.
    }
  }

  async #readOutput(): Promise<void> {
    let rest = "";
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.#lines.push(...lines);
      this.#wake();
    }
    this.#over = true;
    this.#wake();
  }

  async #readErrors(): Promise<void> {
    for await (const text of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      this.#complaints = (this.#complaints + text).slice(-KEPT_CHARACTERS);
    }
  }
}

/** Ends every child that runs, and starts no other. */
export async function stopAll(): Promise<void> {
  stopping = true;
  await Promise.all([...running].map((child) => child.stop()));
}
