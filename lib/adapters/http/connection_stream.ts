/**
 * A connection of Deno as a stream of Node, for node:http and `ws`.
 *
 * Reads are asked for by the stream, one at a time, so that what nobody takes stays with the peer. The
 * buffer is small while little comes and grows with what does, because every idle connection has one.
 * Half a close is possible in both directions. A stream that ends by itself gives its peer a moment to read what was
 * written last: closing with input unread would reset the connection.
 *
 * First it carries HTTP, and each chunk is given away; from `merge` on it carries WebSocket frames.
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { reportDefect } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { type FrameMerger, ROOM_IN_FRONT_BYTES } from "./frame_merger.ts";
import { askAfterSilence } from "../socket/keepalive.ts";
import { TrackedConnection } from "../socket/tracked_connection.ts";
import { TlsConnection } from "../tls/connection.ts";

const SMALL_BYTES = 1024;
const LARGE_BYTES = 16 * 1024;
/** After the last word, this much input is thrown away at most, and for this long. */
const LINGER_BYTES = 256 * 1024;
const LINGER_MS = 500;

/** What an HTTP connection may be: plain, or under TLS. */
export type HttpSocket = Deno.TcpConn | TlsConnection;

type Done = (error?: Error | null) => void;

/** A buffer for `bytes` bytes behind the room that is needed in front of them. */
function roomFor(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(ROOM_IN_FRONT_BYTES + bytes);
}

/**
 * A stream over one connection, which it owns from then on. Chunks of WebSocket frames that are taken at once are lent:
 * they are good until the next one comes.
 */
export class ConnectionStream extends Duplex {
  /** Resolves when the stream is destroyed and the system has the descriptor back. */
  readonly released: Promise<void>;
  readonly #connection: HttpSocket;
  readonly #operations: TrackedConnection;
  #release!: () => void;
  #buffer = roomFor(SMALL_BYTES);
  #merger: FrameMerger | null = null;
  #reading = false;
  /** Whether a read waits until it is allowed. */
  #held = false;
  /** What of the input is thrown away after the last word; null before. */
  #discarded: number | null = null;
  #linger: ReturnType<typeof setTimeout> | undefined;
  /** Whether more may be read now. */
  mayRead: () => boolean = () => true;
  /** Told of the bytes that come, before anybody gets them; null when nobody asks. */
  onBytes: ((count: number) => void) | null = null;

