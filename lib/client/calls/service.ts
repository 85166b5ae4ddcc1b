/**
 * One method that a program answers, and the turns of its handler.
 *
 * Handlers of one service run side by side up to its concurrency; further calls wait in order, within a
 * bound, and past it they are refused. Calls that are given up leave the queue at once. How calls come and
 * answers go is the affair of services.ts.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { invalidArgument } from "../program_error.ts";
import { detached } from "../../base/detached.ts";
import type { Call } from "../../gen/parley/v1/service_pb.ts";
import { joinSignal, leaveSignal } from "../connection/signal_group.ts";
import { dateOf, Received } from "../payload.ts";
import { LazyFifo, type Waiting } from "../lazy_fifo.ts";

/** A call that a handler answers. */
export class ReceivedCall extends Received {
  /** Which method is called. */
  readonly method: string;
  /** The full protobuf name of the payload, or empty. */
  readonly type: string;
  /** As the caller gave them. */
  readonly headers: Readonly<Record<string, string>>;
  /** The session that calls. */
  readonly sender: string;
  /** When the server took it. */
  readonly time: Date;
  /** How long the caller waits, from when the server took the call; 0 when it left that to the server. */
  readonly timeoutMs: number;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;

  /**
   * Made by the client only.
   *
   * @internal
   */
  constructor(wire: Call, signal: AbortSignal) {
    super(wire.payload);
    this.method = wire.method;
    this.type = wire.type;
    this.headers = wire.headers;
    this.sender = wire.sender;
    this.time = dateOf(wire.timeUnixMicros);
    this.timeoutMs = wire.timeoutMs;
    this.signal = signal;
  }

  /**
   * How messages name it.
   *
   * @internal
   */
  protected override title(): string {
    return `the call of "${this.method}"`;
  }
}

/** The answer of a method. */
export interface CallAnswer {
  /** The answer. */
  payload: Uint8Array | string;
  /** The full protobuf name of the payload. */
  type?: string;
  /** Passed through as they are. */
  headers?: Record<string, string>;
}

/**
 * Answers a call; `signal` is that of the call, as with the handlers of jobs. A ParleyError that it throws reaches the caller with its code, message, `retryable` and
 * `accepted`; anything else as INTERNAL with its message, and is told to the client's `onError`.
 */
export type CallHandler = (
  call: ReceivedCall,
  signal: AbortSignal,
) => CallAnswer | Uint8Array | string | Promise<CallAnswer | Uint8Array | string>;

/** The options of `serve`. */
export interface ServeOptions {
  /** Handlers that run side by side, from 1. Default: 64. */
  concurrency?: number;
  /** Calls that wait for a handler, from 0; further ones are refused with RESOURCE_EXHAUSTED. Default: 1,024. */
  maxWaiting?: number;
  /** Stops the service when aborted, as `stop` does. */
  signal?: AbortSignal;
  /** Told what handlers threw that is no ParleyError. Default: the client's `onError`. */
  onError?: (error: unknown, call: ReceivedCall) => void;
}

/** A call that waits for its turn. */
interface Turn extends Waiting {
  done: boolean;
  begin(): void;
}

/** A method that this program answers; `client.serve` makes them. */
export class Service implements AsyncDisposable {
  /** The method's name. */
  readonly method: string;
  /**
   * Whether the server has acknowledged it. Set by the client only.
   *
   * @internal
   */
  registered = false;
  readonly #stop: (service: Service) => Promise<void>;
  readonly #handler: CallHandler;
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #onError: ServeOptions["onError"];
  readonly #signal: AbortSignal | undefined;
  readonly #turns = new LazyFifo<Turn>();
  #waiting = 0;
  #running = 0;
  #inHand = 0;
  #idle: (() => void) | null = null;
  #stopped: Promise<void> | null = null;

  /**
   * Made by the client only. Raises INVALID_ARGUMENT for an option.
   *
   * @internal
   */
  constructor(
    stop: (service: Service) => Promise<void>,
    method: string,
    handler: CallHandler,
    options: ServeOptions,
  ) {
    this.#stop = stop;
    this.method = method;
    this.#handler = handler;
    this.#concurrency = checkCount("concurrency", options.concurrency ?? 64, 1);
    this.#maxWaiting = checkCount("maxWaiting", options.maxWaiting ?? 1024, 0);
    this.#onError = options.onError;
    this.#signal = options.signal;
  }

  /** Takes no new calls, and resolves when those that it has are answered. Calling it again changes nothing. */
  stop(): Promise<void> {
    if (this.#signal !== undefined) leaveSignal(this.#signal, this);
    return this.#stopped ??= this.#stop(this);
  }

  /** Stops the service, as `stop` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Whether it takes no new calls. */
  get stopping(): boolean {
    return this.#stopped !== null;
  }

  /**
   * The server has acknowledged it: from now on its signal counts. Called by the client only.
   *
   * @internal
   */
  begun(): void {
    this.registered = true;
    if (this.#signal?.aborted) this.aborted();
    else if (this.#signal !== undefined) joinSignal(this.#signal, this);
  }

  /**
   * The signal was aborted. Called by the client only.
   *
   * @internal
   */
  aborted(): void {
    detached(this.stop(), "stop a service");
  }

  /**
   * Tells what a handler threw; gives whether anybody listens. Called by the client only.
   *
   * @internal
   */
  failed(thrown: unknown, call: ReceivedCall): boolean {
    const onError = this.#onError;
    if (onError !== undefined) queueMicrotask(() => onError(thrown, call));
    return onError !== undefined;
  }

  /**
   * A call has come. Called by the client only.
   *
   * @internal
   */
  begin(): void {
    this.#inHand++;
  }

  /**
   * A call's answer has left, or nobody waits for it. Called by the client only.
   *
   * @internal
   */
  finish(): void {
    if (--this.#inHand === 0) this.#idle?.();
  }

  /**
   * Runs the handler for one call, when its turn comes. Called by the client only.
   *
   * @internal
   */
  async answer(call: ReceivedCall): Promise<CallAnswer> {
    if (this.#running < this.#concurrency) this.#running++;
    else await this.#turn(call.signal);
    try {
      const answer = await this.#handler(call, call.signal);
      return typeof answer === "string" || answer instanceof Uint8Array
        ? { payload: answer }
        : answer;
    } finally {
      // The place goes to the next one who waits.
      const next = this.#turns.shift();
      if (next === undefined) this.#running--;
      else next.begin();
    }
  }

  /**
   * Resolves when no call is in hand; only one may wait for that. Called by the client only.
   *
   * @internal
   */
  whenIdle(): Promise<void> {
    if (this.#inHand === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle = resolve);
  }

  /** Resolves when a handler may run. Rejects when the call is given up, or too many wait. */
  #turn(signal: AbortSignal): Promise<void> {
    if (this.#waiting >= this.#maxWaiting) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot answer "${this.method}": ${this.#waiting} calls wait already`,
        { retryable: true },
      );
    }
    this.#waiting++;
    return new Promise((resolve, reject) => {
      const leave = () => {
        turn.done = true;
        this.#waiting--;
        signal.removeEventListener("abort", giveUp);
      };
      const giveUp = () => {
        leave();
        reject(signal.reason);
      };
      const turn: Turn = {
        done: false,
        begin: () => {
          leave();
          resolve();
        },
      };
      signal.addEventListener("abort", giveUp);
      this.#turns.push(turn);
    });
  }
}

function checkCount(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw invalidArgument(`cannot serve with ${name} ${value}`, {
    accepted: `a whole number from ${least}`,
  });
}
