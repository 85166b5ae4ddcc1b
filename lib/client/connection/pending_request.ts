/**
 * One request from the call to its end: it waits for its turn, is in flight, and is settled exactly once
 * by an answer, an error, its deadline or its signal, whichever comes first.
 *
 * It is its own entry in the deadline queue, so that a request costs one object beside the promise.
 * Whoever holds it (the queue of those that wait, or a connection) is told when it is settled by anything but the
 * holder.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { ReadAnswer } from "./answers.ts";
import type { Expirable } from "./deadline_queue.ts";
import { type Abortable, joinSignal, leaveSignal } from "./signal_group.ts";

/** Keeps requests that are not settled. */
export interface RequestHolder {
  /** Lets go of a request that its deadline or its signal settled. */
  forget(request: PendingRequest): void;
  /** What the request waits for here, for the message of its deadline. */
  readonly waitsFor: string;
}

const NOTHING = new Uint8Array(0);
const nobodyWaits = () => {};

/** A request that is not settled, or was until now. */
export class PendingRequest implements Expirable, Abortable {
  done = false;
  deadlineMs = 0;
  /** The encoded ClientMessage without its id; empty once it is sent. */
  body: Uint8Array;
  /** Its id on the connection that holds it. */
  id = 0;
  /** Whether the server answers it; if not, it is done once it is handed to a connection. */
  wantsAnswer = true;
  /** Whether the server is told when it is given up. */
  cancels = false;
  /** Who keeps it; null before and after. */
  holder: RequestHolder | null = null;
  /** Makes the result of the answer. */
  readonly read: ReadAnswer<unknown>;

  #resolve: (value: unknown) => void = nobodyWaits;
  #reject: (reason: unknown) => void = nobodyWaits;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;

  constructor(
    body: Uint8Array,
    read: ReadAnswer<unknown>,
    timeoutMs: number,
    signal?: AbortSignal,
  ) {
    this.body = body;
    this.read = read;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
    if (signal !== undefined) joinSignal(signal, this);
  }

  /** Says whom to tell how it ends: the two functions of a promise. */
  settles(resolve: (value: unknown) => void, reject: (reason: unknown) => void): this {
    this.#resolve = resolve;
    this.#reject = reject;
    return this;
  }

  /** Gives the answer. The holder has let go already. */
  resolve(value: unknown): void {
    if (this.done) return;
    this.#settle();
    this.#resolve(value);
  }

  /** Gives an error. The holder has let go already. */
  reject(reason: unknown): void {
    if (this.done) return;
    this.#settle();
    this.#reject(reason);
  }

  /** The deadline has come. */
  expire(): void {
    const waitsFor = this.holder?.waitsFor ?? "it was not sent";
    this.#giveUp(
      new ParleyError(
        ErrorCode.DEADLINE_EXCEEDED,
        `the request had no answer within ${this.#timeoutMs} ms: ${waitsFor}`,
        { retryable: true },
      ),
    );
  }

  /** The signal was aborted. */
  aborted(): void {
    this.#giveUp(this.#signal?.reason);
  }

  #giveUp(reason: unknown): void {
    if (this.done) return;
    this.holder?.forget(this);
    this.reject(reason);
  }

  #settle(): void {
    this.done = true;
    this.holder = null;
    this.body = NOTHING;
    if (this.#signal !== undefined) leaveSignal(this.#signal, this);
  }

  /** Says that it left for the server: its bytes are not needed any more. */
  sent(id: number, holder: RequestHolder): void {
    this.id = id;
    this.holder = holder;
    this.body = NOTHING;
  }
}
