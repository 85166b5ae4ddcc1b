/**
 * A WebSocket of the load generator: bytes in and out as over a plain connection.
 *
 * What is written is one binary frame each; its mask is zero, so that the payload is the bytes as they are and
 * costs the generator nothing. What comes are the payloads of unmasked frames. No pings, no fragments out.
 */
import { type Connection, indexOfText, writeAll } from "./connection.ts";

const encoder = new TextEncoder();
const BINARY = 0x82;
const MASKED = 0x80;
const READ_BYTES = 256 * 1024;

/** Connects, and asks for a WebSocket. */
export async function openWebSocket(port: number): Promise<Connection> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const request = [
    "GET /ws HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n");
  await writeAll(connection, encoder.encode(request));
  return await WebSocketConnection.open(connection);
}

class WebSocketConnection implements Connection {
  readonly #connection: Deno.TcpConn;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #begin = 0;
  #end = 0;
  /** What is left of the payload that is being read. */
  #left = 0;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async open(connection: Deno.TcpConn): Promise<WebSocketConnection> {
    const one = new WebSocketConnection(connection);
    for (;;) {
      const head = one.#buffer.subarray(0, one.#end);
      const at = indexOfText(head, "\r\n\r\n");
      if (at >= 0) {
        if (indexOfText(head, " 101 ") < 0) {
          throw new Error(`the server makes no WebSocket: ${new TextDecoder().decode(head)}`);
        }
        one.#begin = at + 4;
        return one;
      }
      if (!await one.#fill()) throw new Error("the server ended a connection that asked for more");
    }
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#left === 0 || this.#begin === this.#end) {
      if (this.#left === 0 && this.#head()) continue;
      if (this.#left > 0 && this.#begin < this.#end) break;
      if (!await this.#fill()) return null;
    }
    const count = Math.min(into.length, this.#left, this.#end - this.#begin);
    into.set(this.#buffer.subarray(this.#begin, this.#begin + count));
    this.#begin += count;
    this.#left -= count;
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const { length } = bytes;
    const long = length >= 65_536;
    const head = new Uint8Array((length < 126 ? 2 : long ? 10 : 4) + 4);
    head[0] = BINARY;
    if (length < 126) head[1] = MASKED | length;
    else {
      head[1] = MASKED | (long ? 127 : 126);
      const view = new DataView(head.buffer);
      if (long) view.setUint32(6, length);
      else view.setUint16(2, length);
    }
    await writeAll(this.#connection, head);
    await writeAll(this.#connection, bytes);
    return length;
  }

  close(): void {
    this.#connection.close();
  }

  /** Takes the head of a frame, if all of it is there. */
  #head(): boolean {
    const buffer = this.#buffer;
    const at = this.#begin;
    const there = this.#end - at;
    if (there < 2) return false;
    const short = buffer[at + 1];
    const bytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (there < bytes) return false;
    if ((buffer[at] & 0x0f) > 2) throw new Error("the server sent a frame that holds no data");
    const view = new DataView(buffer.buffer);
    this.#left = short < 126
      ? short
      : short === 126
      ? view.getUint16(at + 2)
      : view.getUint32(at + 6);
    this.#begin += bytes;
    return true;
  }

  /** Reads more behind what is there; false at the end. */
  async #fill(): Promise<boolean> {
    const buffer = this.#buffer;
    if (this.#begin > 0) {
      buffer.copyWithin(0, this.#begin, this.#end);
      this.#end -= this.#begin;
      this.#begin = 0;
    }
    const count = await this.#connection.read(buffer.subarray(this.#end));
    if (count === null) return false;
    this.#end += count;
    return true;
  }
}
