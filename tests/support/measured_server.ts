/**
 * A server in a process of its own whose memory is measured as the system sees it, with innocents who ask it for an
 * echo over and over: one over tcp, and where there is TLS another one over that.
 */
import type { ConfigInput } from "../../lib/server/config/config.ts";
import type { ServerStats } from "../../lib/server/server.ts";
import { testCertificate, writeTestCertificate } from "./certificate.ts";
import { echoMessage, frame, helloMessage } from "./frames.ts";
import { Innocents, type Waits } from "./innocents.ts";
import { ProgramProcess } from "./program_process.ts";
import { until } from "./until.ts";
import type { Said } from "./users.ts";

const SAMPLE_MS = 10;
/** Nothing more happens when so many looks one after the other see the same. */
const LOOKS = 40;
/** What an echo of the innocent is. */
const INNOCENT_BYTES = frame(echoMessage("an innocent")).length;
const MIB = 1024 * 1024;
const PROGRAM = new URL("../faults/doors_program.ts", import.meta.url).href;

/** What a measured server may be. */
export interface MeasuredOptions {
  /** Its configuration beside its listeners. */
  readonly config?: ConfigInput;
  /** Whether it listens on TLS. Default: not. */
  readonly tls?: boolean;
  /** Who the innocents say they are. Default: they say no Hello. */
  readonly said?: Said;
}

/** The server. */
export class MeasuredServer implements AsyncDisposable {
  /** Its ports by the kind of listener; `ws` is the http listener, `tls` is 0 when it does not listen there. */
  readonly ports: Readonly<Record<"tcp" | "tls" | "raw" | "ws" | "text", number>>;
  /** The path of its socket. */
  readonly path: string;
  readonly innocents: Innocents;
  readonly #process: ProgramProcess;
  readonly #folder: string;
  readonly #sampling: ReturnType<typeof setInterval>;
  #quietBytes = 0;
  #mostBytes = 0;

  private constructor(
    process: ProgramProcess,
    folder: string,
    addresses: Record<string, string>,
    { ca, said }: { ca: string | null; said: Said | undefined },
  ) {
    this.#process = process;
    this.#folder = folder;
    const { tcp, tls = "0", raw, ws, text, unix } = addresses;
    const numbers = { tcp, tls, raw, ws, text };
    this.ports = Object.fromEntries(
      Object.entries(numbers).map(([kind, port]) => [kind, Number(port)]),
    ) as typeof this.ports;
    this.path = unix;
    const hello = said === undefined ? undefined : frame(helloMessage(said));
    this.innocents = new Innocents([
      { port: this.ports.tcp, hello },
      ca === null ? { port: this.ports.tcp, hello } : { port: this.ports.tls, ca, hello },
    ]);
    this.#sampling = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** Starts one, and waits until it is warm and quiet. */
  static async start(options: MeasuredOptions = {}): Promise<MeasuredServer> {
    const folder = await Deno.makeTempDir({ prefix: "parley-memory-" });
    const tls = options.tls ? await writeTestCertificate(folder) : undefined;
    const config = JSON.stringify({ ...options.config, tls });
    const args = [folder, "127.0.0.1", config];
    const process = new ProgramProcess({ openFiles: 8192 }, PROGRAM, PROGRAM, ...args);
    const { addresses } = await process.line<{ addresses: Record<string, string> }>();
    const ca = options.tls ? (await testCertificate()).ca : null;
    const server = new MeasuredServer(process, folder, addresses, { ca, said: options.said });
    await server.readsNoMore();
    server.#quietBytes = server.residentBytes();
    return server;
  }

  /** Its resident memory. */
  residentBytes(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#process.pid}/status`);
    return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
  }

  /** What it has now beyond what it had when it was quiet, and the most that it had, in MiB. */
  get aboveQuietMiB(): number {
    return Math.round((this.residentBytes() - this.#quietBytes) / MIB);
  }
  get mostAboveQuietMiB(): number {
    this.#sample();
    return Math.round((this.#mostBytes - this.#quietBytes) / MIB);
  }

  /** Its counters. */
  async stats(): Promise<ServerStats> {
    return (await this.#process.ask<{ stats: ServerStats }>()).stats;
  }

  /** Waits until it has read all that there is, and nobody is ended any more. The innocents do not count. */
  async readsNoMore(): Promise<void> {
    let last = "";
    for (let same = 0; same < LOOKS;) {
      const { bytesIn, messagesIn, inputBytes, outboxBytes, connectionsOpen } = await this.stats();
      // An echo of an innocent adds as much to both.
      const others = bytesIn - messagesIn * INNOCENT_BYTES;
      const now = JSON.stringify([others, inputBytes, outboxBytes >>> 16, connectionsOpen]);
      same = now === last ? same + 1 : 0;
      last = now;
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  }

  /** Waits until the memory has come back below `bytes` above quiet. */
  async comesBack(bytes: number, deadlineMs: number): Promise<void> {
    const isBack = () => this.residentBytes() - this.#quietBytes < bytes;
    await until(isBack, "the memory is given back", deadlineMs);
  }

  /** How long the innocents waited since this was last asked. */
  waits(): Promise<Waits> {
    return this.innocents.waits();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sampling);
    this.innocents[Symbol.dispose]();
    try {
      await this.#process.stop();
    } finally {
      await this.#process.kill();
      await Deno.remove(this.#folder, { recursive: true });
    }
  }

  #sample(): void {
    this.#mostBytes = Math.max(this.#mostBytes, this.residentBytes());
  }
}
