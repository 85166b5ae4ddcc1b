/**
 * The client side of a WebSocket made of nothing but a socket, so that a test can send what no library
 * would: frames without a mask, with reserved bits, cut into pieces, in the wrong order.
 *
 * As a plain peer it reads and writes bytes like a connection: what is written goes as one masked binary
 * frame, what is read are the payloads of binary frames; pings are answered. It checks what a server may
 * send: no mask, no reserved bits, no text.
 */
import assert from "node:assert/strict";
import { join } from "./frames.ts";
import { settles } from "./until.ts";

/** Opcodes of RFC 6455, section 5.2. */
export const Opcode = {
  CONTINUATION: 0,
  TEXT: 1,
  BINARY: 2,
  CLOSE: 8,
  PING: 9,
  PONG: 10,
} as const;

/** What is written goes in frames of this size. */
const FRAME_BYTES = 100_000;

/** How a frame departs from the usual one. */
export interface FrameOptions {
  readonly opcode?: number;
  /** Default: true. */
  readonly fin?: boolean;
  /** Default: true, as a client must. */
  readonly masked?: boolean;
  /** The reserved bits, 0 to 7; 4 says that it is compressed. Default: 0. */
  readonly reserved?: number;
  /** The length that the frame claims. Default: that of its payload. */
  readonly length?: number;
}

/** A frame as it is received. */
export interface ReceivedFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** The bytes of a frame. */
export function webSocketFrame(payload: Uint8Array, options: FrameOptions = {}): Uint8Array {
  const { opcode = Opcode.BINARY, fin = true, masked = true, reserved = 0 } = options;
  const length = options.length ?? payload.length;
  const head = [(fin ? 0x80 : 0) | reserved << 4 | opcode];
  const maskBit = masked ? 0x80 : 0;
  if (length < 126) head.push(maskBit | length);
  else if (length < 65_536) head.push(maskBit | 126, length >>> 8, length & 255);
  else {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt(length));
    head.push(maskBit | 127, ...new Uint8Array(view.buffer));
  }
  if (!masked) return join(Uint8Array.from(head), payload);
  const mask = Uint8Array.of(0x12, 0x34, 0x56, 0x78);
  return join(Uint8Array.from(head), mask, payload.map((byte, index) => byte ^ mask[index & 3]));
}

/** The payload of a Close frame. */
export function closePayload(code: number): Uint8Array {
  return Uint8Array.of(code >>> 8, code & 255);
}

