/**
 * The process as the commands see it: standard streams and the environment, so that tests can put
 * something else in its place.
 *
 * Colour is used only on a terminal and never when NO_COLOR is set. Writing is synchronous: what a
 * command prints is out before it ends. A reader that went away raises `Deno.errors.BrokenPipe`. Only a process
 * that serves others must not wait for who reads what it prints: it detaches its outputs.
 */
import { OUTPUT_FLUSH_MS } from "../base/limits.ts";
import { joinBytes } from "../base/join_bytes.ts";
import type { LogTarget } from "../server/logging.ts";
import { OutputQueue } from "./terminal/output_queue.ts";
import { type RawStream, StandardStream } from "./terminal/standard_stream.ts";
import type { Runtime } from "./runtime.ts";

/** One of the two streams to write to. */
export interface Output {
  /** Whether a person is likely to read it at once. */
  readonly isTerminal: boolean;
  /** Whether it takes colours. */
  readonly colors: boolean;
  /** The width of the terminal in characters, 80 where there is none. */
  readonly columns: number;
  /** The height of the terminal in lines, 24 where there is none. */
  readonly rows: number;
  /** Writes all of it; once the outputs are detached, as soon as the stream takes it. */
  write(data: string | Uint8Array): void;
}

/** The stream to read from. */
interface Input {
  /** Whether a person types it. */
  readonly isTerminal: boolean;
  /** Whether each key is given at once and unseen, instead of whole lines; only on a terminal. */
  setRaw(raw: boolean): void;
  /** Gives what comes, as it comes, to its end. Each chunk belongs to the receiver. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** What a command reads and writes. */
export interface CliIo {
  /** What the program runs on. */
  readonly runtime: Runtime;
  readonly stdout: Output;
  readonly stderr: Output;
  /**
   * The whole environment where it may be listed, so that misspelt variables are found; otherwise those
   * of `names` that may be read.
   */
  environment(names: readonly string[]): Readonly<Record<string, string>>;
  /** Reads standard input to its end, at most `maxBytes`; raises RangeError when there is more. */
  readStdin(maxBytes: number): Promise<Uint8Array>;
  /** Where a command reads what is not named in its arguments. */
  readonly stdin: Input;
  /**
   * From now on no output waits for its reader, nor raises: whole lines are queued, and when too much waits the
   * oldest are dropped. Gives standard error as the place of a log.
   */
  detachOutputs(): LogTarget;
  /** Waits for the readers of detached outputs, but not for long. */
  flushOutputs(): Promise<void>;
  /**
   * Called by the server once it listens: from then on the process can neither read its environment nor
   * run a program. Gives what it may still do, as the runtime tells it.
   */
  releasePermissions(): Promise<readonly string[]>;
}

/** Everything that a process may be allowed. */
const PERMISSION_NAMES = ["env", "ffi", "import", "net", "read", "run", "sys", "write"] as const;

/** The streams and the environment of this process. */
export function processIo(): CliIo {
  const stdout = new ProcessOutput(Deno.stdout, 1);
  const stderr = new ProcessOutput(Deno.stderr, 2);
  return {
    runtime: { version: Deno.version.deno, standalone: Deno.build.standalone },
    stdout,
    stderr,
    environment: readEnvironment,
    readStdin,
    stdin: {
      isTerminal: Deno.stdin.isTerminal(),
      setRaw: (raw) => Deno.stdin.setRaw(raw),
      chunks: readChunks,
    },
    detachOutputs() {
      stdout.detach();
      stderr.detach();
      return stderr;
    },
    async flushOutputs() {
      await Promise.all([stdout.flush(), stderr.flush()]);
    },
    async releasePermissions() {
      await Deno.permissions.revoke({ name: "env" });
      await Deno.permissions.revoke({ name: "run" });
      return PERMISSION_NAMES.filter((name) =>
        Deno.permissions.querySync({ name }).state === "granted"
      );
    },
  };
}

/** One of the two streams of this process. */
class ProcessOutput implements Output, LogTarget {
  readonly isTerminal: boolean;
  readonly colors: boolean;
  readonly #stream: StandardStream;
  readonly #queue: OutputQueue;
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #detached = false;

  constructor(raw: RawStream & { isTerminal(): boolean }, descriptor: 1 | 2) {
    this.isTerminal = raw.isTerminal();
    this.colors = this.isTerminal && !Deno.noColor;
    this.#stream = new StandardStream(raw, descriptor);
    this.#queue = new OutputQueue((bytes) => this.#stream.writeSome(bytes));
  }

  get columns(): number {
    return this.isTerminal ? consoleSize().columns : 80;
  }

  get rows(): number {
    return this.isTerminal ? consoleSize().rows : 24;
  }

  get droppedLines(): number {
    return this.#queue.dropped;
  }

  tellDropped(text: (lines: number) => string): void {
    this.#queue.droppedText = text;
  }

  write(data: string | Uint8Array): void {
    if (this.#detached) {
      this.#queue.add(typeof data === "string" ? data : this.#decoder.decode(data));
    } else this.#stream.writeSync(typeof data === "string" ? this.#encoder.encode(data) : data);
  }

  detach(): void {
    this.#detached = true;
  }

  async flush(): Promise<void> {
    await this.#queue.flush(OUTPUT_FLUSH_MS);
  }
}

/** A terminal that tells no size, as some emulators' first moments, counts as the classic one. */
function consoleSize(): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    return { columns: columns || 80, rows: rows || 24 };
  } catch {
    return { columns: 80, rows: 24 };
  }
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
  for await (const chunk of readChunks()) {
    length += chunk.length;
    if (length > maxBytes) throw new RangeError(`standard input has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return joinBytes(chunks);
}

async function* readChunks(): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(64 * 1024);
  for (let count; (count = await Deno.stdin.read(buffer)) !== null;) yield buffer.slice(0, count);
}
