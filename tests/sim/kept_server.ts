/**
 * `parley serve` as a process that keeps the topics below `sim.`, to be killed under load.
 *
 * Clients are raw frames, so that what they know is what came over the socket and nothing else.
 */
import assert from "node:assert/strict";
import { COMMAND, Running } from "../cli/processes.ts";
import { childEnvironment, root } from "../interop/programs.ts";
import { BusClient } from "../support/bus_client.ts";
import { settles } from "../support/until.ts";

const HOSTNAME = "127.0.0.1";

function options(directory: string): string[] {
  return [
    "serve",
    "--json",
    ...["--tcp", `${HOSTNAME}:0`, "--raw", "", "--http", "", "--text", ""],
    ...["--data", directory],
    ...["--set", "keep=sim.>"],
    // Longer than any round takes, on however busy a machine.
    ...["--set", "store.dedup_window_ms=3600000"],
  ];
}

/** One run of the server. */
export class KeptServer implements AsyncDisposable {
  /** The process. */
  readonly running: Running;
  /** From the start of the process until it listened. */
  readonly startMs: number;
  /** Where it listens, on loopback. */
  readonly port: number;

  private constructor(running: Running, port: number, startMs: number) {
    this.running = running;
    this.port = port;
    this.startMs = startMs;
  }

  /** Starts it in a directory, with more options if need be, and waits until it listens. */
  static async start(directory: string, more: readonly string[] = []): Promise<KeptServer> {
    const begun = performance.now();
    const running = new Running([...options(directory), ...more]);
    try {
      const [line] = await settles(running.lines(1), "the start of the server");
      const address: string = JSON.parse(line).listeners[0].addresses[0];
      return new KeptServer(running, Number(address.split(":").at(-1)), performance.now() - begun);
    } catch (reason) {
      await running[Symbol.asyncDispose]();
      throw reason;
    }
  }

  /** Starts it in a directory and kills it `ms` later, whatever it is at then. */
  static async killWhileStarting(directory: string, ms: number): Promise<void> {
    const child = new Deno.Command(COMMAND[0], {
      args: [...COMMAND.slice(1), ...options(directory)],
      env: childEnvironment(),
      clearEnv: true,
      cwd: root,
      stdout: "null",
      stderr: "null",
    }).spawn();
    await new Promise((resolve) => setTimeout(resolve, ms));
    child.kill("SIGKILL");
    await child.status;
  }

  /** Connects a client. */
  async connect(): Promise<BusClient> {
    const client = new BusClient(
      await Deno.connect({ hostname: HOSTNAME, port: this.port }),
    );
    client.startReading();
    return client;
  }

  /** Ends the process without a warning. Fails when it had ended by itself, or complained before. */
  async kill(): Promise<void> {
    const { code, log } = await this.running.end("SIGKILL");
    assert.equal(code, 137, log);
    assertNoComplaint(log);
  }

  /** Asks it to stop, waits for that, and fails unless it went as it should. */
  async stop(): Promise<void> {
    const { code, log } = await this.running.end("SIGTERM");
    assert.equal(code, 0, log);
    assertNoComplaint(log);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.running[Symbol.asyncDispose]();
  }
}

/** What a server says on a runtime with an old SQLite, whatever its data is like. */
const OLD_SQLITE = /"message":"SQLite [\d.]+ can damage its log/;

/** Fails when a log holds a warning or worse: after a kill nothing is lost that is worth one. */
function assertNoComplaint(log: string): void {
  for (const line of log.trim().split("\n")) {
    if (OLD_SQLITE.test(line)) continue;
    assert.doesNotMatch(line, /"level":"(warning|error|fatal)"/);
  }
}
