/**
 * A server in a process of its own whose memory is measured as the system sees it, with an innocent peer who asks
 * it for an echo over and over.
 */
import type { ServerStats } from "../../lib/server/server.ts";
import { echoMessage, frame } from "./frames.ts";
import { ProgramProcess } from "./program_process.ts";
import { settles, until } from "./until.ts";

const SAMPLE_MS = 10;
/** Nothing more happens when so many looks one after the other see the same. */
const LOOKS = 40;
/** What an echo of the innocent is. */
const INNOCENT_BYTES = frame(echoMessage("an innocent")).length;
const MIB = 1024 * 1024;
const PROGRAM = new URL("../e2e/doors_program.ts", import.meta.url).href;

/** How long an innocent waits. */
export interface Waits {
  readonly p99Ms: number;
  readonly mostMs: number;
  readonly count: number;
}

/** The server. */
export class MeasuredServer implements AsyncDisposable {
  /** Its ports by the kind of listener; `ws` is the http listener. */
  readonly ports: Readonly<Record<"tcp" | "raw" | "ws" | "text", number>>;
  readonly #process: ProgramProcess;
  readonly #folder: string;
  readonly #innocent: Worker;
  readonly #sampling: ReturnType<typeof setInterval>;
  #quietBytes = 0;
  #mostBytes = 0;

  private constructor(process: ProgramProcess, folder: string, addresses: Record<string, string>) {
    this.#process = process;
    this.#folder = folder;
    const { tcp, raw, ws, text } = addresses;
    this.ports = { tcp: Number(tcp), raw: Number(raw), ws: Number(ws), text: Number(text) };
    this.#innocent = new Worker(new URL("innocent_worker.ts", import.meta.url), { type: "module" });
    this.#innocent.postMessage(this.ports.tcp);
    this.#sampling = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** Starts one, and waits until it is warm and quiet. */
  static async start(): Promise<MeasuredServer> {
    const folder = await Deno.makeTempDir({ prefix: "parley-memory-" });
    const process = new ProgramProcess({ openFiles: 8192 }, PROGRAM, PROGRAM, folder);
    const { addresses } = await process.line<{ addresses: Record<string, string> }>();
    const server = new MeasuredServer(process, folder, addresses);
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

  /** Waits until it has read all that there is, and nobody is ended any more. The innocent does not count. */
  async readsNoMore(): Promise<void> {
    let last = "";
    for (let same = 0; same < LOOKS;) {
      const { bytesIn, messagesIn, inputBytes, outboxBytes, connectionsOpen } = await this.stats();
      // An echo of the innocent adds as much to both.
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

  /** How long the innocent waited since this was last asked. */
  async waits(): Promise<Waits> {
    const answer = new Promise<Waits>((resolve) => {
      this.#innocent.onmessage = ({ data }) => resolve(data);
    });
    this.#innocent.postMessage(null);
    return await settles(answer, "the innocent's figures");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sampling);
    this.#innocent.terminate();
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
