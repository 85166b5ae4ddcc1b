/**
 * People at a plain terminal: a socket, `nc`, or a terminal of its own (a pty) around `nc`, and what they see.
 *
 * Everything is compared as text to the character, with a clock that stands still.
 */
import { ManualClock } from "../../support/manual_clock.ts";
import { NAME_PROMPT, TEXT_BANNER } from "../../../lib/adapters/text/banner.ts";
import type { TestServer } from "../../support/server.ts";
import { settles } from "../../support/until.ts";

/** What a person sees first. */
export const GREETING = TEXT_BANNER + NAME_PROMPT;
/** The time at which the clock of the tests stands, as it is shown. */
export const TIME = "2026-01-20 15:48:41";

/** A clock that stands at TIME, wherever the tests run. */
export function standingClock(): ManualClock {
  return new ManualClock(new Date(2026, 0, 20, 15, 48, 41).getTime());
}

/** The prompt of somebody with that name, and how what they say is shown. */
export function at(name: string): string {
  return `[${TIME}][${name}]:`;
}

const encoder = new TextEncoder();

/** Something that types and sees. */
export interface Terminal {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<void>;
  /** Finishes typing. */
  end(): Promise<void>;
  close(): Promise<void>;
}

/** One person. */
export class Guest implements AsyncDisposable {
  /** Everything that was shown. */
  seen = "";
  /** Whether nothing more will be shown. */
  ended = false;
  readonly #terminal: Terminal;
  readonly #pump: Promise<void>;
  #watchers: (() => void)[] = [];
  #looked = 0;
  #closed = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#pump = this.#readAll();
  }

  /** Over a socket. */
  static async connect(server: TestServer): Promise<Guest> {
    const port = server.port("text");
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return new Guest({
      read: (into) => connection.read(into),
      async write(bytes) {
        for (let sent = 0; sent < bytes.length;) {
          sent += await connection.write(bytes.subarray(sent));
        }
      },
      end: () => connection.closeWrite(),
      close: () => Promise.resolve(connection.close()),
    });
  }

  /** Connects and takes a name; resolves when there is a prompt. */
  static async named(server: TestServer, name: string): Promise<Guest> {
    const guest = await Guest.connect(server);
    await guest.shows(NAME_PROMPT);
    await guest.type(`${name}\n`);
    await guest.shows(at(name));
    return guest;
  }

  /** Types text, or bytes. */
  async type(what: string | Uint8Array): Promise<void> {
    const bytes = typeof what === "string" ? encoder.encode(what) : what;
    await settles(this.#terminal.write(bytes), "typing");
  }

  /** Types a line and waits until the server has shown something that ends so. */
  async line(text: string, ending: string): Promise<void> {
    await this.type(`${text}\n`);
    await this.shows(ending);
  }

  /** Waits until `text` is shown, behind everything that was waited for before. */
  async shows(text: string): Promise<void> {
    const found = () => this.seen.indexOf(text, this.#looked);
    if (found() < 0) {
      const shown = new Promise<void>((resolve) => {
        this.#watchers.push(() => (found() >= 0 || this.ended) && resolve());
      });
      await settles(shown, JSON.stringify(text)).catch((error) => {
        throw new Error(`${error.message}, but ${JSON.stringify(this.seen.slice(this.#looked))}`);
      });
    }
    if (found() < 0) throw new Error(`${JSON.stringify(text)} not in ${JSON.stringify(this.seen)}`);
    this.#looked = found() + text.length;
  }

  /** Finishes typing; what is shown can still come. */
  async end(): Promise<void> {
    if (!this.#closed) await this.#terminal.end();
  }

  /** Everything that was shown, once nothing more comes. */
  async whole(): Promise<string> {
    await settles(this.#pump, "the end of the connection");
    return this.seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#terminal.close();
    await this.#pump;
  }

  async #readAll(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    const decoder = new TextDecoder("utf-8", { fatal: true });
    try {
      for (;;) {
        const count = await this.#terminal.read(buffer);
        if (count === null) break;
        this.seen += decoder.decode(buffer.subarray(0, count), { stream: true });
        for (const watcher of this.#watchers) watcher();
      }
    } catch {
      // Closed from this side, or reset: what was seen is what counts.
    }
    this.ended = true;
    for (const watcher of this.#watchers) watcher();
  }
}

/**
 * A program whose standard input and output are the terminal. What ends its typing is `endOfInput`, or else
 * the end of its input itself.
 */
function programTerminal(command: string, args: string[], endOfInput = ""): Terminal {
  const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", stderr: "null" })
    .spawn();
  const input = child.stdin.getWriter();
  const output = child.stdout.getReader();
  let rest: Uint8Array = new Uint8Array(0);
  let ended = false;
  return {
    async read(into) {
      if (rest.length === 0) {
        const { value, done } = await output.read();
        if (done) return null;
        rest = value;
      }
      const count = Math.min(into.length, rest.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return count;
    },
    write: (bytes) => input.write(bytes),
    async end() {
      if (endOfInput !== "") return await input.write(encoder.encode(endOfInput));
      ended = true;
      await input.close();
    },
    async close() {
      if (!ended) await input.close().catch(() => {});
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await output.cancel();
      await child.status;
    },
  };
}

/** Whether programs that a test needs are here. */
export function hasProgram(name: string): boolean {
  try {
    const { success } = new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).outputSync();
    return success;
  } catch {
    return false;
  }
}

/** A person at `nc`; it leaves when its input has ended and the server has closed. */
export function ncGuest(server: TestServer, ...args: string[]): Guest {
  return new Guest(programTerminal("nc", [...args, "127.0.0.1", `${server.port("text")}`]));
}

/** A person at `nc` in a terminal of its own, which echoes what is typed and turns line ends into CRLF. */
export function terminalGuest(server: TestServer): Guest {
  const command = `nc 127.0.0.1 ${server.port("text")}`;
  const program = "import pty, sys; sys.exit(pty.spawn(sys.argv[1].split()))";
  return new Guest(programTerminal("/usr/bin/python3", ["-c", program, command], "\u0004"));
}
