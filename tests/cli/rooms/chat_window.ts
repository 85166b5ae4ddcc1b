/**
 * A `parley chat` in a terminal of its own whose screen can be read: a pty made by `script`, and the small
 * terminal of tests that understands what is sent.
 */
import { COMMAND, type Environment, type Finished, Running } from "../processes.ts";
import { settles } from "../../support/until.ts";
import { TinyScreen } from "./tiny_screen.ts";

/** What the shell prints behind the chat, so that its end is known and the terminal's modes are seen. */
const AFTER = "ended with";

/** One chat on one terminal. */
export class ChatWindow implements AsyncDisposable {
  readonly screen: TinyScreen;
  readonly #running: Running;
  readonly #folder: string;
  #read = 0;

  private constructor(running: Running, folder: string, columns: number, rows: number) {
    this.#running = running;
    this.#folder = folder;
    this.screen = new TinyScreen(columns, rows);
  }

  /** Starts `parley chat` with these arguments. */
  static open(
    args: readonly string[],
    environment: Environment,
    columns = 60,
    rows = 12,
  ): Promise<ChatWindow> {
    return ChatWindow.openCommand(["chat", ...args], environment, { columns, rows });
  }

  /** Starts any command of `parley` that draws a terminal as the chat does. */
  static async openCommand(
    args: readonly string[],
    environment: Environment,
    { columns, rows }: { readonly columns: number; readonly rows: number },
  ): Promise<ChatWindow> {
    const folder = await Deno.makeTempDir({ prefix: "parley-chat-" });
    const quoted = [...COMMAND, ...args].map((each) => `'${each}'`).join(" ");
    const shell = [
      `stty cols ${columns} rows ${rows}`,
      `tty > '${folder}/tty'`,
      `sh -c 'echo $$ > "${folder}/pid"; exec "$@"' sh ${quoted}`,
      `echo "${AFTER} $?"`,
      "stty -a",
    ].join("; ");
    const words = ["script", "-qec", shell, "/dev/null"];
    const running = new Running([], environment, { stdin: "piped", words });
    return new ChatWindow(running, folder, columns, rows);
  }

  /** Waits until the screen holds `text`; fails with what it shows when the chat ends without. */
  shows(text: string): Promise<void> {
    return this.until((screen) => screen.text.includes(text), text);
  }

  /** Waits until `condition` holds of the screen. */
  async until(condition: (screen: TinyScreen) => boolean, what: string): Promise<void> {
    const shown = this.#running.shows((output) => {
      // What the shell says afterwards is for `ended`.
      const chat = output.split(AFTER)[0];
      this.screen.write(chat.slice(this.#read));
      this.#read = chat.length;
      return condition(this.screen);
    }, what);
    try {
      await settles(shown, what);
    } catch (cause) {
      shown.catch(() => {});
      throw new Error(`${(cause as Error).message}:\n${this.screen.text}`, { cause });
    }
  }

  /** Types. */
  type(keys: string): Promise<void> {
    return this.#running.write(keys);
  }

  /** Makes the terminal larger. */
  async grow(columns: number, rows: number): Promise<void> {
    this.screen.grow(columns, rows);
    const tty = (await Deno.readTextFile(`${this.#folder}/tty`)).trim();
    const args = ["-F", tty, "cols", `${columns}`, "rows", `${rows}`];
    const { success } = await new Deno.Command("stty", { args }).output();
    if (!success) throw new Error("cannot change the size of the terminal");
  }

  /** Sends the chat a signal. */
  async signal(signal: Deno.Signal): Promise<void> {
    Deno.kill(Number(await Deno.readTextFile(`${this.#folder}/pid`)), signal);
  }

  /** Waits for the end: the exit code, and whether the terminal was given back as it was. */
  async ended(): Promise<{ code: number; restored: boolean; finished: Finished }> {
    const finished = await this.#running.ended();
    const [chat, after = ""] = finished.rest.split(AFTER);
    this.screen.write(chat.slice(this.#read));
    const modes = [...this.screen.modes].sort().join();
    // Lines are gathered and echoed by the terminal again, and it is on its first screen.
    const restored = / icanon/.test(after) && / echo /.test(after) && modes === "25,7";
    return { code: Number(/^ (\d+)/.exec(after)?.[1]), restored, finished };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
