/**
 * Runs rude_clients.py: connections that are reset as soon as they are there, or crowds that say nothing.
 *
 * In a process of its own and in Python, because that is quick enough for a reset to come before the server
 * has taken the connection, and because a crowd needs more open files than the process of the tests may have.
 */
import { fileURLToPath } from "node:url";
import { settles } from "./until.ts";

const PROGRAM = fileURLToPath(new URL("./rude_clients.py", import.meta.url));

/** What runs the program; undefined where there is no Python. */
export const python = ["/usr/bin/python3", "python3"].find((each) => {
  try {
    return new Deno.Command(each, { args: ["-c", ""], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
});

/** What a test that needs it adds to its name. */
export const withoutPython = python === undefined ? " (needs python3)" : "";

type Addresses = readonly (number | string)[];

/**
 * Resets `count` connections while this process stands still, so that all of them wait, dead, in the backlog
 * of a server in this process.
 */
export function resetInBacklog(count: number, addresses: Addresses): void {
  const args = [PROGRAM, "resets", String(count), ...addresses.map(String)];
  const { success, stderr } = new Deno.Command(python!, { args }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** Rude clients that go on until they are told to stop. */
export class RudeClients {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;

  private constructor(mode: "rate" | "crowd", number: number, addresses: Addresses) {
    this.#child = new Deno.Command(python!, {
      args: [PROGRAM, mode, String(number), ...addresses.map(String)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Begins to reset so many connections a second. */
  static reset(perSecond: number, addresses: Addresses): RudeClients {
    return new RudeClients("rate", perSecond, addresses);
  }

  /** Connects so many at once; resolves when all of them have tried. */
  static async crowd(count: number, addresses: Addresses): Promise<RudeClients> {
    const crowd = new RudeClients("crowd", count, addresses);
    await settles(crowd.#lines.read(), "a crowd connects");
    return crowd;
  }

  /** Ends them; gives the number that they printed last, if any. */
  async stop(): Promise<number> {
    await this.#child.stdin.close();
    let text = "";
    for (;;) {
      const { value, done } = await settles(this.#lines.read(), "rude clients end");
      if (done) break;
      text += value;
    }
    await settles(this.#child.status, "rude clients have ended");
    return Number(text);
  }
}
