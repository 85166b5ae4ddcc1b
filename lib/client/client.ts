/**
 * What a program does with a server: one method for each thing it can ask.
 *
 * It only encodes and decodes. How requests travel, wait and end is the pool's affair.
 */
import { ErrorCode, ParleyError } from "../base/errors.ts";
import type { ServerMessage } from "../gen/parley/v1/envelope_pb.ts";
import { AckLevel, type Welcome } from "../gen/parley/v1/session_pb.ts";
import { expectPong, Member, readAck, readAnswer, readAny, readEcho, readSum } from "./answers.ts";
import type { CallOptions, CallResult, PublishAck, PublishOptions } from "./client_options.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { defaultHandlers } from "./message_handlers.ts";
import {
  encodeAdd,
  encodeEcho,
  encodeRequest,
  PING_REQUEST,
  type RequestMessage,
} from "./requests.ts";
import { type CallHandler, type ServeOptions, type Service, Services } from "./services.ts";
import type { ClientStatus, ConnectOptions, RequestOptions } from "./settings.ts";
import type { ReceivedEvent, SubscribeOptions, Subscription } from "./subscription.ts";
import { Subscriptions } from "./subscriptions.ts";

const encoder = new TextEncoder();
const NOT_ACKNOWLEDGED: PublishAck = Object.freeze({ level: AckLevel.UNSPECIFIED, receivers: 0 });

/**
 * A client of one Parley server. `connect` makes them.
 *
 * Every request rejects with a ParleyError, or with its signal's reason. Beside the server's own errors:
 * DEADLINE_EXCEEDED (no answer in time), UNAVAILABLE (the connection was lost while the request was in
 * flight, or the client has given up reconnecting), RESOURCE_EXHAUSTED (the message is larger than the
 * server takes, or too much waits to be sent), INVALID_ARGUMENT (it cannot be encoded) and
 * FAILED_PRECONDITION (the client is closed).
 *
 * When as many requests are in flight as may be (`maxInFlight` on each connection), further ones wait
 * for their turn: a program that awaits its requests is slowed down to what the server answers.
 */
export class Client implements AsyncDisposable {
  /** The URL it was connected to. */
  readonly url: string;
  readonly #pool: ConnectionPool;
  readonly #subscriptions = new Subscriptions(() => this.#pool);
  readonly #services = new Services(() => this.#pool);
  #opened = false;
  #closing: Promise<void> | null = null;