  constructor(connection: HttpSocket) {
    // Nothing is read ahead of what was not taken yet.
    super({ allowHalfOpen: true, readableHighWaterMark: 1 });
    this.#connection = connection;
    this.#operations = new TrackedConnection(connection);
    this.released = new Promise((resolve) => this.#release = resolve);
    // Whoever cares for the end listens to "close"; an error that nobody hears must not end the process.
    this.on("error", () => {});
  }

  /** The bytes that the system has taken so far, and whether some wait. */
  get sentBytes(): number {
    return this.#operations.sentBytes;
  }

  get isSending(): boolean {
    return this.writableLength > 0;
  }

  /** What is read goes through `merger` from now on. */
  merge(merger: FrameMerger): void {
    this.#merger = merger;
  }

  /** Reads on, if a read waits and is allowed by now. */
  goOn(): void {
    if (this.#held && !this.destroyed) this._read();
  }

  /** node:http asks for time-outs; they are kept by others here. */
  setTimeout(): this {
    return this;
  }

  /** Asks the peer for a sign of life, as `Link.probe` does, below whatever the stream carries. */
  probe(idleMs: number): void {
    if (this.destroyed) return;
    const connection = this.#connection;
    if (connection instanceof TlsConnection) connection.probe(idleMs);
    else askAfterSilence(connection, idleMs);
  }

  /** Sends what waits, and then ends the connection in both directions, when its peer has had a moment to read. */
  destroySoon(): void {
    if (this.destroyed || this.#discarded !== null) return;
    if (this.writable) this.end();
    // Whoever speaks WebSocket has said all that it had to say.
    if (this.#merger !== null) return this.#whenSent(() => this.destroy());
    this.#discarded = 0;
    this.#whenSent(() => this.#startLinger());
  }

  #whenSent(run: () => void): void {
    if (this.writableFinished) run();
    else this.once("finish", run);
  }

  /** Throws away what still comes, until the peer has gone or the time is over. */
  #startLinger(): void {
    if (this.destroyed) return;
    this.#linger = setTimeout(() => this.destroy(), LINGER_MS);
    if (!this.#reading) this.#startRead();
  }

  override _read(): void {
    if (this.#reading) return;
    this.#held = !this.mayRead();
    if (!this.#held) this.#startRead();
  }

  #startRead(): void {
    this.#reading = true;
    this.#run(this.#readOnce());
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#run(this.#operations.write(chunk).then(() => done(), done));
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: Done): void {
    this.#run(this.#operations.writeChunks(chunks).then(() => done(), done));
  }

  override _final(done: Done): void {
    this.#run(this.#operations.closeWrite().then(() => done()));
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#linger);
    const connection = this.#connection;
    const below = connection instanceof TlsConnection ? connection.released : null;
    const over = Promise.all([this.#operations.close(), below]).then(() => this.#letGo());
    detached(over, "let go of a connection");
    done(error);
  }

  /** Frees the buffer at once, since nothing is read any more: as garbage it could stay for long. */
  #letGo(): void {
    this.#buffer.buffer.transfer(0);
    this.#release();
  }

  /** Lets a task go its way. Those who listen to this stream are called from within; their failure ends it. */
  #run(task: Promise<void>): void {
    const ended = task.catch((reason) => {
      reportDefect("take what came over a connection", reason);
      this.destroy();
    });
    detached(ended, "end a connection");
  }

  /** Reads until there is something for whoever reads the stream. */
  async #readOnce(): Promise<void> {
    for (;;) {
      const buffer = this.#buffer;
      let count: number | null;
      try {
        count = await this.#operations.read(buffer.subarray(ROOM_IN_FRONT_BYTES));
      } catch (error) {
        this.destroy(error as Error);
        return;
      }
      if (this.destroyed) return;
      if (this.#discarded !== null) {
        if (count === null) return this.#whenSent(() => this.destroy());
        this.#discarded += count;
        if (this.#discarded > LINGER_BYTES) return void this.destroy();
        continue;
      }
      if (count === null) {
        this.#reading = false;
        this.push(null);
        return;
      }
      if (this.#merger === null) return this.#pushWhole(buffer, count);
      const merged = this.#merger.merge(buffer, ROOM_IN_FRONT_BYTES + count);
      if (merged.length === 0) {
        // A peer that sends nothing but heads must not keep the runtime from looking at others.
        this.#resize(count);
        await new Promise((resolve) => setTimeout(resolve, 0));
        continue;
      }
      this.#reading = false;
      for (const chunk of merged) this.push(chunk);
      // What was taken at once was copied by whoever took it; otherwise the buffer is given away.
      if (this.readableLength > 0 || this.#merger.verbatim) this.#buffer = roomFor(SMALL_BYTES);
      else if (this.#buffer === buffer) this.#resize(count);
      return;
    }
  }

  /** Gives away what came of HTTP, since parts of a body may be kept: a copy of what is short, else the buffer. */
  #pushWhole(buffer: Uint8Array<ArrayBuffer>, count: number): void {
    this.#reading = false;
    this.onBytes?.(count);
    const size = buffer.length - ROOM_IN_FRONT_BYTES;
    if (count < SMALL_BYTES && size === SMALL_BYTES) {
      // Copies of what is short share memory; a buffer for each read would be garbage that costs more.
      this.push(Buffer.from(buffer.subarray(ROOM_IN_FRONT_BYTES, ROOM_IN_FRONT_BYTES + count)));
      return;
    }
    const next = count === size ? Math.min(size * 4, LARGE_BYTES) : SMALL_BYTES;
    this.#buffer = roomFor(next);
    this.push(Buffer.from(buffer.buffer, ROOM_IN_FRONT_BYTES, count));
  }

  /** Makes the buffer larger when it was filled, and small again when it was not and memory is short. */
  #resize(count: number): void {
    const size = this.#buffer.length - ROOM_IN_FRONT_BYTES;
    if (count === size && size < LARGE_BYTES) this.#buffer = roomFor(size * 4);
    else if (count < SMALL_BYTES && size > SMALL_BYTES) this.#buffer = roomFor(SMALL_BYTES);
  }
}
