/**
 * What a program does with a server: one method for each thing it can ask.
 *
 * It only encodes and decodes. How requests travel, wait and end is the pool's affair.
 */
import { AckLevel } from "../gen/parley/v1/session_pb.ts";
import { Admin } from "./admin.ts";
import {
  expectPong,
  Member,
  readAck,
  readAnswer,
  readAny,
  readEcho,
  readSum,
} from "./connection/answers.ts";
import { checkHeaders, checkString, payloadBytes } from "./arguments.ts";
import {
  type CallOptions,
  CallResult,
  type PublishAck,
  type PublishOptions,
} from "./client_options.ts";
import type { ClientConnection } from "./connection/client_connection.ts";
import { ConnectionPool } from "./connection/pool.ts";
import { splitUserPart } from "./connection/credentials.ts";
import { ErrorReports } from "./error_reports.ts";
import { defaultHandlers } from "./connection/message_handlers.ts";
import type { RequestMessage, ServerMessage, Welcome } from "./messages.ts";
import type { Queue } from "./queues/queue.ts";
import type { QueueInfo } from "./queues/info.ts";
import { mayPass, Patience } from "./connection/patience.ts";
import { type Places, urlsOf } from "./places.ts";
import { forProgram } from "./program_error.ts";
import { Queues } from "./queues/queues.ts";
import { encodeAdd, encodeEcho, encodeRequest, PING_REQUEST } from "./connection/requests.ts";
import { checkText } from "./connection/well_formed.ts";
import type { Room, RoomOptions } from "./rooms/room.ts";
import { Rooms, type RoomSummary } from "./rooms/rooms.ts";
import type { CallHandler, ServeOptions, Service } from "./calls/service.ts";
import { Services } from "./calls/services.ts";
import { ServerFacts } from "./server_facts.ts";
import type { ClientStatus, ConnectOptions, RequestOptions } from "./settings.ts";
import type { EventCallback, SubscribeOptions, Subscription } from "./topics/subscription.ts";
import { Subscriptions } from "./topics/subscriptions.ts";
import type { OpenTransport } from "./transport/transport.ts";

