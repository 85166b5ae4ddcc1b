/**
 * A tcp connection of Deno under TLS, with the methods that a connection of Deno has.
 *
 * It is made before the handshake, so that whoever waits at the entrance costs no computation, and can be closed at
 * any time. Whether a client's certificate is good is what the runtime found out; it is asked here once more after the
 * handshake, because node:tls refuses bad ones only for servers that listen themselves. Errors of the handshake reject
 * `handshake`; later ones reject what is under way.
 */
import { type SecureContext, TLSSocket } from "node:tls";
import type { Arrival, Remote } from "../socket/door.ts";
import type { ClientCertificates } from "./credentials.ts";
import { SocketStream } from "./socket_stream.ts";

/** A write takes at most so many bytes at once, so that one that makes progress can be told from one that stands still. */
const PIECE_BYTES = 64 * 1024;
/** So much of a write is in each of its records, but for the last. */
const RECORD_BYTES = 16 * 1024;
/** While so much that was decrypted waits, nothing is read from the peer. */
const DECRYPTED_BYTES = 64 * 1024;
/** More than can ever wait: node:tls forgets the end of input when it comes while more than this waits. */
const NEVER_BYTES = 1024 * 1024;

/** How long a closed connection may take to tell its peer that this was the end. */
const FAREWELL_MS = 1000;

/** What a handshake is done with. */
export interface HandshakeOptions {
  readonly context: SecureContext;
  readonly clientCertificates: ClientCertificates;
  /** The protocol that is offered to clients that ask for one (ALPN). */
  readonly protocol: string;
  /** How long the handshake may take; then the connection is closed. */
  readonly timeoutMs: number;
}

/** What of the runtime's handle tells about the peer's certificate. */
interface TlsHandle {
  /** Empty when the peer's certificate is good, or there is none. */
  verifyError?(): unknown;
}

/** One accepted connection. */
export class TlsConnection {
  /** Whose connection it is. */
  readonly remoteAddr: Remote;
  /** Resolves when it is closed and the system has the descriptor back. */
  readonly released: Promise<void>;
  readonly #stream: SocketStream;
  #socket: TLSSocket | null = null;
  #failure: Error | null = null;
  #ended = false;
  #isSecure = false;
  #writing = false;
  /** The bytes of the write under way, and how many records were sent before it. */
  #pieceBytes = 0;
  #recordsBefore = 0;
  #wakeRead: (() => void) | null = null;
  #failWrite: ((reason: Error) => void) | null = null;
  #endHandshake: ((reason: Error) => void) | null = null;
  #certificate: Uint8Array | null = null;
  #certificateFault: string | null = null;

