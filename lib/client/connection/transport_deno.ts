/**
 * Deno's tcp and unix sockets as a Transport.
 *
 * Reads go straight into the caller's buffer. Closing settles what is under way here, since some releases of the
 * runtime leave a read waiting whose connection was closed.
 */
import { detached } from "../../base/detached.ts";
import { connectFailure } from "./connect_failure.ts";
import type { Transport } from "./transport.ts";
import type { SocketTarget } from "./url.ts";

/** Connects to `target`. Rejects with a ParleyError that names `url`. */
export async function openDenoTransport(
  target: SocketTarget,
  url: string,
  signal: AbortSignal,
): Promise<Transport> {
  try {
    if (target.kind === "unix") {
      return new DenoTransport(await Deno.connect({ transport: "unix", path: target.path }));
    }
    const { hostname, port } = target;
    const connection = await Deno.connect({ hostname, port, signal });
    tune(connection);
    return new DenoTransport(connection);
  } catch (reason) {
    throw connectFailure(target, url, reason);
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
      detached(this.#connection.read(into).then(resolve, reject), "read from a server");
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
