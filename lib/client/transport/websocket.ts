/**
 * The runtime's own WebSocket as a Transport: the only one that browsers have; Deno and Node 22 have it too.
 *
 * Messages are a stream of bytes: where frames begin and end means nothing. A WebSocket cannot be told to
 * wait, so what comes is kept until it is read; the bound is far above what a client that reads leaves
 * there. What is sent goes into the socket's own buffer, which is looked at, since nobody is told when it
 * empties.
 */
import { detached, handled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { connectFailure } from "./connect_failure.ts";
import type { TlsOptions } from "../settings.ts";
import type { Transport } from "./transport.ts";
import type { WebSocketTarget } from "./url.ts";

/** The largest message that is sent; every server takes it. */
const MESSAGE_BYTES = 256 * 1024;
/** A write is done when no more than this waits in the socket. */
const BUFFERED_BYTES = 1024 * 1024;
/** More than this that nobody reads ends the connection. */
const MAX_UNREAD_BYTES = 256 * 1024 * 1024;
/** How often a socket is looked at that has too much to send. */
const LOOK_EVERY_MS = 4;
/** How long a closed connection waits for the server to agree. */
const CLOSE_WAIT_MS = 1000;

/** Connects to `target`. Rejects with a ParleyError that names `url`. */
export async function openWebSocketTransport(
  target: WebSocketTarget,
  url: string,
  signal: AbortSignal,
  tls: TlsOptions = {},
): Promise<Transport> {
  if (typeof WebSocket === "undefined") {
    throw new ParleyError(
      ErrorCode.UNIMPLEMENTED,
      `cannot connect to ${url}: this runtime has no WebSocket`,
      {
        accepted: "a browser, Deno, or Node 22 and later for this URL",
      },
    );
  }
  const client = clientFor(url, tls);
  let abort = () => {};
  try {
    const socket = client === null
      ? new WebSocket(target.href)
      : new WebSocket(target.href, { client } as unknown as string[]);
    socket.binaryType = "arraybuffer";
    const transport = new WebSocketTransport(socket);
    detached(transport.closed.then(() => client?.close()), "let go of certificates");
    abort = () => socket.close();
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    await transport.opened;
    return transport;
  } catch (reason) {
    throw connectFailure(target, url, reason);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** What Deno's WebSocket needs for authorities and certificates of the program's own; null without any. */
function clientFor(url: string, { ca, cert, key }: TlsOptions): { close(): void } | null {
  if (ca === undefined && cert === undefined) return null;
  if (!("Deno" in globalThis)) {
    throw new ParleyError(
      ErrorCode.UNIMPLEMENTED,
      `cannot connect to ${url}: the WebSocket of this runtime takes no certificates`,
      {
        accepted: "parleys:// here, or an authority that the runtime trusts (NODE_EXTRA_CA_CERTS)",
      },
    );
  }
  const shown = cert === undefined || key === undefined ? {} : { cert, key };
  return Deno.createHttpClient({ caCerts: ca === undefined ? [] : [ca], ...shown });
}

class WebSocketTransport implements Transport {
  /** Resolves when the connection is open; rejects when it cannot be. */
  readonly opened: Promise<void>;
  /** Resolves when nothing of the connection is left, or the server does not care to end it. */
  readonly closed: Promise<void>;

  readonly #socket: WebSocket;
  readonly #input: Uint8Array[] = [];
  #offset = 0;
  #unreadBytes = 0;
  #ended = false;
  #failure: Error | null = null;
  #resolveClosed: () => void = () => {};
  #wakeRead: (() => void) | null = null;
  #wakeWrite: (() => void) | null = null;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.opened = new Promise((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = (event) => {
        const { message } = event as { message?: string };
        this.#failure ??= new Error(message || "the WebSocket failed");
      };
      socket.onclose = ({ code, reason }) => {
        this.#onClose(code, reason);
        reject(this.#failure ?? new Error("it was closed at once"));
      };
    });
    handled(this.opened);
    socket.onmessage = (event) => this.#received(event.data);
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const chunk = this.#input[0];
      if (chunk !== undefined) {
        const count = Math.min(chunk.length - this.#offset, into.length);
        into.set(chunk.subarray(this.#offset, this.#offset + count));
        this.#offset += count;
        this.#unreadBytes -= count;
        if (this.#offset === chunk.length) {
          this.#input.shift();
          this.#offset = 0;
        }
        return count;
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wakeRead = resolve);
      this.#wakeRead = null;
    }
  }

  async write(batch: Uint8Array): Promise<void> {
    for (let start = 0; start < batch.length; start += MESSAGE_BYTES) {
      // The socket takes a copy.
      this.#socket.send(batch.subarray(start, start + MESSAGE_BYTES) as Uint8Array<ArrayBuffer>);
      while (this.#socket.bufferedAmount > BUFFERED_BYTES && !this.#over) await this.#look();
      if (this.#over) throw this.#failure ?? new Error("the connection is closed");
    }
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#input.length = 0;
    this.#unreadBytes = 0;
    if (this.#socket.readyState !== WebSocket.CLOSED) {
      this.#socket.close();
      const timer = setTimeout(this.#resolveClosed, CLOSE_WAIT_MS);
      detached(this.closed.then(() => clearTimeout(timer)), "close a WebSocket");
    }
    this.#wake();
  }

  get #over(): boolean {
    return this.#ended || this.#failure !== null || this.#socket.readyState !== WebSocket.OPEN;
  }

  #received(data: unknown): void {
    if (this.#ended || this.#failure !== null) return;
    if (!(data instanceof ArrayBuffer)) {
      return this.#fail(new Error("it sends text, which no Parley server does"));
    }
    if (data.byteLength === 0) return;
    this.#input.push(new Uint8Array(data));
    this.#unreadBytes += data.byteLength;
    if (this.#unreadBytes > MAX_UNREAD_BYTES) {
      return this.#fail(
        new Error(`${this.#unreadBytes} bytes came that this program did not read`),
      );
    }
    this.#wakeRead?.();
  }

  /** The server ended the connection, or has agreed that we did. */
  #onClose(code: number, reason: string): void {
    if (code !== 1000 && code !== 1001 && code !== 1005) {
      this.#failure ??= new Error(`it was closed with code ${code}${reason && `: ${reason}`}`);
    }
    this.#ended = true;
    this.#resolveClosed();
    this.#wake();
  }

  #fail(reason: Error): void {
    this.#failure = reason;
    this.#input.length = 0;
    this.#wake();
  }

  /** Waits a moment, or until the connection is over. */
  #look(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_EVERY_MS);
      this.#wakeWrite = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #wake(): void {
    this.#wakeRead?.();
    this.#wakeWrite?.();
  }
}