  constructor({ connection, remote }: Arrival) {
    this.remoteAddr = remote;
    const mayRead = () => this.#socket === null || this.#socket.readableLength < DECRYPTED_BYTES;
    this.#stream = new SocketStream(connection, mayRead);
    this.released = this.#stream.released;
    this.#stream.on("error", (error) => this.#fail(error));
    this.#stream.on("close", () => this.#fail(new Error("the connection is closed")));
    this.#stream.on("end", () => {
      if (!this.#isSecure) this.#fail(new Error("the peer left within the handshake"));
    });
  }

  /** The client's certificate in DER, once it was verified; null when it has shown none. */
  get certificate(): Uint8Array | null {
    return this.#certificate;
  }

  /** Why the client's certificate is not accepted, such as CERT_HAS_EXPIRED; null when nothing is wrong with it. */
  get certificateFault(): string | null {
    return this.#certificateFault;
  }

  /** Does the handshake. Rejects when it fails or takes too long; the connection is closed then. */
  async handshake(options: HandshakeOptions): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#endHandshake = reject;
        if (this.#failure !== null) return reject(this.#failure);
        const { timeoutMs } = options;
        timer = setTimeout(
          () => reject(new Error(`no TLS handshake within ${timeoutMs} ms`)),
          timeoutMs,
        );
        this.#open(options).once("secure", () => resolve());
      });
      this.#isSecure = true;
      this.#look(options);
    } catch (reason) {
      this.#fail(reason as Error);
      throw reason;
    } finally {
      clearTimeout(timer);
      this.#endHandshake = null;
    }
  }

  /** Reads at least one byte into `into`; gives the count, or null at the end of input. */
  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      const socket = this.#socket;
      const waiting = socket === null ? 0 : socket.readableLength;
      if (waiting > 0) {
        const chunk = socket!.read(Math.min(waiting, into.length)) as Uint8Array | null;
        if (chunk !== null) {
          into.set(chunk);
          this.#stream.goOn();
          return chunk.length;
        }
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#ended) return null;
      // A read of nothing makes the stream look for more, or for its end.
      if (waiting === 0) socket?.read(0);
      if (this.#ended || socket !== null && socket.readableLength > 0) continue;
      await new Promise<void>((resolve) => this.#wakeRead = resolve);
      this.#wakeRead = null;
    }
  }

  /** Writes some of `bytes`, from the beginning on; gives how many. They are lent until the promise settles. */
  write(bytes: Uint8Array): Promise<number> {
    const piece = bytes.length > PIECE_BYTES ? bytes.subarray(0, PIECE_BYTES) : bytes;
    return new Promise((resolve, reject) => {
      if (this.#failure !== null || this.#socket === null) {
        return reject(this.#failure ?? new Error("there was no TLS handshake"));
      }
      this.#failWrite = reject;
      this.#writing = true;
      this.#pieceBytes = piece.length;
      this.#recordsBefore = this.#stream.recordsSent;
      this.#socket.write(piece, (error) => {
        if (error) {
          this.#writing = false;
          return reject(this.#failure ?? error);
        }
        // What TLS has taken and the system has not is not sent: it would be lost with the connection.
        this.#stream.whenSent(() => {
          this.#writing = false;
          this.#pieceBytes = 0;
          resolve(piece.length);
        });
      });
    });
  }

  /**
   * How much of a write that is given up, or has failed, the peer can read nevertheless: the records of it that the system has
   * taken whole. Told once.
   */
  takeSentOfWrite(): number {
    const bytes = this.#pieceBytes;
    this.#pieceBytes = 0;
    if (bytes === 0) return 0;
    return Math.min(bytes, (this.#stream.recordsSent - this.#recordsBefore) * RECORD_BYTES);
  }

  /** Finishes sending, with the word of TLS that this is the end. */
  closeWrite(): Promise<void> {
    if (this.#failure === null) this.#socket?.end();
    return Promise.resolve();
  }

  /** Ends the connection at once; when all was written, the word of TLS that this is the end still leaves. */
  close(): void {
    if (this.#failure !== null) return;
    const reason = new Error("the connection is closed");
    const socket = this.#socket;
    if (socket === null || !this.#isSecure || this.#writing) return this.#fail(reason);
    this.#settle(reason);
    const timer = setTimeout(() => this.#cut(), FAREWELL_MS);
    this.#stream.once("close", () => clearTimeout(timer));
    socket.once("finish", () => this.#stream.destroy());
    if (socket.writableFinished) this.#stream.destroy();
    else socket.end();
  }

  /** Asks the peer for a sign of life, as `Link.probe` does. */
  probe(idleMs: number): void {
    this.#stream.probe(idleMs);
  }

  #open({ context, clientCertificates, protocol }: HandshakeOptions): TLSSocket {
    const settings = {
      isServer: true,
      secureContext: context,
      requestCert: clientCertificates !== "none",
      // Who shows none, or a bad one, is told so after the handshake.
      rejectUnauthorized: false,
      ALPNProtocols: [protocol],
      allowHalfOpen: true,
      highWaterMark: NEVER_BYTES,
    };
    const socket = this.#socket = new TLSSocket(this.#stream, settings);
    const failed = (error: Error) => {
      // What TLS has to say of it still leaves.
      this.#settle(error);
      socket.destroy();
      this.#stream.destroy();
    };
    socket.on("error", failed);
    socket.on("_tlsError", failed);
    socket.on("readable", () => this.#wakeRead?.());
    socket.on("end", () => {
      this.#ended = true;
      this.#wakeRead?.();
    });
    return socket;
  }

  /** Takes note of the client's certificate. */
  #look({ clientCertificates }: HandshakeOptions): void {
    if (clientCertificates === "none") return;
    const socket = this.#socket!;
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) {
      if (clientCertificates === "required") this.#certificateFault = "it has shown none";
      return;
    }
    const { ssl } = socket as unknown as { ssl?: TlsHandle };
    const fault = ssl?.verifyError?.();
    if (fault === "") this.#certificate = new Uint8Array(certificate.raw);
    else this.#certificateFault = typeof fault === "string" ? fault : "it was not verified";
  }

  #fail(reason: Error): void {
    this.#settle(reason);
    this.#cut();
  }

  #cut(): void {
    this.#socket?.destroy();
    this.#stream.cut();
  }

  /** Ends what is under way, for this reason unless there was another one. */
  #settle(reason: Error): void {
    if (this.#failure !== null) return;
    this.#failure = reason;
    this.#endHandshake?.(reason);
    this.#wakeRead?.();
    this.#failWrite?.(reason);
  }
}