const NOT_ACKNOWLEDGED: PublishAck = Object.freeze({
  level: AckLevel.UNSPECIFIED,
  receivers: undefined,
  seq: 0n,
  duplicate: false,
});

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
  /** The URL that it was given, without a user and password; of several the first. */
  readonly url: string;
  readonly #pool: ConnectionPool;
  readonly #subscriptions: Subscriptions;
  readonly #services: Services;
  readonly #rooms: Rooms;
  readonly #queues: Queues;
  #closing: Promise<void> | null = null;

  private constructor(places: Places, options: ConnectOptions, openTransport: OpenTransport) {
    this.url = splitUserPart(places.urls[0]).url;
    const reports = new ErrorReports(options.onError);
    const subscriptions = this.#subscriptions = new Subscriptions(() => this.#pool, reports);
    const services = this.#services = new Services(() => this.#pool, reports);
    const rooms = this.#rooms = new Rooms(() => this.#pool, subscriptions);
    const queues = this.#queues = new Queues(() => this.#pool, reports);
    const handlers = {
      ...defaultHandlers,
      [Member.EVENT]: subscriptions.takeEvent.bind(subscriptions),
      [Member.MISSED]: subscriptions.takeMissed.bind(subscriptions),
      [Member.CALL]: services.takeCall.bind(services),
      [Member.CANCEL]: services.takeCancel.bind(services),
      [Member.JOB]: queues.takeJob.bind(queues),
    };
    this.#pool = new ConnectionPool(places, options, {
      openTransport,
      handlers,
      opened: (connection: ClientConnection) => {
        subscriptions.reopened(connection);
        services.reopened(connection);
        rooms.reopened();
        queues.reopened(connection);
      },
      refused: (error) => void reports.tell(error),
      draining: (connection) => queues.draining(connection),
      ended: (connection) => {
        services.ended(connection);
        queues.lost(connection);
      },
      failed: (reason) => {
        rooms.close();
        subscriptions.endAll(reason);
        queues.fail(reason);
      },
    });
  }

  /**
   * Connects, over what `openTransport` opens; see `connect`. Called by the client only.
   *
   * @internal
   */
  static async open(
    given: string | readonly string[],
    options: ConnectOptions,
    openTransport: OpenTransport,
  ): Promise<Client> {
    try {
      const urls = urlsOf(given);
      const patience = new Patience(options);
      for (let attempt = 0;; attempt++) {
        const first = attempt % urls.length;
        const client = new Client({ urls, first }, options, openTransport);
        try {
          await client.#pool.open(options.signal);
          return client;
        } catch (reason) {
          const isLast = first === urls.length - 1;
          if (isLast || !mayPass(reason) || options.signal?.aborted) await patience.after(reason);
        }
      }
    } catch (reason) {
      throw forProgram(reason);
    }
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
    const { type = "", headers = {}, messageId = "" } = options;
    const encode = () => {
      checkString(topic, "publish on the topic", "orders.eu.created");
      checkText(topic, "publish on");
      checkHeaders(headers, "publish");
      const bytes = payloadBytes(payload, "publish");
      const value = { topic, payload: bytes, type, headers, messageId };
      return encodeRequest({ case: "event", value });
    };
    if (options.ack === false) {
      const kind = { ordered: true, unanswered: true };
      return this.#pool.submit(encode, () => {}, options, kind).then(() => NOT_ACKNOWLEDGED);
    }
    return this.#pool.submit(
      encode,
      (incoming) => {
        const { level, receivers, seq, duplicate } = readAck(incoming);
        // The server tells it of plain topics only.
        return { level, receivers: seq === 0n ? receivers : undefined, seq, duplicate };
      },
      options,
      { ordered: true },
    );
  }

  /**
   * Subscribes to the events whose topic matches `pattern` (`*` is one level, `>` the rest; empty with a
   * type: every topic), and resolves when the server has acknowledged it; `since` begins in the history of
   * kept topics. Events come from the iterator, or
   * to `onEvent`, which must be quick: nothing is read meanwhile. What it throws ends the subscription and is
   * told to `onError`. Rejects with the server's refusal, or with why the connection was lost.
   */
  subscribe(
    pattern: string,
    options: SubscribeOptions = {},
    onEvent?: EventCallback,
  ): Promise<Subscription> {
    return this.#subscriptions.subscribe(pattern, options, onEvent);
  }

  /**
   * Calls a method and gives its answer. Rejects with the service's error, UNAVAILABLE at once when nobody
   * serves it, and DEADLINE_EXCEEDED. Giving it up tells the service, which knows the deadline, too.
   */
  async call(
    method: string,
    payload: Uint8Array | string = "",
    options: CallOptions = {},
  ): Promise<CallResult> {
    const { type = "", headers = {} } = options;
    const timeoutMs = Math.ceil(options.timeoutMs ?? this.#pool.requestTimeoutMs);
    const encode = () => {
      checkString(method, "call the method", "acme.Weather/Now");
      checkText(method, "call a method named by");
      checkHeaders(headers, "call");
      const bytes = payloadBytes(payload, "call with");
      const value = { method, payload: bytes, type, headers, timeoutMs };
      return encodeRequest({ case: "call", value });
    };
    const answer = await this.#pool.submit(
      encode,
      readAnswer,
      options,
      { cancels: true },
    );
    return new CallResult(method, answer);
  }

  /** Answers the calls of `method` with `handler`; resolves when the server hands them over here. */
  serve(method: string, handler: CallHandler, options: ServeOptions = {}): Promise<Service> {
    return this.#services.serve(method, handler, options);
  }

  /**
   * Comes into the room `name` (1 to 64 of a-z 0-9 _ -), which is made by that, under the name `nick`.
   * Rejects with ALREADY_EXISTS when somebody else goes by that name. After a reconnect the client comes in
   * again by itself, under the same name, and nothing is missed or read twice.
   */
  room(name: string, options: RoomOptions): Promise<Room> {
    return this.#rooms.open(name, options);
  }

  /** The rooms of the server that have members or a history, by name. */
  rooms(options?: RequestOptions): Promise<RoomSummary[]> {
    return this.#rooms.list(options);
  }

  /** A queue by its name, to push jobs to, pull them from, work on and look after. */
  queue(name: string): Queue {
    checkString(name, "take the queue", "emails");
    return this.#queues.queue(name);
  }

  /** The queues of the server whose names match `pattern`, by name; by default all of them. */
  queues(pattern = "", options: RequestOptions = {}): AsyncIterable<QueueInfo> {
    return this.#queues.list(pattern, options);
  }

  /** The server as a whole, for those who may manage it. */
  get admin(): Admin {
    return new Admin(this.#pool);
  }

  /** What the server tells of itself. */
  get server(): ServerFacts {
    return new ServerFacts(this.#pool);
  }

  /** Sends any member of ClientMessage that is answered, and gives the member of the answer. */
  request(message: RequestMessage, options?: RequestOptions): Promise<ServerMessage["message"]> {
    return this.#pool.submit(() => encodeRequest(message), readAny, options);
  }

  /**
   * Leaves its rooms. Takes no new requests once its services have answered their calls and its workers have
   * done the jobs they had begun (within `requestTimeoutMs`; those that have not are given up), gives back
   * the jobs that are not settled, waits for the answers under way (as long at most), and closes.
   * Requests that wait while no connection is open reject at once. Calling it again changes nothing.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Closes the client, as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // Calls and jobs under way are done first, and what their handlers ask meanwhile is still sent. A
    // client that serves nothing and works on nothing takes no new requests from this moment on.
    if (this.#services.count + this.#queues.workers > 0) {
      const { requestTimeoutMs } = this.#pool;
      await Promise.all([
        this.#services.stopAll(requestTimeoutMs),
        this.#queues.stopWorkers(requestTimeoutMs),
      ]);
    }
    if (this.#rooms.count > 0) await this.#rooms.leaveAll();
    this.#rooms.close();
    if (this.#subscriptions.hasGroups) await this.#subscriptions.leaveGroups();
    this.#subscriptions.endAll(null);
    if (this.#queues.pullers > 0) await this.#queues.close(this.#pool.requestTimeoutMs);
    await this.#pool.close();
  }
}
