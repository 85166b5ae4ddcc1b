/**
 * The methods that a program answers: calls come from the server, go to a handler, and its answer goes back.
 *
 * They live on the client's first connection and are registered anew after a reconnect. Handlers of one
 * service run side by side up to its concurrency; further calls wait, within a bound, and past it they are
 * refused. When the caller gives up, or the connection is lost, the handler's signal is aborted.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorCode, ParleyError } from "../base/errors.ts";
import { type Call, CallSchema } from "../gen/parley/v1/service_pb.ts";
import { type Incoming, readAck } from "./answers.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { encodeRequest, encodeWithId } from "./requests.ts";

/** A call that a handler answers. */
export interface ReceivedCall {
  readonly method: string;
  readonly payload: Uint8Array;
  /** The full protobuf name of the payload, or empty. */
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The session that calls. */
  readonly sender: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** The answer of a method. */
export interface CallAnswer {
  payload: Uint8Array | string;
  type?: string;
  headers?: Record<string, string>;
}

/** Answers a call. A ParleyError that it raises reaches the caller as it is, anything else as INTERNAL. */
export type CallHandler = (
  call: ReceivedCall,
) => CallAnswer | Uint8Array | string | Promise<CallAnswer | Uint8Array | string>;

/** The options of `serve`. */
export interface ServeOptions {
  /** Handlers that run side by side. Default: 64. */
  concurrency?: number;
  /** Calls that wait for a handler; further ones are refused. Default: 1,024. */
  maxWaiting?: number;
}

const encoder = new TextEncoder();

/** A method that this program answers; `client.serve` makes them. */
export class Service implements AsyncDisposable {
  /** The method's name. */
  readonly method: string;
  readonly #services: Services;
  readonly #handler: CallHandler;
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #idle: (() => void) | null = null;

  /** Made by the client only. */
  constructor(services: Services, method: string, handler: CallHandler, options: ServeOptions) {
    this.#services = services;
    this.method = method;
    this.#handler = handler;
    this.#concurrency = options.concurrency ?? 64;
    this.#maxWaiting = options.maxWaiting ?? 1024;
  }

  /** Takes no new calls, and resolves when those that it has are answered. */
  stop(): Promise<void> {
    return this.#services.stop(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Runs the handler for one call, when its turn comes. Called by the client only. */
  async answer(call: ReceivedCall): Promise<CallAnswer> {
    if (this.#running >= this.#concurrency) {
      if (this.#waiting.length >= this.#maxWaiting) {
        throw new ParleyError(
          ErrorCode.RESOURCE_EXHAUSTED,
          `cannot answer "${this.method}": ${this.#waiting.length} calls wait already`,
          { retryable: true },
        );
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      call.signal.throwIfAborted();
      const answer = await this.#handler(call);
      return typeof answer === "string" || answer instanceof Uint8Array
        ? { payload: answer }
        : answer;
    } finally {
      // The place goes to the next one who waits.
      const next = this.#waiting.shift();
      if (next !== undefined) next();
      else if (--this.#running === 0) this.#idle?.();
    }
  }

  /** Resolves when no handler runs. Called by the client only. */
  whenIdle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle = resolve);
  }
}

/** The services of one client. */
export class Services {
  readonly #pool: () => ConnectionPool;
  readonly #byMethod = new Map<string, Service>();
  readonly #running = new Map<ClientConnection, Map<number, AbortController>>();

  /** `pool` gives the client's connections; it is asked when they are needed first. */
  constructor(pool: () => ConnectionPool) {
    this.#pool = pool;
  }

  /** How many methods are served. */
  get count(): number {
    return this.#byMethod.size;
  }

  /** Registers a method, and resolves when the server has acknowledged it. */
  async serve(method: string, handler: CallHandler, options: ServeOptions): Promise<Service> {
    if (this.#byMethod.has(method)) {
      throw new ParleyError(
        ErrorCode.ALREADY_EXISTS,
        `cannot serve "${method}": this client serves it already`,
      );
    }
    const service = new Service(this, method, handler, options);
    this.#byMethod.set(method, service);
    try {
      await this.#register(method);
    } catch (reason) {
      this.#byMethod.delete(method);
      throw reason;
    }
    return service;
  }

  /** Takes no new calls for `service`, and waits for those it has. */
  async stop(service: Service): Promise<void> {
    if (this.#byMethod.get(service.method) === service) {
      if (this.#pool().first !== null) {
        const value = { method: service.method };
        await this.#ask(() => encodeRequest({ case: "unregister", value })).catch(() => {});
      }
      await service.whenIdle();
      this.#byMethod.delete(service.method);
    }
    await service.whenIdle();
  }

  /** Stops all of them. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#byMethod.values()].map((service) => this.stop(service)));
  }

  /** The first connection is open anew: everything is registered again. */
  reopened(): void {
    // A refusal would be the same that `serve` met or not; a loss is followed by the next connection.
    for (const method of this.#byMethod.keys()) this.#register(method).catch(() => {});
  }

  /** A call arrived. */
  takeCall(connection: ClientConnection, incoming: Incoming): void {
    const { id } = incoming;
    const call = fromBinary(CallSchema, incoming.body().slice());
    let running = this.#running.get(connection);
    if (running === undefined) {
      running = new Map();
      this.#running.set(connection, running);
      void connection.finished.then(() => this.#lost(connection));
    }
    const controller = new AbortController();
    running.set(id, controller);
    void this.#answer(connection, id, call, controller.signal).finally(() => running.delete(id));
  }

  /** Nobody waits for an answer any more. */
  takeCancel(connection: ClientConnection, incoming: Incoming): void {
    const reason = new ParleyError(ErrorCode.UNAVAILABLE, "the caller has given up");
    this.#running.get(connection)?.get(incoming.id)?.abort(reason);
  }

  async #answer(
    connection: ClientConnection,
    id: number,
    call: Call,
    signal: AbortSignal,
  ): Promise<void> {
    const { method, payload, type, headers, sender } = call;
    let message: Uint8Array;
    try {
      const service = this.#byMethod.get(method);
      if (service === undefined) {
        throw new ParleyError(ErrorCode.UNAVAILABLE, `"${method}" is not served here any more`);
      }
      const answer = await service.answer({ method, payload, type, headers, sender, signal });
      const body = typeof answer.payload === "string"
        ? encoder.encode(answer.payload)
        : answer.payload;
      const value = { payload: body, type: answer.type ?? "", headers: answer.headers ?? {} };
      message = encodeWithId({ case: "answer", value }, id);
    } catch (reason) {
      message = encodeWithId({ case: "answer", value: { error: errorOf(reason) } }, id);
    }
    while (!signal.aborted && connection.state !== "closed" && !connection.post(message)) {
      await this.#pool().whenRoom();
    }
  }

  #lost(connection: ClientConnection): void {
    const running = this.#running.get(connection);
    this.#running.delete(connection);
    const reason = new ParleyError(ErrorCode.UNAVAILABLE, "the connection to the server is lost");
    for (const controller of running?.values() ?? []) controller.abort(reason);
  }

  #register(method: string): Promise<unknown> {
    return this.#ask(() => encodeRequest({ case: "register", value: { method } }));
  }

  #ask(encode: () => Uint8Array): Promise<unknown> {
    return this.#pool().submit(encode, readAck, undefined, { ordered: true });
  }
}

/** What the caller is told of what a handler raised: of its own errors the message, not the cause. */
function errorOf(reason: unknown) {
  const { code, message, retryable, accepted } = ParleyError.from(reason);
  return { code, message, retryable, accepted };
}
