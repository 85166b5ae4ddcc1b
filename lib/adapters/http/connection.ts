/**
 * One connection to the http listener, until it ends or becomes a WebSocket: what it waits for, and how long it may.
 *
 * Heads, bodies and answers are the business of node:http, which is handed the stream of each connection. What stands
 * here is what the server of this project adds: a deadline for each head and for the silence between requests, one for
 * the progress of a body and of an answer, a bound on requests that are under way at once, and the budget of all input
 * that waits, in which heads and bodies count. Deadlines are kept by one sweep over all connections of a listener.
 *
 * A client that has finished sending gets the answers to what it asked, and then its connection ends. A connection that
 * was closed looks the same, so whatever may wait for long is given up then (`whenFinished`).
 */
import type { Remote } from "../socket/door.ts";
import type { InputAccount, InputBudget } from "../../wire/input_budget.ts";
import type { Limits } from "../../base/limits.ts";
import { type Answer, answerText, plain } from "./answer.ts";
import type { ConnectionSession } from "./api/sessions.ts";
import type { ConnectionStream } from "./connection_stream.ts";

/** While so many requests are under way, nothing more is read. */
const MAX_UNDER_WAY = 8;

/** What a connection is made of. */
interface ConnectionOptions {
  readonly limits: Limits;
  readonly input: InputBudget;
  /** The machine's steady clock. */
  readonly nowMs: () => number;
  readonly peer: string;
  readonly remote: Remote;
}

/** A connection on which requests are read and answered. */
export class HttpConnection {
  readonly stream: ConnectionStream;
  readonly peer: string;
  readonly remote: Remote;
  /** Its session, once a request needs one. */
  session: ConnectionSession | null = null;
  /** The memory of heads and bodies that are not whole. */
  readonly account: InputAccount;
  readonly #limits: Limits;
  readonly #nowMs: () => number;
  readonly #input: InputBudget;
  /** Requests that were begun and are not answered. */
  #underWay = 0;
  /** The last request that was begun. */
  #last: { readonly complete: boolean } | null = null;
  #onQuiet: (() => void) | null = null;
  /** Whether a body is being read. */
  #bodies = 0;
  /** Since when a head, or the next request, is waited for. */
  #waitsSinceMs: number;
  /** What of a head that is not whole has come. */
  #headBytes = 0;
  /** For the sweep: what the peer had taken, and since when it takes nothing although something waits for it. */
  #sentBytes = 0;
  #stalledSinceMs = 0;
  #isOver = false;
  /** Whether it is spoken with: before, others keep the deadlines. */
  #isServed = false;

