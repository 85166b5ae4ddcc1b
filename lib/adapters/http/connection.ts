/**
 * One connection to the http listener, until it ends or becomes something else: heads in, answers out.
 *
 * Each request has a deadline from the moment that the connection waits for it, so a silent connection, an
 * idle one and a slow one end alike. Bodies are never read: a request that has one is answered, and the
 * connection ends. An answer that ends the connection is given a moment to be read, because closing with
 * input unread would reset it.
 */
import { Buffer } from "node:buffer";
import { isDefect, reportDefect } from "../../base/defects.ts";
import { detached, settled } from "../../base/detached.ts";
import { type Answer, answerText, plain } from "./answer.ts";
import {
  emptyLines,
  headEnd,
  HttpFault,
  MAX_HEAD_BYTES,
  parseHead,
  type RequestHead,
} from "./head.ts";

/** A connection is closed after this many requests. */
const MAX_REQUESTS = 1000;
/** After the last answer, this much input is thrown away at most, and for this long. */
const LINGER_BYTES = 256 * 1024;
const LINGER_MS = 500;
const FIRST_BYTES = 1024;

const encoder = new TextEncoder();

/** What becomes of a request: an answer, or the connection is handed over with what was read behind it. */
export type Outcome = Answer | { readonly takeOver: (rest: Buffer) => void };

/** Says what becomes of a request. */
export type Handler = (head: RequestHead) => Outcome;

/** A connection that asks. */
export class HttpVisitor {
  readonly #connection: Deno.Conn;
  readonly #handle: Handler;
  readonly #timeoutMs: number;
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;
  #open = true;
  #late = false;

  constructor(connection: Deno.Conn, handle: Handler, timeoutMs: number) {
    this.#connection = connection;
    this.#handle = handle;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether nothing of a further request has come. */
  get idle(): boolean {
    return this.#length === 0;
  }

  /** Serves the connection; gives whether it was handed over. Never rejects. */
  async run(): Promise<boolean> {
    try {
      for (let left = MAX_REQUESTS; left > 0; left--) {
        const head = await this.#readHead();
        if (head === null) break;
        const outcome = this.#handle(head);
        if ("takeOver" in outcome) {
          this.#open = false;
          outcome.takeOver(Buffer.from(this.#bytes.slice(0, this.#length)));
          return true;
        }
        const last = left === 1 || outcome.status !== 200 || head.hasBody || !head.keepAlive;
        await this.#write(answerText(outcome, { head: head.method === "HEAD", last }));
        if (last) return await this.#linger(), false;
      }
    } catch (reason) {
      if (reason instanceof HttpFault) await this.#lastWord(plain(reason.status, reason.message));
      else if (isDefect(reason)) reportDefect("answer an HTTP request", reason);
    } finally {
      this.close();
    }
    return false;
  }

  /** Answers without having been asked, and ends the connection. Never rejects. */
  async refuse(answer: Answer): Promise<void> {
    await this.#lastWord(answer);
    this.close();
  }

  /** Ends the connection at once, unless it was handed over. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#connection.close();
  }

  /** Reads the next head; null when the peer has finished. Raises HttpFault, also when it takes too long. */
  async #readHead(): Promise<RequestHead | null> {
    const deadline = setTimeout(
      () => detached(this.#tooLate(), "end a connection that is too slow"),
      this.#timeoutMs,
    );
    try {
      for (let looked = 0, dropped = 0;;) {
        const empty = emptyLines(this.#bytes, this.#length, dropped);
        if (empty > 0) {
          this.#drop(empty);
          dropped += empty;
          looked = 0;
        }
        const end = headEnd(this.#bytes, this.#length, looked);
        if (end > 0) {
          const head = parseHead(this.#bytes.subarray(0, end));
          this.#drop(end);
          return head;
        }
        looked = this.#length;
        if (this.#length === this.#bytes.length) this.#grow();
        const count = await this.#connection.read(this.#bytes.subarray(this.#length));
        if (count === null || this.#late) return null;
        this.#length += count;
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Forgets the first `count` bytes. */
  #drop(count: number): void {
    this.#bytes.copyWithin(0, count, this.#length);
    this.#length -= count;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.min(this.#bytes.length * 4, MAX_HEAD_BYTES));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  /** A request under way is told; a connection that only waits is closed. */
  async #tooLate(): Promise<void> {
    this.#late = true;
    if (!this.idle) {
      const told = this.#write(answerText(plain(408, "The request took too long.")));
      await settled(told, "tell a peer that it is too slow");
    }
    this.close();
  }

  async #lastWord(answer: Answer): Promise<void> {
    try {
      await this.#write(answerText(answer));
      await this.#linger();
    } catch {
      // It went by itself.
    }
  }

  /** Lets the peer read what was sent last. */
  async #linger(): Promise<void> {
    const timer = setTimeout(() => this.close(), LINGER_MS);
    try {
      // Deno's connections can all do this, though not all their types say so.
      await (this.#connection as Deno.TcpConn).closeWrite();
      const discarded = new Uint8Array(4096);
      for (let left = LINGER_BYTES; left > 0;) {
        const count = await this.#connection.read(discarded);
        if (count === null) break;
        left -= count;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #write(text: string): Promise<void> {
    const bytes = encoder.encode(text);
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }
}
