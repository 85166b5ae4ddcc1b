/**
 * A WebSocket as a Link: the payloads of its binary frames are the bytes, in both directions.
 *
 * Frame boundaries mean nothing on the way in. On the way out each batch is one WebSocket message, so
 * what a client receives are whole Parley messages; a long batch goes in fragments, so that a write that
 * makes progress can be told from one that stands still.
 *
 * What waits to be read is bounded: while anything does, the socket is paused. A Close frame of the peer is the
 * end of input; it is answered when our side finishes, so what the peer asked before is still answered.
 * A peer that breaks the rules (text, too large, unmasked, compressed) is told so with a status code, and
 * reads reject once it is gone. A peer that vanishes without a Close frame is an abrupt end.
 *
 * Probes are Ping frames, which every WebSocket answers by itself; behind a proxy they reach the peer, and not
 * only the proxy.
 */
import type { Buffer } from "node:buffer";
// @ts-types="@types/ws"
import { WebSocket } from "ws";
import { WriteAbandoned } from "../../base/write_abandoned.ts";
import type { Link } from "../../ports/link.ts";
import type { InputAccount, InputBudget } from "../../wire/input_budget.ts";
import type { ConnectionStream } from "./connection_stream.ts";

/** A batch leaves in fragments of this size; each of them is seen as progress. */
const FRAGMENT_BYTES = 128 * 1024;
/** A peer that was refused may send this much more before it is cut off. */
const DISCARD_BYTES = 4 * 1024 * 1024;
/** Status codes of RFC 6455, section 7.4.1. */
const NORMAL = 1000, GOING_AWAY = 1001, PROTOCOL_ERROR = 1002, UNSUPPORTED_DATA = 1003;
const CLOSED_ABNORMALLY = 1006, TRY_AGAIN_LATER = 1013;

/**
 * The WebSocket class that the `ws` server makes. It differs in one thing: `ws` answers a Close frame at
 * once by calling `close`, and here that is only taken note of, until `finish`.
 */
export class HeldWebSocket extends WebSocket {
  /** The status code that `ws` wanted to close with by itself first; null while it has not wanted to. */
  heldCode: number | null = null;
  /** Told when `ws` wants to close. */
  onHeld: (() => void) | null = null;
  #finished = false;

  /** Whether a Close frame was sent. */
  get finished(): boolean {
    return this.#finished;
  }

