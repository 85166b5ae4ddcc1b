/**
 * A Link whose peer is an HTTP client: what its requests ask for goes to a session as messages, and what the session
 * says comes back as messages.
 *
 * To the session behind it this is a connection like any other, so rights, rates and limits are the same, and nothing
 * is decided here. Bounded by those who ask: each waits for its answer. What `receive` gives back is waited for before
 * a write is over, so a client that does not read holds up its session alone. What is written is handed on in turns
 * with others: to decode and to render a message takes many times as long as to copy it.
 */
import { type ClientMessage, ClientMessageSchema } from "../../../gen/parley/v1/envelope_pb.ts";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import type { Link } from "../../../ports/link.ts";
import type { WorkTurn } from "../../../ports/work_turn.ts";
import { FrameReader } from "../../../wire/frame_reader.ts";

/** What it costs to hand a message on, in small messages: so many, and one more for so many of its bytes. */
const UNITS_A_MESSAGE = 8;
const BYTES_A_UNIT = 256;
/** After so many units others may have their turn. */
const UNITS_AT_ONCE = 64;

/** What a link is made of. */
export interface MessageLinkOptions {
  readonly peer: string;
  readonly address: string;
  /** Whether the request seems to come through a proxy. */
  readonly isRelayed: boolean;
  /** The largest message of the server. */
  readonly maxFrameBytes: number;
  /**
   * What is written is handed on in turns with others. Shared by all links of a server: a crowd of streams gets no more
   * of it than one connection that sends.
   */
  readonly turn: WorkTurn;
  /** Takes a message of the session; it is lent until what is given back has resolved. */
  receive(message: Uint8Array): Promise<void> | void;
  /** Told once that the session is over. */
  ended(): void;
  /** The bytes that the client has taken so far; absent where what is received is all there is. */
  sent?(): number;
}

/** One link. */
export class MessageLink implements Link {
  readonly kind = "http";
  readonly isAdmitted = true;
  readonly peer: string;
  readonly address: string;
  readonly isRelayed: boolean;
  readonly answersProbes = false;
  readonly signs = 0;
  isPreparing = false;
  readonly #options: MessageLinkOptions;
  readonly #frames: FrameReader;
  readonly #waiting: Uint8Array[] = [];
  #offset = 0;
  #received = 0;
  #finished = false;
  #closed = false;
  #wake: (() => void) | null = null;

  constructor(options: MessageLinkOptions) {
    this.#options = options;
    this.peer = options.peer;
    this.address = options.address;
    this.isRelayed = options.isRelayed;
    this.#frames = new FrameReader("delimited", 2 * options.maxFrameBytes);
  }

  get bytesWritten(): number {
    return this.#options.sent?.() ?? this.#received;
  }

  /** Hands a message to the session. */
  put(message: ClientMessage): void {
    if (!this.#finished) this.putBytes(sizeDelimitedEncode(ClientMessageSchema, message));
  }

  /** The same with a message that is encoded and delimited. */
  putBytes(message: Uint8Array): void {
    if (this.#finished) return;
    this.#waiting.push(message);
    this.#wake?.();
  }

  /** The client asks for nothing more. */
  finish(): void {
    this.#finished = true;
    this.#wake?.();
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      this.#checkOpen();
      const [first] = this.#waiting;
      if (first !== undefined) return this.#take(first, into);
      if (this.#finished) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
  }

  async write(batch: Uint8Array): Promise<void> {
    this.isPreparing = true;
    try {
      await this.#options.turn.admit();
      await this.#handOn(batch);
    } finally {
      this.isPreparing = false;
    }
  }

  async #handOn(batch: Uint8Array): Promise<void> {
    const frames = this.#frames;
    let units = 0;
    this.#checkOpen();
    for (let from = 0; from < batch.length;) {
      const space = frames.space();
      const count = Math.min(space.length, batch.length - from);
      space.set(batch.subarray(from, from + count));
      frames.filled(count);
      from += count;
      while (frames.next()) {
        const message = frames.buffer.subarray(frames.messageStart, frames.messageEnd);
        const taken = this.#options.receive(message);
        if (taken !== undefined) await this.#untilTaken(taken);
        this.#checkOpen();
        this.#received += message.length;
        units += UNITS_A_MESSAGE + Math.floor(message.length / BYTES_A_UNIT);
        if (units < UNITS_AT_ONCE) continue;
        await this.#options.turn.did(units);
        this.#checkOpen();
        units = 0;
      }
    }
  }

  /** Waits for the client. */
  async #untilTaken(taken: Promise<void>): Promise<void> {
    this.isPreparing = false;
    await taken;
    this.isPreparing = true;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error("the connection is closed");
  }

  probe(): void {}

  closeWrite(): void {
    // The session has said its last word, so there is nothing more to ask.
    this.finish();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = this.#finished = true;
    this.#waiting.length = 0;
    this.#frames.close();
    this.#wake?.();
    this.#options.ended();
  }

  whenReleased(): Promise<void> {
    return Promise.resolve();
  }

  #take(first: Uint8Array, into: Uint8Array): number {
    const count = Math.min(into.length, first.length - this.#offset);
    into.set(first.subarray(this.#offset, this.#offset + count));
    this.#offset += count;
    if (this.#offset === first.length) {
      this.#waiting.shift();
      this.#offset = 0;
    }
    return count;
  }
}