/** What a handshake asks for. */
export interface HandshakeOptions {
  readonly path?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The request that asks for a WebSocket; a header that is given as "" is left out. */
export function handshakeRequest(options: HandshakeOptions = {}): string {
  const headers = {
    Host: options.host ?? "127.0.0.1",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...options.headers,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${options.path ?? "/ws"} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/** One WebSocket. */
export class WebSocketPeer {
  readonly connection: Deno.TcpConn;
  /** The code of the server's Close frame; null until it came. */
  closeCode: number | null = null;
  /** The reason that it gave. */
  closeReason = "";
  /** How many fragments the messages had that were read. */
  fragments = 0;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #payload: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #closeSent = false;
  #closed = false;

  constructor(connection: Deno.TcpConn) {
    this.connection = connection;
  }

  /** Connects, and fails when the server does not agree. */
  static async connect(
    port: number,
    hostname = "127.0.0.1",
    options: HandshakeOptions = {},
  ): Promise<WebSocketPeer> {
    return await WebSocketPeer.over(await Deno.connect({ hostname, port }), options);
  }

  /** Asks for a WebSocket on a connection. */
  static async over(
    connection: Deno.TcpConn,
    options: HandshakeOptions = {},
  ): Promise<WebSocketPeer> {
    const peer = new WebSocketPeer(connection);
    try {
      await peer.send(new TextEncoder().encode(handshakeRequest(options)));
      const head = await peer.#readHead();
      assert.match(head, /^HTTP\/1\.1 101 /);
      assert.match(head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
      assert.doesNotMatch(head, /sec-websocket-(extensions|protocol)/i);
      return peer;
    } catch (reason) {
      peer.close();
      throw reason;
    }
  }

  /** Sends bytes as they are. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      sent += await settles(this.connection.write(bytes.subarray(sent)), "a write of the peer");
    }
  }

  /** Sends one frame. */
  sendFrame(payload: Uint8Array, options?: FrameOptions): Promise<void> {
    return this.send(webSocketFrame(payload, options));
  }

  /** The next frame; null when the server ended the connection. */
  async readFrame(): Promise<ReceivedFrame | null> {
    for (;;) {
      const frame = this.#takeFrame();
      if (frame !== null) return frame;
      if (!await this.#readMore()) return null;
    }
  }

  /** Reads bytes of binary frames, as of a plain connection; null after a Close frame. */
  async read(into: Uint8Array): Promise<number | null> {
    while (this.#payload.length === 0) {
      const frame = this.closeCode === null ? await this.readFrame() : null;
      if (frame === null) {
        if (this.closeCode === null) {
          throw new Deno.errors.ConnectionReset("the server sent no Close frame");
        }
        return null;
      }
      if (frame.opcode === Opcode.PING) {
        await this.sendFrame(frame.payload, { opcode: Opcode.PONG });
      } else if (frame.opcode <= Opcode.BINARY) {
        this.fragments++;
        this.#payload = frame.payload;
      } else if (frame.opcode === Opcode.CLOSE) return null;
    }
    const count = Math.min(into.length, this.#payload.length);
    into.set(this.#payload.subarray(0, count));
    this.#payload = this.#payload.subarray(count);
    return count;
  }

  /** Sends one binary frame with the first of `bytes`, and says how many. */
  async write(bytes: Uint8Array): Promise<number> {
    const count = Math.min(bytes.length, FRAME_BYTES);
    await this.sendFrame(bytes.subarray(0, count));
    return count;
  }

  /** Sends a Close frame; the server may still finish. */
  async closeWrite(code = 1000): Promise<void> {
    if (this.#closeSent) return;
    this.#closeSent = true;
    await this.sendFrame(closePayload(code), { opcode: Opcode.CLOSE });
  }

  /** Resolves with the code of the Close frame once the server has ended the connection; 0 without one. */
  async closedByServer(): Promise<number> {
    try {
      for (;;) {
        const frame = await this.readFrame();
        if (frame === null) break;
        if (frame.opcode === Opcode.CLOSE) await this.closeWrite().catch(() => {});
      }
    } catch (reason) {
      if (!(reason instanceof Deno.errors.ConnectionReset)) throw reason;
    }
    return this.closeCode ?? 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #readHead(): Promise<string> {
    for (;;) {
      const text = new TextDecoder("latin1").decode(this.#buffer);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#buffer = this.#buffer.slice(end + 4);
        return text.slice(0, end + 2);
      }
      if (!await this.#readMore()) throw new Error(`the server closed after ${text}`);
    }
  }

  async #readMore(): Promise<boolean> {
    const chunk = new Uint8Array(64 * 1024);
    const count = await settles(this.connection.read(chunk), "a read of the peer");
    if (count === null) return false;
    this.#buffer = join(this.#buffer, chunk.subarray(0, count));
    return true;
  }

  #takeFrame(): ReceivedFrame | null {
    const bytes = this.#buffer;
    if (bytes.length < 2) return null;
    assert.equal(bytes[0] & 0x70, 0, "a server sends no reserved bits");
    assert.equal(bytes[1] & 0x80, 0, "a server sends no masked frames");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let length = bytes[1];
    let at = 2;
    if (length === 126 || length === 127) {
      at = length === 126 ? 4 : 10;
      if (bytes.length < at) return null;
      length = at === 4 ? view.getUint16(2) : Number(view.getBigUint64(2));
    }
    if (bytes.length < at + length) return null;
    const frame = {
      opcode: bytes[0] & 0x0f,
      fin: bytes[0] >= 0x80,
      payload: bytes.slice(at, at + length),
    };
    assert.notEqual(frame.opcode, Opcode.TEXT, "a server sends no text");
    this.#buffer = bytes.subarray(at + length);
    if (frame.opcode === Opcode.CLOSE) {
      this.closeCode = length < 2 ? 1005 : frame.payload[0] << 8 | frame.payload[1];
      this.closeReason = new TextDecoder().decode(frame.payload.subarray(2));
    }
    return frame;
  }
}
