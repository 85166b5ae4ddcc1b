/**
 * Node's tcp and unix sockets as a Transport.
 *
 * node:net is loaded when the first connection is opened, so that a bundle of the client can also be
 * loaded where there is no node:net. The socket stays paused: bytes are taken from it when they are
 * asked for, and what nobody asks for holds the server back.
 */
import type { Socket } from "node:net";
import { connectFailure } from "./connect_failure.ts";
import type { TlsOptions } from "../settings.ts";
import type { Transport } from "./transport.ts";
import type { SocketTarget } from "./url.ts";

/** Connects to `target`. Rejects with a ParleyError that names `url`. */
export async function openNodeTransport(
  target: SocketTarget,
  url: string,
  signal: AbortSignal,
  tls: TlsOptions = {},
): Promise<Transport> {
  const socket = target.kind === "tls"
    ? await connectTls(target.hostname, target.port, tls)
    : await connectPlain(target);
  const abort = () => socket.destroy(new Error("it was given up"));
  try {
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    await new Promise<void>((resolve, reject) => {
      socket.once(target.kind === "tls" ? "secureConnect" : "connect", resolve);
      socket.once("error", reject);
    });
    return new NodeTransport(socket);
  } catch (reason) {
    throw connectFailure(target, url, reason);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function connectPlain(target: SocketTarget): Promise<Socket> {
  const { connect } = await import("node:net");
  return target.kind === "unix"
    ? connect({ path: target.path })
    : connect({ host: target.hostname, port: target.port, noDelay: true, keepAlive: true });
}

async function connectTls(host: string, port: number, options: TlsOptions): Promise<Socket> {
  const { connect, rootCertificates } = await import("node:tls");
  const { ca, cert, key } = options;
  // A list of authorities replaces those that the runtime trusts.
  const trusted = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
  return connect({ host, port, cert, key, ...trusted, ALPNProtocols: ["parley"] }).setNoDelay(true)
    .setKeepAlive(true);
}

class NodeTransport implements Transport {
  readonly #socket: Socket;
  #failure: Error | null = null;
  #ended = false;
  /** Wakes the read that waits. */
  #wake: (() => void) | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    const wake = () => this.#wake?.();
    socket.on("readable", wake);
    socket.on("end", () => {
      this.#ended = true;
      wake();
    });
    socket.on("error", (error: Error) => {
      this.#failure ??= error;
    });
    socket.on("close", () => {
      if (!this.#ended) this.#failure ??= new Error("the connection is closed");
      wake();
    });
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const waiting = this.#socket.readableLength;
      if (waiting > 0) {
        const chunk = this.#socket.read(Math.min(waiting, into.length)) as Uint8Array | null;
        if (chunk !== null) {
          into.set(chunk);
          return chunk.length;
        }
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended) return null;
      // A read of nothing makes the stream look for more, or for its end.
      if (waiting === 0) this.#socket.read(0);
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
  }

  write(batch: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(batch, (error) => error ? reject(error) : resolve());
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
