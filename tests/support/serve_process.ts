/**
 * `parley serve` as a user runs it, in a process of its own, with a configuration that can be changed while it runs.
 */
import { stringify } from "smol-toml";
import type { ConfigInput } from "../../lib/server/config/config.ts";
import { COMMAND, type Finished, Running } from "../cli/processes.ts";
import { testCertificate, writeTestCertificate } from "./certificate.ts";
import { settles } from "./until.ts";

const START_MS = 120_000;
const END_MS = 60_000;

/** The listeners of such a server. */
export type ServedKind = "tcp" | "tls" | "raw" | "ws" | "text";

/** The server. */
export class ServeProcess implements AsyncDisposable {
  readonly running: Running;
  /** A folder of its own, with the configuration, the certificate and the data. */
  readonly folder: string;
  /** The authority that a client of its TLS has to trust. */
  readonly ca: string;
  #ports: ReadonlyMap<string, number> = new Map();
  #pid = 0;
  #writes = 0;

  private constructor(
    folder: string,
    ca: string,
    environment: Record<string, string>,
    network: string | undefined,
  ) {
    this.folder = folder;
    this.ca = ca;
    const args = ["serve", "--json", "--config", this.config];
    const within = network === undefined ? [] : ["ip", "netns", "exec", network];
    this.running = new Running([], environment, { words: [...within, ...COMMAND, ...args] });
  }

  /**
   * Starts one that listens on everything; `input` is what else its parley.toml says, `network` the name of its network
   * namespace.
   */
  static async start(
    input: ConfigInput,
    environment: Record<string, string> = {},
    network?: string,
  ): Promise<ServeProcess> {
    const folder = await Deno.makeTempDir({ prefix: "parley-serve-" });
    await writeTestCertificate(folder);
    const { ca } = await testCertificate();
    await Deno.writeTextFile(`${folder}/parley.toml`, textOf(folder, input));
    const variables = { PARLEY_LOG_FORMAT: "json", ...environment };
    const server = new ServeProcess(folder, ca, variables, network);
    try {
      const [line] = await settles(server.running.lines(1), "the start of parley serve", START_MS);
      const { listeners, pid } = JSON.parse(line);
      server.#pid = pid;
      server.#ports = new Map(
        listeners.map(({ kind, addresses }: { kind: string; addresses: string[] }) => [
          kind,
          Number(addresses[0].split(":").at(-1)),
        ]),
      );
      return server;
    } catch (reason) {
      await server[Symbol.asyncDispose]();
      throw reason;
    }
  }

  /** The file of its configuration. */
  get config(): string {
    return `${this.folder}/parley.toml`;
  }

  get pid(): number {
    return this.#pid;
  }

  port(kind: ServedKind): number {
    return this.#ports.get(kind)!;
  }

  /** The path of its unix socket. */
  get path(): string {
    return `${this.folder}/parley.sock`;
  }

  /** Replaces its configuration as a whole, by one that listens on the same, or by a text; does not tell it. */
  async write(input: ConfigInput | string): Promise<void> {
    const next = `${this.folder}/next${++this.#writes}.toml`;
    await Deno.writeTextFile(next, typeof input === "string" ? input : textOf(this.folder, input));
    await Deno.rename(next, this.config);
  }

  /** The errors of its log so far, as they were written. */
  async errors(): Promise<string[]> {
    const [log] = await this.running.finds(/^[^]*$/);
    return log.split("\n").filter((line) => line.includes('"level":"error"'));
  }

  /** Has it read its files again. */
  hangUp(): void {
    Deno.kill(this.#pid, "SIGHUP");
  }

  /** Ends it in order; gives its outputs and its exit code. */
  async stop(): Promise<Finished> {
    Deno.kill(this.#pid, "SIGTERM");
    return await settles(this.running.ended(), "the end of parley serve", END_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

function textOf(folder: string, input: ConfigInput): string {
  const any = "127.0.0.1:0";
  const unix = `${folder}/parley.sock`;
  const listen = { tcp: any, tls: any, raw: any, http: any, text: any, unix, ...input.listen };
  const tls = { certificate: `${folder}/cert.pem`, key: `${folder}/key.pem`, ...input.tls };
  return stringify({ data: `${folder}/data`, ...input, listen, tls });
}
