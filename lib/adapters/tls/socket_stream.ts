/**
 * A tcp connection of Deno as the stream of Node that node:tls works on.
 *
 * Connections are accepted by Deno.listen, whose accept loop goes on after any failure; the listener of node:net
 * accepts nothing any more once files have run out. Nothing is read while `mayRead` says no, so that what nobody
 * takes stays with the peer: node:tls itself goes on taking, and keeps what it decrypts. A peer whose bytes give
 * nothing to read, such as empty records, does not keep the runtime from looking at others.
 */
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers";
import { detached } from "../../base/detached.ts";
import { askAfterSilence } from "../socket/keepalive.ts";
import { TrackedConnection } from "../socket/tracked_connection.ts";
import { SentRecords } from "./sent_records.ts";

const SMALL_BYTES = 4 * 1024;
const LARGE_BYTES = 256 * 1024;
/** After so many bytes others have a turn, whatever became of them. */
const BYTES_A_TURN = 256 * 1024;

/** How long a stream that was given up may take to send what it has. */
const FAREWELL_MS = 1000;

type Done = (error?: Error | null) => void;

/** A stream over one connection, which it owns from then on. Chunks that are taken at once are lent. */
export class SocketStream extends Duplex {
  /** Resolves when the stream is destroyed and the system has the descriptor back. */
  readonly released: Promise<void>;
  readonly #connection: Deno.TcpConn;
  readonly #operations: TrackedConnection;
  readonly #records = new SentRecords();
  #release!: () => void;
  #buffer = new Uint8Array(SMALL_BYTES);
  #reading = false;
  /** Whether a read waits until it is allowed. */
  #held = false;
  #bytesInTurn = 0;
  #sentWaiters: (() => void)[] = [];
  #farewell: ReturnType<typeof setTimeout> | undefined;
  readonly #mayRead: () => boolean;

  constructor(connection: Deno.TcpConn, mayRead: () => boolean) {
    // Nothing is read ahead of what was not taken yet.
    super({ allowHalfOpen: true, readableHighWaterMark: 1 });
    this.#connection = connection;
    this.#operations = new TrackedConnection(connection);
    this.#mayRead = mayRead;
    this.released = new Promise((resolve) => this.#release = resolve);
    // Whoever cares listens as well; an error that nobody hears must not end the process.
    this.on("error", () => {});
  }

  /** Asks the peer for a sign of life, as `Link.probe` does, below whatever the stream carries. */
  probe(idleMs: number): void {
    if (!this.destroyed) askAfterSilence(this.#connection, idleMs);
  }

  /**
   * Ends the stream, once what it has to send has left or failed, or after a moment. node:tls calls this as soon as both
   * directions have ended, although its last word is still here. With an error, it ends at once.
   */
  override destroy(error?: Error): this {
    if (error || this.destroyed) return super.destroy(error);
    if (!this.writableEnded) this.end();
    if (this.writableFinished) return super.destroy();
    if (this.#farewell === undefined) {
      this.#farewell = setTimeout(() => super.destroy(), FAREWELL_MS);
      this.once("finish", () => super.destroy());
    }
    return this;
  }

  /** Ends the stream at once. */
  cut(): void {
    super.destroy();
  }

  /** Reads on, if a read waits and is allowed by now. */
  goOn(): void {
    if (this.#held && !this.destroyed) this._read();
  }

  override _read(): void {
    if (this.#reading) return;
    this.#held = !this.#mayRead();
    if (this.#held) return;
    this.#reading = true;
    detached(this.#readOnce(), "read from a socket");
  }

  /** Calls back when the system has all that was written by now; never when the connection ends before. */
  whenSent(callBack: () => void): void {
    if (this.writableLength === 0) callBack();
    else this.#sentWaiters.push(callBack);
  }

  /** The records of TLS that the system has taken whole so far. */
  get recordsSent(): number {
    return this.#records.count(this.#operations.sentBytes);
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#records.give(chunk, this.#operations.sentBytes);
    const written = this.#operations.write(chunk);
    detached(written.then(() => this.#wrote(done), done), "write to a socket");
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: Done): void {
    for (const { chunk } of chunks) this.#records.give(chunk, this.#operations.sentBytes);
    const written = this.#operations.writeChunks(chunks);
    detached(written.then(() => this.#wrote(done), done), "write to a socket");
  }

  #wrote(done: Done): void {
    done();
    if (this.writableLength > 0) return;
    const waiters = this.#sentWaiters;
    this.#sentWaiters = [];
    for (const callBack of waiters) callBack();
  }

  override _final(done: Done): void {
    detached(this.#operations.closeWrite().then(() => done()), "finish sending to a peer");
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#farewell);
    detached(this.#operations.close().then(this.#release), "let go of a connection");
    done(error);
  }

  async #readOnce(): Promise<void> {
    if (this.#bytesInTurn > BYTES_A_TURN) {
      this.#bytesInTurn = 0;
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.destroyed) return;
    }
    let count: number | null;
    try {
      count = await this.#operations.read(this.#buffer);
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (this.destroyed) return;
    this.#reading = false;
    if (count === null) {
      this.push(null);
      return;
    }
    this.#bytesInTurn += count;
    const size = this.#buffer.length;
    this.push(this.#buffer.subarray(0, count));
    // What was taken at once was copied by whoever took it; otherwise the buffer is given away.
    if (this.readableLength > 0) this.#buffer = new Uint8Array(size);
    else if (count === size && size < LARGE_BYTES) this.#buffer = new Uint8Array(size * 4);
    else if (count < SMALL_BYTES && size > SMALL_BYTES) this.#buffer = new Uint8Array(SMALL_BYTES);
  }
}
