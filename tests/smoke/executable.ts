/**
 * Runs Parley as a user would: the executable that PARLEY_EXECUTABLE names, or else server.ts with the
 * permissions of the executable.
 *
 * Only what a user sees is used: arguments, standard streams, signals, exit codes, sockets.
 */
import { TextLineStream } from "./text_line_stream.ts";
import { PERMISSIONS } from "../../tools/compile.ts";
import { childEnvironment, root } from "../interop/programs.ts";
import { listenOptions } from "../support/listen_options.ts";

const executable = Deno.env.get("PARLEY_EXECUTABLE");
const [program, before] = executable
  ? [executable, []]
  : [Deno.execPath(), ["run", "--quiet", "--no-check", ...PERMISSIONS, `${root}/server.ts`]];

function command(args: readonly string[], options: Deno.CommandOptions, env = {}): Deno.Command {
  return new Deno.Command(program, {
    args: [...before, ...args],
    env: childEnvironment(env),
    clearEnv: true,
    ...options,
  });
}

/** What a command that ended left behind. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. */
export async function parley(args: readonly string[], env = {}): Promise<Ended> {
  const { code, stdout, stderr } = await command(args, { stdin: "null" }, env).output();
  return {
    code,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(stderr),
  };
}

/** The line of `parley serve --json`. */
export interface Listening {
  event: "listening";
  version: string;
  pid: number;
  listeners: { kind: string; addresses: string[]; urls: string[] }[];
}

/** A server process. */
export class ServerProcess implements AsyncDisposable {
  readonly listening: Listening;
  readonly #child: Deno.ChildProcess;
  readonly #stderr: Promise<string>;
  #ended = false;

  private constructor(child: Deno.ChildProcess, stderr: Promise<string>, listening: Listening) {
    this.#child = child;
    this.#stderr = stderr;
    this.listening = listening;
  }

  /** Starts a server on free ports of loopback, and waits until it says where it listens. */
  static async start(more: readonly string[] = []): Promise<ServerProcess> {
    const args = [
      "serve",
      "--json",
      ...listenOptions({ tcp: "127.0.0.1:0", raw: "127.0.0.1:0" }),
      ...["--data", ""],
      ...more,
    ];
    const options = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    const child = command(args, options, { PARLEY_LOG_LEVEL: "debug" }).spawn();
    const stderr = new Response(child.stderr).text();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(
      new TextLineStream(),
    );
    const reader = lines.getReader();
    const { value, done } = await reader.read();
    await reader.cancel();
    if (done) {
      const { code } = await child.status;
      throw new Error(`the server ended with ${code} before it listened:\n${await stderr}`);
    }
    return new ServerProcess(child, stderr, JSON.parse(value));
  }

  /** The URL for clients. */
  get url(): string {
    return this.listening.listeners.flatMap((each) => each.urls)[0]!;
  }

  /** Host and port of a listener. */
  address(kind: "tcp" | "raw" | "text"): { hostname: string; port: number } {
    const text = this.listening.listeners.find((each) => each.kind === kind)!.addresses[0]!;
    const at = text.lastIndexOf(":");
    return { hostname: text.slice(0, at), port: Number(text.slice(at + 1)) };
  }

  /** Sends a signal. */
  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Waits for the end and gives the exit code and the log. */
  async ended(): Promise<{ code: number; log: string }> {
    const { code } = await this.#child.status;
    this.#ended = true;
    return { code, log: await this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.signal("SIGTERM");
    await this.ended();
  }
}
