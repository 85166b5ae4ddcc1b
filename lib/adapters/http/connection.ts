/**
 * One connection to the http listener, until it ends or becomes something else: heads in, answers out.
 *
 * Each request has a deadline from the moment that the connection waits for it, so a silent connection, an
 * idle one and a slow one end alike. Bodies are never read: a request that has one is answered, and the
 * connection ends. An answer that ends the connection is given a moment to be read, because closing with
 * input unread would reset it.
 *
 * The buffer of a head starts small, grows with what arrives and counts in the budget of all input that waits; one that
 * has to go for the sake of others is told 503.
 */
import { Buffer } from "node:buffer";
import { isDefect, reportDefect } from "../../base/defects.ts";
import { detached, settled } from "../../base/detached.ts";
import { READ_BUFFER_FIRST_BYTES } from "../../base/limits.ts";
import type { HttpSocket } from "./connection_stream.ts";
import type { InputAccount, InputBudget } from "../../wire/input_budget.ts";
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

const encoder = new TextEncoder();

/** What becomes of a request: an answer, or the connection is handed over with what was read behind it. */
export type Outcome = Answer | { readonly takeOver: (rest: Buffer) => void };

/** Says what becomes of a request, at once or later; a promise never rejects. */
type Handler = (head: RequestHead) => Outcome | Promise<Answer>;

/** A connection on which requests are read and answered. */
export class HttpConnection {
  readonly #connection: HttpSocket;
  readonly #handle: Handler;
  readonly #timeoutMs: number;
  readonly #account: InputAccount;
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  #open = true;
  #answering = false;
  /** Whether the answer of the request in hand is the last. */
  #finishing = false;
  /** The word to a peer whose head is not waited for any more; null while it is. */
  #dismissal: Promise<void> | null = null;

  constructor(connection: HttpSocket, handle: Handler, timeoutMs: number, input: InputBudget) {
    this.#connection = connection;
    this.#handle = handle;
    this.#timeoutMs = timeoutMs;
    this.#account = input.open((atOnce) => this.#giveWay(atOnce));
    this.#bytes = this.#account.take(READ_BUFFER_FIRST_BYTES);
  }

  /** Whether no request is in hand, and nothing of a further one has come. */
  get idle(): boolean {
    return this.#length === 0 && !this.#answering;
  }

  /** Serves the connection; gives whether it was handed over. Never rejects. */
  async run(): Promise<boolean> {
    try {
      for (let left = MAX_REQUESTS; left > 0; left--) {
        const head = await this.#readHead();
        if (head === null) break;
        this.#answering = true;
        const outcome = await this.#handle(head);
        if ("takeOver" in outcome) {
          this.#open = false;
          outcome.takeOver(Buffer.from(this.#bytes.slice(0, this.#length)));
          return true;
        }
        const last = left === 1 || this.#finishing || outcome.status !== 200 || head.hasBody ||
          !head.keepAlive;
        await this.#write(answerText(outcome, { head: head.method === "HEAD", last }));
        this.#answering = false;
        if (last) return await this.#linger(), false;
      }
    } catch (reason) {
      if (reason instanceof HttpFault) await this.#lastWord(plain(reason.status, reason.message));
      else if (isDefect(reason)) reportDefect("answer an HTTP request", reason);
    } finally {
      this.close();
      this.#account.leave();
      this.#account.give(this.#bytes);
    }
    return false;
  }

  /** Answers without having been asked, and ends the connection. Never rejects. */
  async refuse(answer: Answer): Promise<void> {
    await this.#lastWord(answer);
    this.close();
  }

  /** Ends the connection at once when no request is in hand, otherwise with the answer of that. */
  finish(): void {
    if (this.idle) this.close();
    else this.#finishing = true;
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
      () => this.#dismiss(this.idle ? null : plain(408, "The request took too long.")),
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
          this.#account.progressed(0, false, false);
          if (this.idle) this.#resize(READ_BUFFER_FIRST_BYTES);
          return head;
        }
        looked = this.#length;
        if (this.#length === this.#bytes.length) {
          this.#resize(Math.min(this.#bytes.length * 4, MAX_HEAD_BYTES));
        }
        // Making room for this head can be what ends it.
        const count = this.#dismissal === null
          ? await this.#connection.read(this.#bytes.subarray(this.#length))
          : null;
        if (this.#dismissal !== null) await this.#dismissal;
        if (count === null || this.#dismissal !== null) return null;
        this.#length += count;
        this.#account.progressed(count, true, false);
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

  /** Moves what waits into a buffer of `bytes` bytes. */
  #resize(bytes: number): void {
    if (bytes === this.#bytes.length) return;
    const former = this.#bytes;
    this.#bytes = this.#account.take(bytes);
    this.#bytes.set(former.subarray(0, this.#length));
    this.#account.give(former);
  }

  /** Ends the connection for the sake of others. */
  #giveWay(atOnce: boolean): void {
    this.#account.leave();
    this.#dismiss(atOnce ? null : plain(503, "There is no room for requests that are not whole."));
  }

  /** Waits for no more of a head: closes the connection, after `answer` if there is one. */
  #dismiss(answer: Answer | null): void {
    this.#dismissal ??= this.#tellAndClose(answer);
    detached(this.#dismissal, "end a connection that is too slow");
  }

  async #tellAndClose(answer: Answer | null): Promise<void> {
    if (answer !== null) {
      await settled(
        this.#write(answerText(answer)),
        "tell a peer why its request is not waited for",
      );
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
      await this.#connection.closeWrite();
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