  private constructor(url: string, options: ConnectOptions) {
    this.url = url;
    const subscriptions = this.#subscriptions;
    const services = this.#services;
    const handlers = {
      ...defaultHandlers,
      [Member.EVENT]: subscriptions.takeEvent.bind(subscriptions),
      [Member.MISSED]: (_: unknown, incoming: Parameters<typeof subscriptions.takeMissed>[0]) =>
        subscriptions.takeMissed(incoming),
      [Member.CALL]: services.takeCall.bind(services),
      [Member.CANCEL]: services.takeCancel.bind(services),
    };
    this.#pool = new ConnectionPool(url, options, handlers, (connection) => {
      if (this.#opened) {
        subscriptions.reopened(connection);
        services.reopened();
      }
      this.#opened = true;
    }, (reason) => subscriptions.endAll(reason));
  }

  /** Connects; see `connect`. */
  static async connect(url: string, options: ConnectOptions = {}): Promise<Client> {
    const client = new Client(url, options);
    await client.#pool.open(options.signal);
    return client;
  }

  /** How the client stands. */
  get status(): ClientStatus {
    return this.#pool.status;
  }

  /** What the server said of itself and its limits when a connection was last opened. */
  get welcome(): Welcome {
    return this.#pool.welcome;
  }

  /** Sends `content` and gives back what the server returned: the same. */
  echo(content: string, options?: RequestOptions): Promise<string> {
    return this.#pool.submit(() => encodeEcho(content), readEcho, options);
  }

  /** Lets the server add two int32. A sum that is no int32 rejects with INVALID_ARGUMENT. */
  add(a: number, b: number, options?: RequestOptions): Promise<number> {
    return this.#pool.submit(() => encodeAdd(a, b), readSum, options);
  }

  /** Asks for a sign of life and gives the time from this call to the answer, in milliseconds. */
  ping(options?: RequestOptions): Promise<number> {
    const startMs = performance.now();
    return this.#pool.submit(
      () => PING_REQUEST,
      (incoming) => {
        expectPong(incoming);
        return performance.now() - startMs;
      },
      options,
    );
  }

  /**
   * Publishes an event on `topic`, in the order of the calls. Resolves when the server has acknowledged it
   * (`ack: false`: as soon as there was room to send it).
   */
  publish(
    topic: string,
    payload: Uint8Array | string,
    options: PublishOptions = {},
  ): Promise<PublishAck> {
    const body = typeof payload === "string" ? encoder.encode(payload) : payload;
    const { type = "", headers = {}, messageId = "" } = options;
    const encode = () =>
      encodeRequest({ case: "event", value: { topic, payload: body, type, headers, messageId } });
    if (options.ack === false) return this.#post(encode(), options.signal);
    return this.#pool.submit(
      encode,
      (incoming) => {
        const { level, receivers } = readAck(incoming);
        return { level, receivers };
      },
      options,
      { ordered: true },
    );
  }

  /**
   * Subscribes to the events whose topic matches `pattern` (`*` is one level, `>` the rest; empty with a
   * type: every topic), and resolves when the server has acknowledged it. Events come from the iterator, or
   * to `onEvent`, which must be quick.
   */
  subscribe(
    pattern: string,
    options: SubscribeOptions = {},
    onEvent?: (event: ReceivedEvent) => void,
  ): Promise<Subscription> {
    return this.#subscriptions.subscribe(pattern, options, onEvent);
  }

  /**
   * Calls a method and gives its answer. Rejects with the service's error, UNAVAILABLE at once when nobody
   * serves it, and DEADLINE_EXCEEDED; giving it up tells the service.
   */
  async call(
    method: string,
    payload: Uint8Array | string = "",
    options: CallOptions = {},
  ): Promise<CallResult> {
    const body = typeof payload === "string" ? encoder.encode(payload) : payload;
    const { type = "", headers = {} } = options;
    const timeoutMs = options.timeoutMs === undefined ? 0 : Math.ceil(options.timeoutMs);
    const value = { method, payload: body, type, headers, timeoutMs };
    const answer = await this.#pool.submit(
      () => encodeRequest({ case: "call", value }),
      readAnswer,
      options,
      { cancels: true },
    );
    return { payload: answer.payload, type: answer.type, headers: answer.headers };
  }

  /** Answers the calls of `method` with `handler`; resolves when the server sends them here. */
  serve(method: string, handler: CallHandler, options: ServeOptions = {}): Promise<Service> {
    return this.#services.serve(method, handler, options);
  }

  /** Sends any member of ClientMessage that is answered, and gives the member of the answer. */
  request(message: RequestMessage, options?: RequestOptions): Promise<ServerMessage["message"]> {
    return this.#pool.submit(() => encodeRequest(message), readAny, options);
  }

  /**
   * Takes no new requests once its services have answered their calls, waits for the answers under way (for
   * `requestTimeoutMs` at most), and closes.
   * Requests that wait while no connection is open reject at once. Calling it again changes nothing.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // Calls under way are answered first, and what their handlers ask meanwhile is still sent. A client
    // that serves nothing takes no new requests from this moment on.
    if (this.#services.count > 0) await this.#services.stopAll();
    this.#subscriptions.endAll(null);
    await this.#pool.close();
  }

  /** Sends what wants no answer, as soon as there is room on the first connection. */
  async #post(body: Uint8Array, signal: AbortSignal | undefined): Promise<PublishAck> {
    for (;;) {
      signal?.throwIfAborted();
      if (this.#pool.failure !== null) throw this.#pool.failure;
      const connection = this.#pool.first;
      const most = connection?.welcome.limits?.maxFrameBytes ?? Infinity;
      if (body.length > most) {
        throw new ParleyError(
          ErrorCode.RESOURCE_EXHAUSTED,
          `cannot send a message of ${body.length} bytes to ${this.url}`,
          { accepted: `at most ${most} bytes` },
        );
      }
      if (connection?.post(body)) return NOT_ACKNOWLEDGED;
      await this.#pool.whenRoom();
    }
  }
}
