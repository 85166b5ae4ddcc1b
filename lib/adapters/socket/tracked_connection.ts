/**
 * A connection of the runtime that knows which of its operations are under way: until they have settled, the
 * runtime keeps the socket, whatever was closed. For the streams of Node that are made of one.
 *
 * Invariant: at most one read, one write and one end of sending are under way at a time; whoever calls sees
 * to that. Non-goal: giving up a write, which deno_link does.
 */
import { Buffer } from "node:buffer";

/** Chunks that wait together leave in one write up to this size. */
const JOIN_BYTES = 256 * 1024;

/** The part of a connection that is needed. */
type Connection = Pick<Deno.TcpConn, "read" | "write" | "closeWrite" | "close">;

/** One connection and its operations. */
export class TrackedConnection {
  /** The bytes that the system has taken so far. */
  sentBytes = 0;
  readonly #connection: Connection;
  #reading: Promise<unknown> | null = null;
  #writing: Promise<unknown> | null = null;
  #ending: Promise<unknown> | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  read(into: Uint8Array): Promise<number | null> {
    const reading = this.#connection.read(into);
    this.#reading = reading;
    return reading;
  }

  /** Writes all of `bytes`. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length;) {
      const writing = this.#connection.write(bytes.subarray(sent));
      this.#writing = writing;
      const count = await writing;
      sent += count;
      this.sentBytes += count;
    }
  }

  /** Writes the chunks that a stream gathered: as one, when together they are small. */
  writeChunks(chunks: readonly { readonly chunk: Uint8Array }[]): Promise<void> {
    let bytes = 0;
    let longest = chunks[0].chunk;
    for (const { chunk } of chunks) {
      bytes += chunk.length;
      if (chunk.length > longest.length) longest = chunk;
    }
    // node:http ends each answer with a chunk of nothing.
    if (longest.length === bytes) return this.write(longest);
    if (bytes > JOIN_BYTES) return this.#writeEach(chunks);
    return this.write(Buffer.concat(chunks.map(({ chunk }) => chunk), bytes));
  }

  /** Ends sending. That it fails for a peer that is gone is no news. */
  async closeWrite(): Promise<void> {
    const ending = this.#connection.closeWrite();
    this.#ending = ending;
    try {
      await ending;
    } catch {
      // The peer went by itself.
    }
  }

  /** Closes the connection, also one that is closed already; resolves when all operations have settled. */
  async close(): Promise<void> {
    try {
      this.#connection.close();
    } catch {
      // It is closed already.
    }
    await Promise.allSettled([this.#reading, this.#writing, this.#ending]);
  }

  async #writeEach(chunks: readonly { readonly chunk: Uint8Array }[]): Promise<void> {
    for (const { chunk } of chunks) await this.write(chunk);
  }
}
