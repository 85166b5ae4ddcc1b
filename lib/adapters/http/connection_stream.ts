/**
 * A connection of Deno as a stream of Node, for libraries that want one.
 *
 * Reads are asked for by the stream, one at a time, so that what nobody takes stays with the peer. The
 * buffer is small while little comes and grows with what does, because every idle connection has one.
 * Half a close is possible in both directions.
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { reportDefect } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { askAfterSilence } from "../socket/keepalive.ts";

const SMALL_BYTES = 2 * 1024;
const LARGE_BYTES = 64 * 1024;
/** Chunks that wait together leave in one write up to this size. */
const JOIN_BYTES = 256 * 1024;

type Done = (error?: Error | null) => void;

/** A stream over one connection, which it owns from then on. */
export class ConnectionStream extends Duplex {
  /** Resolves when the stream is destroyed and the system has the descriptor back. */
  readonly released: Promise<void>;
  readonly #connection: Deno.TcpConn;
  /** The latest of each of the runtime's operations: until they settle, it keeps the socket. */
  #readingOne: Promise<unknown> | null = null;
  #writing: Promise<unknown> | null = null;
  #ending: Promise<unknown> | null = null;
  #release!: () => void;
  #buffer = new Uint8Array(SMALL_BYTES);
  #reading = false;

  constructor(connection: Deno.TcpConn) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
    this.released = new Promise((resolve) => this.#release = resolve);
    // Whoever cares for the end listens to "close"; an error that nobody hears must not end the process.
    this.on("error", () => {});
  }

  /** As `Link.probe`, below whatever the stream carries. */
  probe(idleMs: number): void {
    if (!this.destroyed) askAfterSilence(this.#connection, idleMs);
  }

  /** Sends what waits, and then ends the connection in both directions. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#run(this.#readOnce());
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#run(this.#writeAll(chunk, done));
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: Done): void {
    let bytes = 0;
    const parts = chunks.map(({ chunk }) => {
      bytes += chunk.length;
      return chunk;
    });
    const joins = bytes <= JOIN_BYTES;
    this.#run(
      joins ? this.#writeAll(Buffer.concat(parts, bytes), done) : this.#writeEach(parts, done),
    );
  }

  override _final(done: Done): void {
    this.#run(this.#closeWrite(done));
  }

  override _destroy(error: Error | null, done: Done): void {
    try {
      this.#connection.close();
    } catch {
      // It is closed already.
    }
    const underWay = [this.#readingOne, this.#writing, this.#ending];
    detached(Promise.allSettled(underWay).then(this.#release), "let go of a connection");
    done(error);
  }

  /** Lets a task go its way. Those who listen to this stream are called from within; their failure ends it. */
  #run(task: Promise<void>): void {
    const ended = task.catch((reason) => {
      reportDefect("take what came over a connection", reason);
      this.destroy();
    });
    detached(ended, "end a connection");
  }

  async #readOnce(): Promise<void> {
    const buffer = this.#buffer;
    let count: number | null;
    try {
      const reading = this.#connection.read(buffer);
      this.#readingOne = reading;
      count = await reading;
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    this.#reading = false;
    if (this.destroyed) return;
    if (count === null) {
      this.push(null);
      return;
    }
    if (count < buffer.length / 2) {
      this.push(Buffer.from(buffer.subarray(0, count)));
      if (count < SMALL_BYTES && buffer.length > SMALL_BYTES) {
        this.#buffer = new Uint8Array(SMALL_BYTES);
      }
    } else {
      // A good part of it is filled: it is given away.
      this.#buffer = new Uint8Array(Math.min(buffer.length * 4, LARGE_BYTES));
      this.push(Buffer.from(buffer.buffer, 0, count));
    }
  }

  async #writeEach(parts: Uint8Array[], done: Done): Promise<void> {
    for (const part of parts.slice(0, -1)) {
      let failure: Error | null | undefined;
      await this.#writeAll(part, (error) => failure = error);
      if (failure) return done(failure);
    }
    await this.#writeAll(parts[parts.length - 1], done);
  }

  async #writeAll(bytes: Uint8Array, done: Done): Promise<void> {
    try {
      for (let sent = 0; sent < bytes.length;) {
        const writing = this.#connection.write(bytes.subarray(sent));
        this.#writing = writing;
        sent += await writing;
      }
    } catch (error) {
      return done(error as Error);
    }
    done();
  }

  async #closeWrite(done: Done): Promise<void> {
    const ending = this.#connection.closeWrite();
    this.#ending = ending;
    try {
      await ending;
    } catch {
      // The peer went by itself.
    }
    done();
  }
}
