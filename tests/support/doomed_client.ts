/**
 * A client in a process of its own that never reads, and can be killed: the system then closes its socket
 * as it closes that of a program that crashed. With bytes unread that is a reset, without a word before.
 */
import { fileURLToPath } from "node:url";
import type { BusKind } from "./bus_client.ts";
import { testCertificate } from "./certificate.ts";
import { type ClientMessageInit, frame, join } from "./frames.ts";
import type { TestServer } from "./server.ts";
import { settles } from "./until.ts";

const PROGRAM = fileURLToPath(new URL("./doomed_process.ts", import.meta.url));

/** One client process. */
export class DoomedClient implements AsyncDisposable {
  readonly #started: Promise<Deno.ChildProcess>;
  #input: WritableStreamDefaultWriter<Uint8Array> | null = null;
  #killed = false;

  /** Starts a process that connects to a listener of `server`. */
  constructor(server: TestServer, kind: BusKind) {
    this.#started = start(server, kind);
  }

  /** Sends messages. Resolves when the process was given them. */
  async send(...messages: readonly ClientMessageInit[]): Promise<void> {
    const child = await this.#started;
    this.#input ??= child.stdin.getWriter();
    await this.#input.write(join(...messages.map((message) => frame(message))));
  }

  /** Kills the process, and resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#killed) return;
    this.#killed = true;
    const child = await this.#started;
    child.kill("SIGKILL");
    await settles(child.status, "the end of a killed process");
    this.#input ??= child.stdin.getWriter();
    await this.#input.abort().catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

async function start(server: TestServer, kind: BusKind): Promise<Deno.ChildProcess> {
  const address = kind === "unix"
    ? [server.path]
    : kind === "tls"
    ? ["localhost", `${server.port(kind)}`, (await testCertificate()).ca]
    : ["127.0.0.1", `${server.port(kind)}`];
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--allow-all", PROGRAM, kind, ...address],
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
}
