/**
 * A client made of nothing but a socket: it sends the bytes it is told to and shows what comes back.
 *
 * It is no client library: no ids, no deadlines of its own, no reconnecting. Every wait that could hang
 * is turned into a failure by `settles`.
 */
import type { ListenerKind } from "../../lib/ports/link.ts";
import {
  type ClientFraming,
  type ClientMessageInit,
  frame,
  join,
  type ServerMessage,
  takeServerMessage,
} from "./frames.ts";
import type { PlainConnection, TestServer } from "./server.ts";
import { settles } from "./until.ts";

/** What a client may choose. */
export interface SocketClientOptions {
  /** Default: bare on a raw listener, otherwise delimited. */
  framing?: ClientFraming;
  /** For tcp and raw. Default: 127.0.0.1. */
  hostname?: string;
  /** How much one read asks for. Default: 64 KiB. */
  readBytes?: number;
}

/** One connection. */
export class SocketClient implements Disposable {
  readonly connection: PlainConnection;
  readonly framing: ClientFraming;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #waiting: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #closed = false;

  constructor(connection: PlainConnection, framing: ClientFraming, readBytes: number) {
    this.connection = connection;
    this.framing = framing;
    this.#buffer = new Uint8Array(readBytes);
  }

  /** Connects to one of the listeners of a server. */
  static async connect(
    server: TestServer,
    kind: ListenerKind,
    options: SocketClientOptions = {},
  ): Promise<SocketClient> {
    const connection = await settles(server.connect(kind, options.hostname), `connect to ${kind}`);
    const framing = options.framing ?? (kind === "raw" ? "bare" : "delimited");
    return new SocketClient(connection, framing, options.readBytes ?? 64 * 1024);
  }

  /** Sends bytes as they are, all of them. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await settles(this.connection.write(bytes.subarray(sent)), "a write of the client");
    }
  }

  /** Sends messages, each in its frame, with as few writes as possible. */
  sendMessages(...messages: readonly ClientMessageInit[]): Promise<void> {
    return this.send(join(...messages.map((message) => frame(message, this.framing))));
  }

  /** The next message of the server. Fails when the server closes before it is whole. */
  async readMessage(): Promise<ServerMessage> {
    const message = await this.readMessageOrEnd();
    if (message === null) throw new Error("the server closed the connection without a message");
    return message;
  }

  /** The next message of the server; null when it closed after the last. */
  async readMessageOrEnd(): Promise<ServerMessage | null> {
    for (;;) {
      const found = takeServerMessage(this.#waiting, this.framing);
      if (found !== undefined) {
        this.#waiting = this.#waiting.slice(found.taken);
        return found.message;
      }
      const chunk = await this.#readChunk();
      if (chunk === null) {
        if (this.#waiting.length === 0) return null;
        throw new Error(`the server closed within a message, after ${this.#waiting.length} bytes`);
      }
      this.#waiting = join(this.#waiting, chunk);
    }
  }

  /** Sends one message and gives the next one of the server. */
  async request(message: ClientMessageInit): Promise<ServerMessage> {
    await this.sendMessages(message);
    return await this.readMessage();
  }

  /** Does one read and gives what it gave, as older clients do; null at the end. */
  async readOnce(atMost = 1024): Promise<Uint8Array<ArrayBuffer> | null> {
    const into = new Uint8Array(atMost);
    const count = await settles(this.connection.read(into), "a read of the client");
    return count === null ? null : into.slice(0, count);
  }

  /** Reads exactly `count` bytes. */
  async readBytes(count: number): Promise<Uint8Array<ArrayBuffer>> {
    const chunks = [this.#waiting];
    let have = this.#waiting.length;
    while (have < count) {
      const chunk = await this.#readChunk();
      if (chunk === null) throw new Error(`the server closed after ${have} of ${count} bytes`);
      chunks.push(chunk);
      have += chunk.length;
    }
    const all = join(...chunks);
    this.#waiting = all.slice(count);
    return all.slice(0, count);
  }

  /** Every byte until the server finishes sending. Fails when the connection is reset instead. */
  async readUntilClosed(): Promise<Uint8Array<ArrayBuffer>> {
    const chunks = [this.#waiting];
    for (;;) {
      const chunk = await this.#readChunk();
      if (chunk === null) break;
      chunks.push(chunk);
    }
    this.#waiting = new Uint8Array(0);
    return join(...chunks);
  }

  /** Every message until the server finishes sending. */
  async readMessagesUntilClosed(): Promise<ServerMessage[]> {
    let bytes = await this.readUntilClosed();
    const messages: ServerMessage[] = [];
    while (bytes.length > 0) {
      const found = takeServerMessage(bytes, this.framing);
      if (found === undefined) throw new Error(`${bytes.length} bytes are no whole message`);
      messages.push(found.message);
      bytes = bytes.subarray(found.taken) as Uint8Array<ArrayBuffer>;
    }
    return messages;
  }

  /** Resolves when the server ends the connection, however it does it. */
  async closedByServer(): Promise<void> {
    try {
      while (await this.#readChunk() !== null);
    } catch (reason) {
      if (!isReset(reason)) throw reason;
    }
  }

  /** Finishes sending; reading goes on. */
  async closeWrite(): Promise<void> {
    await this.connection.closeWrite();
  }

  /** Ends the connection. With bytes of the server still unread, its peer sees a reset. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #readChunk(): Promise<Uint8Array<ArrayBuffer> | null> {
    const count = await settles(this.connection.read(this.#buffer), "a read of the client");
    return count === null ? null : this.#buffer.slice(0, count);
  }
}

/** Whether an error says that the peer ended the connection abruptly. */
export function isReset(reason: unknown): boolean {
  return reason instanceof Deno.errors.ConnectionReset ||
    reason instanceof Deno.errors.BrokenPipe ||
    reason instanceof Deno.errors.ConnectionAborted ||
    // Under TLS an end that was not announced.
    reason instanceof Deno.errors.UnexpectedEof || reason instanceof Deno.errors.NotConnected;
}
