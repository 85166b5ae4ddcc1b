/**
 * Streams and an environment in memory, for commands that run inside of the test's own process.
 *
 * What a real process does with signals, pipes and terminals is tested with real processes.
 */
import { main } from "../../lib/cli/main.ts";
import type { CliIo, Output } from "../../lib/cli/io.ts";

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
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array | string;
}

class FakeOutput implements Output {
  readonly isTerminal: boolean;
  readonly colors: boolean;
  readonly columns = 80;
  readonly #chunks: Uint8Array[] = [];

  constructor(options: FakeOptions) {
    this.isTerminal = options.terminal ?? false;
    this.colors = options.colors ?? this.isTerminal;
  }

  write(data: string | Uint8Array): void {
    this.#chunks.push(typeof data === "string" ? new TextEncoder().encode(data) : data.slice());
  }

  get text(): string {
    return this.#chunks.map((chunk) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(chunk))
      .join("");
  }
}

/** Runs a command line of `parley` in this process. */
export async function run(args: readonly string[], options: FakeOptions = {}): Promise<Ended> {
  const stdout = new FakeOutput(options);
  const stderr = new FakeOutput(options);
  const stdin = options.stdin ?? "";
  const io: CliIo = {
    stdout,
    stderr,
    environment: () => options.environment ?? {},
    readStdin: () =>
      Promise.resolve(typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin),
    releaseEnvironment: () => Promise.resolve(),
  };
  const code = await main(args, io);
  return { code, stdout: stdout.text, stderr: stderr.text };
}
