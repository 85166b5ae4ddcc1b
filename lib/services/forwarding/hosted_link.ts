/**
 * The link of a session whose client is connected to another node: what the client asks comes with the records of that node,
 * and what the session says goes back as records.
 *
 * Bounded by credit: the other node sends no more than the session has read, and the session writes no more than the
 * client has taken.
 */
import type { Link, LinkKind } from "../../ports/link.ts";
import { type Credit, WINDOW_BYTES } from "./credit.ts";
import { RECORD } from "./records.ts";
import type { ToldClient } from "./told_client.ts";
import type { WorkChannel } from "./work_channel.ts";

/** The first buffer; it grows with what comes. */
const FIRST_BYTES = 2048;
/** A buffer that is larger is given up when it is empty. */
const KEPT_BYTES = 16 * 1024;
/** The most bytes of one record of answers. */
const MAX_RECORD_BYTES = 64 * 1024;

/** What a link needs besides who its client is. */
export interface HostedLinkOptions {
  readonly channel: WorkChannel;
  /** The number of the session on the channel. */
  readonly number: number;
  /** The longest message of a client: the other node may send so much more than the window at once. */
  readonly maxMessageBytes: number;
  /** Told once that the session is over. */
  ended(): void;
}

/** One link. */
export class HostedLink implements Link {
  readonly kind: LinkKind;
  readonly isAdmitted = true;
  readonly isForwarded = true;
  readonly peer: string;
  readonly address: string;
  readonly isRelayed: boolean;
  readonly answersProbes = false;
  readonly signs = 0;
  bytesWritten = 0;
  readonly credit: Credit;
  readonly #options: HostedLinkOptions;
  #buffer = new Uint8Array(FIRST_BYTES);
  #start = 0;
  #end = 0;
  #finished = false;
  #closed = false;
  #wake: (() => void) | null = null;

  constructor(
    client: Pick<ToldClient, "kind" | "peer" | "address" | "isRelayed">,
    options: HostedLinkOptions,
  ) {
    this.kind = client.kind;
    this.peer = client.peer;
    this.address = client.address;
    this.isRelayed = client.isRelayed;
    this.credit = options.channel.answers.open();
    this.#options = options;
  }

  /** Hands bytes of the client to the session. Raises an Error when they are more than was allowed. */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (this.#finished) return;
    const count = end - start;
    const waiting = this.#end - this.#start;
    if (waiting + count > WINDOW_BYTES + this.#options.maxMessageBytes) {
      throw new Error("it sends more for a client than was allowed");
    }
    this.#makeRoom(count);
    this.#buffer.set(bytes.subarray(start, end), this.#end);
    this.#end += count;
    this.#wake?.();
  }

  /** The client has finished sending. */
  finish(): void {
    this.#finished = true;
    this.#wake?.();
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      this.#checkOpen();
      if (this.#end > this.#start) return this.#take(into);
      if (this.#finished) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
  }

  async write(batch: Uint8Array): Promise<void> {
    const { channel, number } = this.#options;
    const { credit } = this;
    for (let at = 0; at < batch.length;) {
      this.#checkOpen();
      const { room } = credit;
      if (room <= 0) {
        await credit.whenRoom();
        continue;
      }
      const part = batch.subarray(at, at + Math.min(room, MAX_RECORD_BYTES));
      channel.putAnswer(number, part);
      credit.spend(part.length);
      this.bytesWritten += part.length;
      at += part.length;
    }
  }

  probe(): void {}

  closeWrite(): void {
    // The session has said its last word, and nobody here waits until the client has read it.
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = this.#finished = true;
    this.#buffer = new Uint8Array(0);
    this.#start = this.#end = 0;
    this.credit.close();
    this.#wake?.();
    this.#options.ended();
  }

  whenReleased(): Promise<void> {
    return Promise.resolve();
  }

  #take(into: Uint8Array): number {
    const count = Math.min(into.length, this.#end - this.#start);
    into.set(this.#buffer.subarray(this.#start, this.#start + count));
    this.#start += count;
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      if (this.#buffer.length > KEPT_BYTES) this.#buffer = new Uint8Array(FIRST_BYTES);
    }
    const { channel, number } = this.#options;
    channel.took(RECORD.tookAsked, number, count);
    return count;
  }

  #makeRoom(count: number): void {
    if (this.#end + count <= this.#buffer.length) return;
    const waiting = this.#end - this.#start;
    const size = Math.max(this.#buffer.length, FIRST_BYTES);
    const buffer = waiting + count <= size / 2
      ? this.#buffer
      : new Uint8Array(Math.max(2 * size, waiting + count));
    if (buffer === this.#buffer) buffer.copyWithin(0, this.#start, this.#end);
    else buffer.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = buffer;
    this.#start = 0;
    this.#end = waiting;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error("the client's session on this node is over");
  }
}