  constructor(stream: ConnectionStream, options: ConnectionOptions) {
    const { limits, input, nowMs, peer, remote } = options;
    this.stream = stream;
    this.peer = peer;
    this.remote = remote;
    this.#limits = limits;
    this.#input = input;
    this.#nowMs = nowMs;
    this.#waitsSinceMs = nowMs();
    this.account = input.open((atOnce) => this.#giveWay(atOnce));
    stream.mayRead = () => this.#underWay < MAX_UNDER_WAY;
    stream.onBytes = (count) => this.#came(count);
  }

  /** Whether nothing of a further request has come, and none is under way. */
  get idle(): boolean {
    return this.#underWay === 0 && this.#headBytes === 0;
  }

  /** The address without the port, for limits. */
  get address(): string {
    return this.remote.hostname;
  }

  /** Calls back once no request is under way; never when the connection ends before. */
  whenQuiet(callBack: () => void): void {
    if (this.#underWay === 0) callBack();
    else this.#onQuiet = callBack;
  }

  /** Calls back when the client has finished sending, or has already; never when the connection breaks before. */
  whenFinished(callBack: () => void): void {
    if (this.stream.readableEnded) callBack();
    else this.stream.once("end", callBack);
  }

  /** The client has finished sending: a request that is not whole never will be. */
  finished(): void {
    if (this.#isOver || this.#last === null || this.#last.complete) return;
    this.refuse(plain(400, "The request ended before its body was whole."));
  }

  /** Whether a whole request is under way. */
  get isAnswering(): boolean {
    return this.#underWay > 0 && this.#bodies === 0;
  }

  /** The first request is waited for from now on. */
  waits(): void {
    this.#isServed = true;
    this.#waitsSinceMs = this.#nowMs();
  }

  /** A head is whole, and its request under way. */
  began(request: { readonly complete: boolean }): void {
    this.#underWay++;
    this.#last = request;
    this.account.release(this.#headBytes);
    this.#headBytes = 0;
    this.account.progressed(0, false, false);
  }

  /** The request's answer has left, or never will. */
  ended(): void {
    this.#underWay--;
    this.#waitsSinceMs = this.#nowMs();
    this.stream.goOn();
    if (this.#underWay > 0 || this.#onQuiet === null || this.stream.destroyed) return;
    const callBack = this.#onQuiet;
    this.#onQuiet = null;
    callBack();
  }

  /** A body is being read, until `bodyOver`. */
  bodyBegins(): void {
    this.#bodies++;
    this.account.progressed(0, true, true);
  }

  /** So much more of it has come, and waits until it is whole. */
  bodyCame(bytes: number): void {
    this.account.hold(bytes);
    this.account.progressed(bytes, true, false);
  }

  /** Nothing more of a body is waited for, of which so much had come. */
  bodyOver(bytes: number): void {
    this.#bodies--;
    this.account.release(bytes);
    this.account.progressed(0, false, false);
  }

  /** Hands the stream over: nothing of it is looked after here any more. */
  leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.account.leave();
    this.stream.mayRead = () => true;
    this.stream.onBytes = null;
  }

  /** The connection is over. */
  closed(): void {
    this.leave();
    this.session?.end();
  }

  /** Ends the connection after a last word that nobody has asked for. */
  refuse(answer: Answer & { readonly body: string }): void {
    if (this.stream.writableEnded) return;
    this.stream.write(answerText(answer));
    this.stream.destroySoon();
  }

  /** Does what the time asks for. */
  sweep(): void {
    if (this.#isOver || this.stream.destroyed) return;
    const nowMs = this.#nowMs();
    const { handshakeTimeoutMs, messageTimeoutMs, writeTimeoutMs } = this.#limits;
    if (this.#writeStalled(nowMs, writeTimeoutMs)) return void this.stream.destroy();
    if (
      this.#isServed && this.#underWay === 0 && nowMs - this.#waitsSinceMs >= handshakeTimeoutMs
    ) {
      if (this.idle) return this.stream.destroySoon();
      return this.refuse(plain(408, "The request took too long."));
    }
    const { stillSinceMs } = this.account;
    if (this.#bodies === 0 || stillSinceMs === 0) return;
    if (this.#input.nowMs - stillSinceMs >= messageTimeoutMs) {
      this.refuse(plain(408, "The body of the request made no progress for too long."));
    }
  }

  /** Says whether what waits for the peer has stood still for too long. */
  #writeStalled(nowMs: number, timeoutMs: number): boolean {
    const { sentBytes, isSending } = this.stream;
    if (!isSending || sentBytes !== this.#sentBytes) {
      this.#sentBytes = sentBytes;
      this.#stalledSinceMs = nowMs;
      return false;
    }
    return nowMs - this.#stalledSinceMs >= timeoutMs;
  }

  /** Bytes have come: those of a head wait until it is whole. */
  #came(count: number): void {
    if (this.#underWay > 0) return;
    this.#headBytes += count;
    this.account.hold(count);
    this.account.progressed(count, true, false);
  }

  /** Ends the connection for the sake of others. */
  #giveWay(atOnce: boolean): void {
    this.account.leave();
    if (atOnce) this.stream.destroy();
    else this.refuse(plain(503, "There is no room for requests that are not whole."));
  }
}
