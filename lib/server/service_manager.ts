/**
 * Tells the service manager of the system (systemd) how the server stands: ready, reloading, stopping, and alive.
 *
 * The protocol is that of sd_notify(3): datagrams with lines of text to the socket that NOTIFY_SOCKET names. Without that
 * variable there is nobody to tell, and without datagrams on unix sockets in the runtime (`--unstable-net`, which the
 * executable, the npm package and `deno task start` have) nothing is told, and the log says so. "Alive" is told by a timer of the one event
 * loop that serves everybody, twice in the time that the manager waits: a loop that stands still is restarted.
 * Nothing here fails: what cannot be told is in the log, once.
 */
import { detached } from "../base/detached.ts";
import { logger } from "../base/log.ts";

const log = logger("server");

/** The variables that are needed. */
export const MANAGER_VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/** The longest status that is told. */
const MAX_STATUS_CHARACTERS = 500;
/** The shortest time between two signs of life. */
const LEAST_ALIVE_MS = 10;

/** A socket for datagrams, which the types of the runtime do not have. */
interface DatagramSocket {
  send(
    bytes: Uint8Array,
    to: { readonly transport: "unixpacket"; readonly path: string },
  ): Promise<number>;
  close(): void;
}

type Listen = (options: { transport: "unixpacket"; path: string }) => DatagramSocket;

/** The service manager that started this process. */
export class ServiceManager implements Disposable {
  readonly #socket: DatagramSocket;
  readonly #path: string;
  #timer: ReturnType<typeof setInterval> | undefined;
  #last: Promise<void> = Promise.resolve();
  #complained = false;

  private constructor(socket: DatagramSocket, path: string) {
    this.#socket = socket;
    this.#path = path;
  }

  /** The manager that the environment names; null when there is none, or it cannot be told anything. */
  static from(environment: Readonly<Record<string, string>>): ServiceManager | null {
    const { NOTIFY_SOCKET: address = "" } = environment;
    if (address === "") return null;
    try {
      const listen = (Deno as unknown as { listenDatagram?: Listen }).listenDatagram;
      if (listen === undefined) throw new Error("the runtime was started without --unstable-net");
      const manager = new ServiceManager(openSocket(listen), address.replace(/^@/, "\0"));
      manager.#begin(environment);
      return manager;
    } catch (reason) {
      log.warning("the service manager cannot be told how the server stands: {reason}", {
        reason: (reason as Error).message,
      });
      return null;
    }
  }

  /** The server serves, and `status` says in words how. */
  ready(status: string): void {
    this.#tell(`READY=1\nSTATUS=${wordsOf(status)}`);
  }

  /** The server reads its configuration again; `ready` follows. */
  reloading(): void {
    this.#tell("RELOADING=1\nSTATUS=reading the configuration again");
  }

  /** The server stops. */
  stopping(): void {
    this.#tell("STOPPING=1\nSTATUS=stopping");
  }

  /** Tells nothing any more. What was told before is still sent. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    detached(
      this.#last.then(() => this.#socket.close()),
      "close the socket of the service manager",
    );
  }

  #begin({ WATCHDOG_USEC: usec = "", WATCHDOG_PID: pid = "" }: Readonly<Record<string, string>>) {
    const waitsMs = Number(usec) / 1000;
    const isOurs = pid === "" || Number(pid) === Deno.pid;
    if (!isOurs || !(waitsMs > 0)) return;
    this.#timer = setInterval(() => this.#tell("WATCHDOG=1"), signsEveryMs(waitsMs));
  }

  /** Sends one after the other, so that none overtakes another. */
  #tell(text: string): void {
    this.#last = this.#last.then(() => this.#send(text));
  }

  async #send(text: string): Promise<void> {
    try {
      const bytes = new TextEncoder().encode(text);
      await this.#socket.send(bytes, { transport: "unixpacket", path: this.#path });
    } catch (reason) {
      if (this.#complained) return;
      this.#complained = true;
      log.warning("the service manager cannot be told how the server stands: {reason}", {
        reason: (reason as Error).message,
      });
    }
  }
}

/** How often a sign of life is sent to a manager that waits so long for one, in milliseconds: twice in that time. */
export function signsEveryMs(waitsMs: number): number {
  return Math.max(LEAST_ALIVE_MS, waitsMs / 2);
}

/** A socket to send from; its own name matters to nobody. */
function openSocket(listen: Listen): DatagramSocket {
  try {
    // A name that begins with a zero byte is in no file system.
    const path = `\0parley-${Deno.pid}-${crypto.randomUUID().slice(0, 8)}`;
    return listen({ transport: "unixpacket", path });
  } catch {
    // Older runtimes refuse such names, and only Linux has them.
    const folder = Deno.makeTempDirSync({ prefix: "parley-" });
    try {
      return listen({ transport: "unixpacket", path: `${folder}/notify` });
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  }
}

/** A status in one line. */
function wordsOf(status: string): string {
  return status.replaceAll(/\s+/g, " ").slice(0, MAX_STATUS_CHARACTERS);
}
