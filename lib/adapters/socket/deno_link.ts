/**
 * A tcp or unix connection of Deno as a Link.
 *
 * Reads go straight into the caller's buffer. `conn.readable` is not used: it closes both directions at
 * the end of input.
 *
 * Before Deno 2.9.5 a write that is under way does not notice that its connection is closed: for as long
 * as the peer neither reads nor leaves, the runtime keeps the socket and the batch. `close` makes our
 * promise settle all the same, so that nothing of the server waits for it; the batch is released later.
 */
import { detached, settled } from "../../base/detached.ts";
import { WriteAbandoned } from "../../base/write_abandoned.ts";
import type { Link, ListenerKind } from "../../ports/link.ts";
import { acceptLoop } from "./accept_loop.ts";
import type { Remote } from "./door.ts";
import { askAfterSilence } from "./keepalive.ts";

/** A tcp or unix connection of Deno. */
type DenoConnection = Deno.TcpConn | Deno.UnixConn;

/** One accepted connection. */
export class DenoLink implements Link {
  readonly kind: ListenerKind;
  readonly answersProbes = false;
  readonly signs = 0;
  bytesWritten = 0;
  readonly #connection: DenoConnection;
  /** Whose connection it is; null for a unix socket. */
  readonly #remote: Remote | null;
  #closed = false;
  /** The latest read, write and end of sending of the runtime: until they settle, it keeps the socket. */
  #reading: Promise<number | null> | null = null;
  #writing: Promise<number> | null = null;
  #ending: Promise<unknown> | null = null;
  /** Rejects the latest write; without effect once that has settled. */
  #abandonWrite: ((reason: Error) => void) | null = null;

  /** `remote` is whose connection it is; nothing for a unix socket. */
  constructor(kind: ListenerKind, connection: DenoConnection, remote: Remote | null = null) {
    this.kind = kind;
    this.#connection = connection;
    this.#remote = remote;
    if (remote === null) return;
    try {
      const tcp = connection as Deno.TcpConn;
      tcp.setNoDelay(true);
      tcp.setKeepAlive(true);
    } catch {
      // The peer is gone already; the first read will say so.
    }
  }

  get peer(): string {
    const remote = this.#remote;
    return remote === null ? this.#localPath() : formatAddress(remote.hostname, remote.port);
  }

  get address(): string {
    return this.#remote?.hostname ?? "";
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#reading = this.#connection.read(into);
  }

  write(batch: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#abandonWrite = reject;
      let done = 0;
      const wrote = (count: number): void => {
        done += count;
        this.bytesWritten += count;
        if (done === batch.length) resolve();
        // Closed, the rest of it would only be refused.
        else if (!this.#closed) write(batch.subarray(done));
      };
      const write = (rest: Uint8Array): void => {
        const writing = this.#writing = this.#connection.write(rest);
        detached(writing.then(wrote, reject), "write to a socket");
      };
      write(batch);
    });
  }

  probe(idleMs: number): void {
    // A unix socket ends with its peer, whatever that dies of.
    if (this.#closed || this.#remote === null) return;
    askAfterSilence(this.#connection as Deno.TcpConn, idleMs);
  }

  closeWrite(): void {
    if (this.#closed) return;
    // That it fails for a peer that is gone is no news.
    this.#ending = settled(this.#connection.closeWrite(), "finish sending to a peer");
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
    if (this.#abandonWrite === null) return;
    const released = Promise.allSettled([this.#writing]).then(() => {});
    this.#abandonWrite(new WriteAbandoned("the connection was closed while writing", released));
  }

  async whenReleased(): Promise<void> {
    await Promise.allSettled([this.#reading, this.#writing, this.#ending]);
  }

  #localPath(): string {
    const address = this.#connection.localAddr;
    return address.transport === "unix" ? `unix:${address.path}` : "unix";
  }
}

/** A listener for DenoLinks: its kind, and its address for the log. */
interface Accepting {
  readonly kind: ListenerKind;
  readonly address: string;
}

/** Yields a link for each connection that `listener` of the runtime accepts, until `stopped` is aborted. */
export async function* acceptLinks(
  { kind, address }: Accepting,
  listener: { accept(): Promise<DenoConnection> },
  stopped: AbortSignal,
): AsyncGenerator<Link, void, void> {
  const connections = acceptLoop(() => listener.accept(), address, stopped);
  for await (const connection of connections) yield new DenoLink(kind, connection);
}

/** An address as people write it: IPv6 in brackets. */
export function formatAddress(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
