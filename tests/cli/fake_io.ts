/**
 * Streams and an environment in memory, for commands that run inside of the test's own process.
 *
 * What a real process does with signals, pipes and terminals is tested with real processes.
 */
import { main } from "../../lib/cli/main.ts";
import type { CliIo, Output } from "../../lib/cli/io.ts";
import type { Runtime } from "../../lib/cli/runtime.ts";

/** What a command left behind. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command finds. */
export interface FakeOptions {
  /** Whether both outputs are terminals. Default: false. */
  readonly terminal?: boolean;
  /** Whether they take colours. Default: as `terminal`. */
  readonly colors?: boolean;
  /** How wide the terminal is. Default: 80. */
  readonly columns?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array | string;
  /** Whether somebody types the input. Default: false. */
  readonly stdinTerminal?: boolean;
  /** Default: what the tests run on. */
  readonly runtime?: Runtime;
}

/** A command that runs. */
export interface Begun {
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended & { readonly stdoutBytes: Uint8Array }>;
  /** Resolves once standard error holds `text`; fails when the command ends without. */
  says(text: string): Promise<void>;
  /** Resolves once standard output holds `text`; fails when the command ends without. */
  prints(text: string): Promise<void>;
}

class FakeOutput implements Output {
  readonly isTerminal: boolean;
  readonly colors: boolean;
  readonly columns: number;
  readonly rows = 24;
  readonly #chunks: Uint8Array[] = [];
  readonly #waiting: { text: string; resolve: () => void }[] = [];

  constructor(options: FakeOptions) {
    this.isTerminal = options.terminal ?? false;
    this.colors = options.colors ?? this.isTerminal;
    this.columns = options.columns ?? 80;
  }

  write(data: string | Uint8Array): void {
    this.#chunks.push(typeof data === "string" ? new TextEncoder().encode(data) : data.slice());
    const { text } = this;
    for (const each of this.#waiting) if (text.includes(each.text)) each.resolve();
  }

  /** Resolves once it holds `text`. */
  holds(text: string): Promise<void> {
    if (this.text.includes(text)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ text, resolve }));
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#chunks.flatMap((chunk) => [...chunk]));
  }

  get text(): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.bytes);
  }
}

/** Begins a command line of `parley` in this process. */
export function begin(args: readonly string[], options: FakeOptions = {}): Begun {
  const stdout = new FakeOutput(options);
  const stderr = new FakeOutput(options);
  const { stdin = "" } = options;
  const bytes = typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
  const io: CliIo = {
    runtime: options.runtime ?? { version: Deno.version.deno, standalone: false },
    stdout,
    stderr,
    environment: () => options.environment ?? {},
    readStdin: () => Promise.resolve(bytes),
    stdin: {
      isTerminal: options.stdinTerminal ?? false,
      setRaw: () => {},
      async *chunks() {
        // In small pieces, so that lines are cut wherever they can be.
        for (let at = 0; at < bytes.length; at += 5) yield await bytes.slice(at, at + 5);
      },
    },
    detachOutputs: () => stderr,
    flushOutputs: () => Promise.resolve(),
    releasePermissions: () => Promise.resolve([]),
  };
  const ended = main(args, io).then((code) => ({
    code,
    stdout: stdout.text,
    stdoutBytes: stdout.bytes,
    stderr: stderr.text,
  }));
  const before = async (what: Promise<void>, text: string): Promise<void> => {
    const early = await Promise.race([what, ended]);
    if (early !== undefined && !(early.stdout + early.stderr).includes(text)) {
      throw new Error(`it ended with ${early.code} before "${text}":\n${early.stderr}`);
    }
  };
  return {
    ended,
    says: (text) => before(stderr.holds(text), text),
    prints: (text) => before(stdout.holds(text), text),
  };
}

/** Runs a command line of `parley` in this process to its end. */
export async function run(args: readonly string[], options: FakeOptions = {}): Promise<Ended> {
  const { code, stdout, stderr } = await begin(args, options).ended;
  return { code, stdout, stderr };
}
