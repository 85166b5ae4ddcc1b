/**
 * Deno's tcp and unix sockets as a Transport.
 *
 * Reads go straight into the caller's buffer. Closing settles what is under way here, since some releases of the
 * runtime leave a read waiting whose connection was closed.
 */
import { detached } from "../../base/detached.ts";
import { connectFailure } from "./connect_failure.ts";
import type { TlsOptions } from "../settings.ts";
import { tlsFault } from "./tls_fault.ts";
import type { Transport } from "./transport.ts";
import type { SocketTarget } from "./url.ts";

/** Connects to `target`. Rejects with a ParleyError that names `url`. */
export async function openDenoTransport(
  target: SocketTarget,
  url: string,
  signal: AbortSignal,
  tls: TlsOptions = {},
): Promise<Transport> {
  try {
    // The time for connecting can be over before this file was loaded.
    signal.throwIfAborted();
    if (target.kind === "unix") {
      return new DenoTransport(await Deno.connect({ transport: "unix", path: target.path }));
    }
    const { hostname, port } = target;
    if (target.kind === "tls") return await openTls(hostname, port, signal, tls);
    const connection = await Deno.connect({ hostname, port, signal });
    tune(connection);
    return new DenoTransport(connection);
  } catch (reason) {
    throw connectFailure(target, url, reason);
  }
}

/** Connects and does the handshake, so that its failure is one of connecting. */
async function openTls(
  hostname: string,
  port: number,
  signal: AbortSignal,
  { ca, cert, key }: TlsOptions,
): Promise<Transport> {
  const shown = cert === undefined || key === undefined ? {} : { cert, key };
  const caCerts = ca === undefined ? [] : [ca];
  const connection = await Deno.connectTls({
    ...{ hostname, port, caCerts, ...shown },
    alpnProtocols: ["parley"],
  });
  const transport = new DenoTransport(connection);
  const giveUp = () => transport.close();
  try {
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp);
    await connection.handshake();
    return transport;
  } catch (reason) {
    transport.close();
    throw reason;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function tune(connection: Deno.TcpConn): void {
  try {
    connection.setNoDelay(true);
    connection.setKeepAlive(true);
  } catch {
    // The server has closed it already; the first read will say so.
  }
}

class DenoTransport implements Transport {
  readonly #connection: Deno.Conn;
  #closed = false;
  #endRead: ((reason: Error) => void) | null = null;
  #endWrite: ((reason: Error) => void) | null = null;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  read(into: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#endRead = reject;
      // A server refuses a certificate after the handshake, as it seems from here.
      const failed = (reason: Error) => {
        const fault = tlsFault("", reason.message);
        reject(fault === null ? reason : new Error(fault, { cause: reason }));
      };
      detached(this.#connection.read(into).then(resolve, failed), "read from a server");
    });
  }

  write(batch: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#endWrite = reject;
      detached(this.#writeAll(batch).then(resolve, reject), "write to a server");
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
    const reason = new Error("this side has closed the connection");
    this.#endRead?.(reason);
    this.#endWrite?.(reason);
  }

  async #writeAll(batch: Uint8Array): Promise<void> {
    let done = await this.#connection.write(batch);
    while (done < batch.length) done += await this.#connection.write(batch.subarray(done));
  }
}
