/**
 * A client in a process of its own that never reads, and can be killed: the system then closes its socket
 * as it closes that of a program that crashed. With bytes unread that is a reset, without a word before.
 */
import { fileURLToPath } from "node:url";
import type { BusKind } from "./bus_client.ts";
import { type ClientMessageInit, frame, join } from "./frames.ts";
import type { TestServer } from "./server.ts";
import { settles } from "./until.ts";

const PROGRAM = fileURLToPath(new URL("./doomed_process.ts", import.meta.url));

/** One client process. */
export class DoomedClient implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #killed = false;

  /** Starts a process that connects to a listener of `server`. */
  constructor(server: TestServer, kind: BusKind) {
    const address = kind === "unix" ? [server.path] : ["127.0.0.1", `${server.port(kind)}`];
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--allow-all", PROGRAM, kind, ...address],
      env: { DENO_NO_UPDATE_CHECK: "1" },
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
  }

  /** Sends messages. Resolves when the process was given them. */
  async send(...messages: readonly ClientMessageInit[]): Promise<void> {
    await this.#input.write(join(...messages.map((message) => frame(message))));
  }

  /** Kills the process, and resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#killed) return;
    this.#killed = true;
    this.#child.kill("SIGKILL");
    await settles(this.#child.status, "the end of a killed process");
    await this.#input.abort().catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
