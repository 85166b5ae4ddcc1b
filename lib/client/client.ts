/**
 * What a program does with a server: one method for each thing it can ask.
 *
 * It only encodes and decodes. How requests travel, wait and end is the pool's affair.
 */
import type { ServerMessage } from "../gen/parley/v1/envelope_pb.ts";
import type { Welcome } from "../gen/parley/v1/session_pb.ts";
import { expectPong, readAny, readEcho, readSum } from "./answers.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { defaultHandlers } from "./message_handlers.ts";
import {
  encodeAdd,
  encodeEcho,
  encodeRequest,
  PING_REQUEST,
  type RequestMessage,
} from "./requests.ts";
import type { ClientStatus, ConnectOptions, RequestOptions } from "./settings.ts";

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

  private constructor(url: string, pool: ConnectionPool) {
    this.url = url;
    this.#pool = pool;
  }

  /** Connects; see `connect`. */
  static async connect(url: string, options: ConnectOptions = {}): Promise<Client> {
    const pool = new ConnectionPool(url, options, defaultHandlers);
    await pool.open(options.signal);
    return new Client(url, pool);
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

  /** Sends any member of ClientMessage that is answered, and gives the member of the answer. */
  request(message: RequestMessage, options?: RequestOptions): Promise<ServerMessage["message"]> {
    return this.#pool.submit(() => encodeRequest(message), readAny, options);
  }

  /**
   * Takes no new requests, waits for the answers under way (for `requestTimeoutMs` at most), and closes.
   * Requests that wait while no connection is open reject at once. Calling it again changes nothing.
   */
  close(): Promise<void> {
    return this.#pool.close();
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
