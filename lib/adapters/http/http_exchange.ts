/**
 * A request of node:http as routes see it: its body bounded and within the budget of all input, its session, and the
 * end of its client.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Limits } from "../../base/limits.ts";
import { joinBytes } from "../../base/join_bytes.ts";
import type { Exchange } from "./api/exchange.ts";
import type { LongSession } from "./api/long_session.ts";
import type { MessageClient } from "./api/message_client.ts";
import { ConnectionSession, type HttpSessions } from "./api/sessions.ts";
import type { HttpConnection } from "./connection.ts";
import type { RequestHead } from "./request.ts";

/** A body that is larger than a message may be. */
export class BodyTooLarge extends ParleyError {
  constructor(mostBytes: number) {
    super(ErrorCode.RESOURCE_EXHAUSTED, "cannot take the body of the request: it is too large", {
      accepted: `at most ${mostBytes} bytes (limits.max_frame_bytes)`,
    });
  }
}

/** Why signals are aborted; the same for all, since each error costs. */
const GONE = new Error("the client is gone, or has its answer");
const FINISHED = new Error("the client has finished sending");

/** The query of all requests without one; nobody changes it. */
const NO_QUERY = new URLSearchParams();

/** What all exchanges of a listener share. */
export interface ExchangeNeeds {
  readonly limits: Limits;
  readonly sessions: HttpSessions;
  wallMs(): number;
}

/** One request. */
export class HttpExchange implements Exchange {
  readonly method: string;
  readonly headers: RequestHead["headers"];
  readonly names: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly maxFrameBytes: number;
  readonly #connection: HttpConnection;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #needs: ExchangeNeeds;
  /** Tells that the client is gone; made when somebody wants to know. */
  #gone: AbortController | null = null;
  /** Tells that the client is gone or has finished sending; likewise. */
  #left: AbortController | null = null;
  #isOver = false;

  constructor(
    { head, names, request, response }: {
      head: RequestHead;
      names: Readonly<Record<string, string>>;
      request: IncomingMessage;
      response: ServerResponse;
    },
    connection: HttpConnection,
    needs: ExchangeNeeds,
  ) {
    this.method = head.method;
    this.headers = head.headers;
    this.names = names;
    this.query = head.query === "" ? NO_QUERY : new URLSearchParams(head.query);
    this.maxFrameBytes = needs.limits.maxFrameBytes;
    this.#connection = connection;
    this.#request = request;
    this.#response = response;
    this.#needs = needs;
  }

  get gone(): AbortSignal {
    if (this.#gone === null) {
      this.#gone = new AbortController();
      if (this.#response.destroyed) this.#isOver = true;
      if (this.#isOver) this.#gone.abort(GONE);
      else this.#response.once("close", () => this.over());
    }
    return this.#gone.signal;
  }

  get left(): AbortSignal {
    if (this.#left === null) {
      const left = this.#left = new AbortController();
      this.gone.addEventListener("abort", () => left.abort(GONE));
      if (this.gone.aborted) left.abort(GONE);
      else this.#connection.whenFinished(() => left.abort(FINISHED));
    }
    return this.#left.signal;
  }

  wallMs(): number {
    return this.#needs.wallMs();
  }

  /** The client is gone, or has its answer. */
  over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#gone?.abort(GONE);
  }

  async body(): Promise<Uint8Array> {
    const request = this.#request;
    const connection = this.#connection;
    const { maxFrameBytes } = this;
    if (Number(this.headers["content-length"] ?? 0) > maxFrameBytes) {
      throw new BodyTooLarge(maxFrameBytes);
    }
    // A client that asks first is told to send only what is wanted.
    if (this.headers["expect"]?.toLowerCase() === "100-continue") this.#response.writeContinue();
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    connection.bodyBegins();
    try {
      await new Promise<void>((resolve, reject) => {
        // A request is closed in the end, whatever came of it.
        const gone = () => {
          if (request.complete) return;
          reject(new ParleyError(ErrorCode.UNAVAILABLE, "the client went within its request"));
        };
        request.on("data", (chunk: Uint8Array) => {
          bytes += chunk.length;
          if (bytes > maxFrameBytes) {
            request.pause();
            return reject(new BodyTooLarge(maxFrameBytes));
          }
          chunks.push(chunk);
          connection.bodyCame(chunk.length);
        });
        request.once("end", resolve);
        request.once("error", gone);
        request.once("close", gone);
      });
      return chunks.length === 1 ? chunks[0] : joinBytes(chunks);
    } finally {
      connection.bodyOver(Math.min(bytes, maxFrameBytes));
    }
  }

  client(): Promise<MessageClient> {
    const connection = this.#connection;
    const { peer, address, stream } = connection;
    const origin = { peer, address, sent: () => stream.sentBytes };
    connection.session ??= new ConnectionSession(this.#needs.sessions, origin);
    return connection.session.of(this.headers);
  }

  longSession(): Promise<LongSession> {
    return this.#needs.sessions.long(this.#connection, this.headers);
  }

  longSessionOf(name: string): LongSession | null {
    return this.#needs.sessions.named(name, this.headers);
  }
}