  override close(code?: number): void {
    this.heldCode ??= code ?? NORMAL;
    if (this.#finished) super.close(code);
    this.onHeld?.();
  }

  /** Sends a Close frame; once. */
  finish(code: number, reason = ""): void {
    if (this.#finished) return;
    this.#finished = true;
    super.close(code, reason);
  }
}

/** What the listener knows of a connection. */
interface WebSocketLinkOptions {
  /** The connection below. */
  readonly connection: ConnectionStream;
  readonly peer: string;
  readonly address: string;
  /** Whether the request seems to have come through a proxy. */
  readonly isRelayed: boolean;
  /** The budget of all input that waits. */
  readonly input: InputBudget;
  /** Whether the server stops: then the Close frame says so. */
  goingAway(): boolean;
}

/** One accepted WebSocket. */
export class WebSocketLink implements Link {
  readonly kind = "ws";
  readonly isAdmitted = true;
  readonly peer: string;
  readonly address: string;
  readonly isRelayed: boolean;
  readonly answersProbes = true;
  signs = 0;
  bytesWritten = 0;

  readonly #socket: HeldWebSocket;
  readonly #options: WebSocketLinkOptions;
  /** What waits to be read, as memory. */
  readonly #account: InputAccount;
  /** Payloads that wait to be read; the first one from `#offset` on. */
  readonly #input: { readonly kept: Uint8Array<ArrayBuffer>; readonly end: number }[] = [];
  /** What the read that waits is to fill, and how much of it was. */
  #into: Uint8Array | null = null;
  #filled = 0;
  #offset = 0;
  #waitingBytes = 0;
  /** The peer has finished sending, with a Close frame. */
  #inputEnded = false;
  /** What the peer did wrong. */
  #fault: Error | null = null;
  /** Why nothing is read or written any more. */
  #failure: Error | null = null;
  #wakeRead: (() => void) | null = null;
  #failWrite: ((reason: Error) => void) | null = null;

  constructor(socket: HeldWebSocket, options: WebSocketLinkOptions) {
    this.#socket = socket;
    this.#options = options;
    this.peer = options.peer;
    this.address = options.address;
    this.isRelayed = options.isRelayed;
    this.#account = options.input.open(() => {
      this.#dropInput();
      this.#refuse(TRY_AGAIN_LATER, new Error("the server has no room for what waits to be read"));
    });
    socket.onHeld = () => this.#held();
    socket.on("message", (payload: Buffer, isBinary: boolean) => this.#received(payload, isBinary));
    // The errors of `ws` are of classes that would mean a defect of ours.
    socket.on("error", (cause: Error) => {
      this.#refuse(PROTOCOL_ERROR, new Error(`cannot read a frame: ${cause.message}`, { cause }));
    });
    for (const control of ["ping", "pong"]) socket.on(control, () => void this.signs++);
    socket.on("close", (code: number) => this.#closed(code));
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#waitingBytes > 0) return this.#take(into);
      if (this.#failure !== null) throw this.#failure;
      if (this.#inputEnded) return null;
      this.#into = into;
      await new Promise<void>((resolve) => this.#wakeRead = resolve);
      this.#wakeRead = this.#into = null;
      const filled = this.#filled;
      this.#filled = 0;
      if (filled > 0) return filled;
    }
  }

  async write(batch: Uint8Array): Promise<void> {
    for (let start = 0; start < batch.length; start += FRAGMENT_BYTES) {
      const end = Math.min(start + FRAGMENT_BYTES, batch.length);
      await this.#send(batch.subarray(start, end), end === batch.length);
      this.bytesWritten += end - start;
    }
  }

  probe(idleMs: number): void {
    // Whoever has sent a Close frame answers no more, but its system does.
    if (this.#inputEnded) this.#options.connection.probe(idleMs);
    else if (this.#failure === null && this.#fault === null) this.#socket.ping(() => {});
  }

  closeWrite(): void {
    this.#socket.finish(this.#options.goingAway() ? GOING_AWAY : NORMAL);
  }

  close(): void {
    this.#dropInput();
    if (this.#failure !== null) return;
    if (this.#inputEnded) {
      // Both sides have said all they had to say: the Close frame still leaves.
      this.closeWrite();
      this.#options.connection.destroySoon();
    } else {
      this.#socket.terminate();
    }
    this.#fail(new Error("the WebSocket is closed"));
  }

  whenReleased(): Promise<void> {
    return this.#options.connection.released;
  }

  #dropInput(): void {
    this.#account.leave();
    for (const { kept } of this.#input) this.#account.give(kept);
    this.#input.length = this.#waitingBytes = this.#offset = 0;
  }

  #received(payload: Buffer, isBinary: boolean): void {
    if (this.#fault !== null) return;
    if (!isBinary) {
      return this.#refuse(
        UNSUPPORTED_DATA,
        new Error("the peer sent a text frame; only binary frames are accepted"),
      );
    }
    // The payload is lent: what nobody asks for at this moment is copied, and no more is taken from the socket.
    let from = 0;
    if (this.#into !== null && this.#waitingBytes === 0) {
      from = Math.min(payload.length, this.#into.length);
      this.#into.set(from < payload.length ? payload.subarray(0, from) : payload);
      this.#into = null;
      this.#filled = from;
    }
    if (from < payload.length) {
      const kept = this.#account.take(payload.length - from);
      kept.set(payload.subarray(from));
      this.#input.push({ kept, end: payload.length - from });
      this.#waitingBytes += payload.length - from;
      this.#socket.pause();
    }
    this.#wakeRead?.();
  }

  /** Moves what waits into `into`, as much as there is room for. */
  #take(into: Uint8Array): number {
    let filled = 0;
    while (this.#input.length > 0 && filled < into.length) {
      const { kept, end } = this.#input[0];
      const count = Math.min(end - this.#offset, into.length - filled);
      into.set(kept.subarray(this.#offset, this.#offset + count), filled);
      filled += count;
      this.#offset += count;
      if (this.#offset < end) break;
      this.#offset = 0;
      this.#input.shift();
      this.#account.give(kept);
    }
    this.#waitingBytes -= filled;
    if (this.#waitingBytes === 0 && this.#socket.isPaused) this.#socket.resume();
    return filled;
  }

  #send(part: Uint8Array, last: boolean): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      // `ws` keeps the bytes until it calls back, also when nobody waits for that any more.
      let letGo = () => {};
      const released = new Promise<void>((resolve) => letGo = resolve);
      this.#failWrite = (reason) => reject(new WriteAbandoned(reason.message, released));
      this.#socket.send(part, { binary: true, fin: last }, (error) => {
        this.#failWrite = null;
        letGo();
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** `ws` wants to answer a Close frame, or to close because of an error that it reports next. */
  #held(): void {
    // An error is reported before anything else can happen, and then this was no end of input.
    queueMicrotask(() => {
      if (this.#fault !== null) return;
      this.#inputEnded = true;
      this.#wakeRead?.();
    });
  }

  /** Tells the peer what it did wrong. It has a moment to go by itself; reads reject when it is gone. */
  #refuse(code: number, error: Error): void {
    if (this.#fault !== null) return;
    this.#fault = error;
    this.#socket.finish(this.#socket.heldCode ?? code, error.message.slice(0, 100));
    let discarded = 0;
    this.#options.connection.on("data", (chunk: Uint8Array) => {
      discarded += chunk.length;
      if (discarded > DISCARD_BYTES) this.#socket.terminate();
    });
    this.#failWrite?.(error);
  }

  #closed(code: number): void {
    if (this.#fault === null && code !== CLOSED_ABNORMALLY) {
      this.#inputEnded = true;
      this.#failWrite?.(new Error("the peer closed the WebSocket"));
      this.#wakeRead?.();
      return;
    }
    this.#fail(this.#fault ?? new Error("the connection ended without a Close frame"));
  }

  #fail(reason: Error): void {
    this.#failure ??= reason;
    this.#wakeRead?.();
    this.#failWrite?.(reason);
  }
}
