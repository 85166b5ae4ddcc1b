/**
 * The process as the commands see it: standard streams and the environment, so that tests can put
 * something else in its place.
 *
 * Colour is used only on a terminal and never when NO_COLOR is set. Writing is synchronous: what a
 * command prints is out before it ends. A reader that went away raises `Deno.errors.BrokenPipe`.
 */

/** One of the two streams to write to. */
export interface Output {
  /** Whether a person is likely to read it at once. */
  readonly isTerminal: boolean;
  /** Whether it takes colours. */
  readonly colors: boolean;
  /** The width of the terminal in characters, 80 where there is none. */
  readonly columns: number;
  /** Writes all of it. */
  write(data: string | Uint8Array): void;
}

/** What a command reads and writes. */
export interface CliIo {
  readonly stdout: Output;
  readonly stderr: Output;
  /**
   * The whole environment where it may be listed, so that misspelt variables are found; otherwise those
   * of `names` that may be read.
   */
  environment(names: readonly string[]): Readonly<Record<string, string>>;
  /** Reads standard input to its end, at most `maxBytes`; raises RangeError when there is more. */
  readStdin(maxBytes: number): Promise<Uint8Array>;
  /** Called when nothing more will be read from the environment: it is then closed to the process. */
  releaseEnvironment(): Promise<void>;
}

/** The streams and the environment of this process. */
export function processIo(): CliIo {
  return {
    stdout: output(Deno.stdout),
    stderr: output(Deno.stderr),
    environment: readEnvironment,
    readStdin,
    async releaseEnvironment() {
      await Deno.permissions.revoke({ name: "env" });
    },
  };
}

function output(stream: typeof Deno.stdout): Output {
  const isTerminal = stream.isTerminal();
  const encoder = new TextEncoder();
  return {
    isTerminal,
    colors: isTerminal && !Deno.noColor,
    get columns() {
      try {
        return isTerminal ? Deno.consoleSize().columns : 80;
      } catch {
        return 80;
      }
    },
    write(data) {
      const bytes = typeof data === "string" ? encoder.encode(data) : data;
      for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
    },
  };
}

function readEnvironment(names: readonly string[]): Record<string, string> {
  if (Deno.permissions.querySync({ name: "env" }).state === "granted") return Deno.env.toObject();
  const readable = names.filter((variable) =>
    Deno.permissions.querySync({ name: "env", variable }).state === "granted"
  );
  return Object.fromEntries(
    readable.map((name) => [name, Deno.env.get(name)])
      .filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

async function readStdin(maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const buffer = new Uint8Array(64 * 1024);
  for (let count; (count = await Deno.stdin.read(buffer)) !== null;) {
    length += count;
    if (length > maxBytes) throw new RangeError(`standard input has more than ${maxBytes} bytes`);
    chunks.push(buffer.slice(0, count));
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
