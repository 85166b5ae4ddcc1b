/**
 * Requests to the http listener and their answers: node:http reads and writes them, and here is decided what becomes
 * of each.
 *
 * In this order: whether the peer may still be here, whether the request is sound, whether its Host and Origin are
 * welcome (guard), and then its route. Whatever a route raises is told as a problem; what is a defect is reported and
 * told as INTERNAL, and nobody else notices. An answer to a request whose body was not read ends the connection.
 */
import { Buffer } from "node:buffer";
import * as http from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { isDefect, reportDefect } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { ALWAYS, type Answer, plain } from "./answer.ts";
import type { StreamAnswer } from "./api/exchange.ts";
import { problem } from "./api/problem.ts";
import type { HttpConnection } from "./connection.ts";
import { type HttpGuardOptions, isForeign, refusalOf } from "./guard.ts";
import { BodyTooLarge, type ExchangeNeeds, HttpExchange } from "./http_exchange.ts";
import type { RefusalLog } from "./refusal_log.ts";
import type { Page, Pages } from "../../ports/http_page.ts";
import { headOf, MAX_HEAD_BYTES, OTHER_VERSION, type RequestHead } from "./request.ts";
import { findRoutes, type Found } from "./routes.ts";

/** How long a browser may remember what a preflight allowed. */
const PREFLIGHT_SECONDS = 600;
const NO_HTTP = "This is no HTTP request. For Parley's own protocol use the tcp listener.";

/** Whether the runtime's server of HTTP takes connections that others have accepted: Deno has it since 2.8. */
export function canServeHttp(): boolean {
  return "_connectionListener" in http;
}

/** What a listener answers with. */
export interface ServingOptions extends ExchangeNeeds {
  readonly guard: HttpGuardOptions;
  readonly refusals: RefusalLog;
  /** Why nothing of a connection is answered any more; null when it is. */
  unwelcome(connection: HttpConnection): string | null;
  /** What is answered besides routes. */
  readonly pages: Pages;
  /** Whether the server stops: then each connection ends with its next answer. */
  isStopping(): boolean;
  /** Takes over a request that asks for a WebSocket, with what came behind it. */
  upgrade(
    head: RequestHead,
    request: IncomingMessage,
    from: { readonly connection: HttpConnection; readonly rest: Uint8Array },
  ): void;
  /** Whether a request asks for a WebSocket here. */
  isUpgrade(path: string): boolean;
}

/** Answers what comes over connections. */
export class Serving {
  readonly #options: ServingOptions;
  readonly #server: Server;
  readonly #connections = new WeakMap<object, HttpConnection>();

  constructor(options: ServingOptions) {
    this.#options = options;
    const settings = {
      maxHeaderSize: MAX_HEAD_BYTES,
      insecureHTTPParser: false,
      requireHostHeader: false,
      // Deadlines are kept by the connections themselves.
      keepAliveTimeout: 0,
      shouldUpgradeCallback: ({ url = "" }: IncomingMessage) =>
        options.isUpgrade(url.split("?", 1)[0].replace(/^https?:\/\/[^/]+/i, "")),
    };
    const server = this.#server = http.createServer(settings);
    // A server that does not listen itself would end each connection after its first answer.
    Object.defineProperty(server, "listening", { value: true });
    // A client that has finished sending still gets its answers; the connection ends behind the last of them.
    Object.defineProperty(server, "httpAllowHalfOpen", { value: true });
    // How many there are is looked at here: more would be left out without a word.
    server.maxHeadersCount = 0;
    server.timeout = 0;
    server.on("request", (request, response) => this.#request(request, response));
    server.on("checkContinue", (request, response) => this.#request(request, response));
    server.on("upgrade", (request, stream, rest) => this.#upgrade(request, stream, rest));
    server.on(
      "connect",
      (request) => this.#of(request.socket).refuse(plain(405, "There is no proxy here.")),
    );
    server.on("clientError", (error, stream) => this.#broken(error, stream));
  }

  /** Answers what comes over a connection, until it ends. */
  take(connection: HttpConnection): void {
    this.#connections.set(connection.stream, connection);
    connection.whenFinished(() => connection.finished());
    this.#server.emit("connection", connection.stream);
  }

  #of(stream: object): HttpConnection {
    const connection = this.#connections.get(stream);
    if (connection === undefined) throw new Error("broken invariant: a request has a connection");
    return connection;
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#of(request.socket);
    connection.began(request);
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      connection.ended();
    };
    response.once("finish", over);
    response.once("close", over);
    detached(this.#answer(request, response, connection), "answer an HTTP request");
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    connection: HttpConnection,
  ): Promise<void> {
    const head = headOf(request);
    const isSound = !("refusal" in head);
    const refusal = this.#refusal(head, connection);
    const isWelcome = refusal === null;
    const reply = (answer: Answer) =>
      this.#send(response, answer, { request, head: isSound ? head : null, isWelcome });
    if (refusal !== null || !isSound) return reply(refusal!);
    const page = this.#options.pages.get(head.path);
    if (page !== undefined) return reply(await pageAnswer(page, head, connection.address));
    if (this.#options.isUpgrade(head.path)) {
      return reply(plain(426, "This is where WebSockets connect.", { Upgrade: "websocket" }));
    }
    const found = findRoutes(head.path);
    if (found === null) return reply(plain(404, "There is nothing here."));
    const method = found.routes.find((route) => route.method === head.method);
    if (method === undefined) {
      return reply(
        head.method === "OPTIONS" ? preflight(head, found) : notAllowed(methodsOf(found)),
      );
    }
    const exchange = new HttpExchange(
      { head, names: found.names, request, response },
      connection,
      this.#options,
    );
    try {
      const answer = await method.run(exchange);
      if ("run" in answer) await this.#stream(response, answer, head);
      else reply(answer);
    } catch (reason) {
      const answer = this.#problemOf(reason);
      if (response.headersSent) response.destroy();
      else reply(answer);
    } finally {
      exchange.over();
    }
  }

  /** What is wrong with a request, whatever it asks for. */
  #refusal(head: ReturnType<typeof headOf>, connection: HttpConnection): Answer | null {
    const { guard, refusals } = this.#options;
    const unwelcome = this.#options.unwelcome(connection);
    if (unwelcome !== null) return plain(403, unwelcome);
    if ("refusal" in head) return plain(head.status, head.refusal);
    const { headers, isOld } = head;
    const refusal = refusalOf(headers, guard, isOld);
    if (refusal === null) return null;
    refusals.tell(headers["origin"] ?? headers["host"] ?? "", refusal);
    return plain(403, refusal);
  }

  #problemOf(reason: unknown): Answer {
    if (reason instanceof BodyTooLarge) return problem(reason, 413);
    if (reason instanceof ParleyError) return problem(reason);
    if (isDefect(reason) || reason instanceof Error) reportDefect("answer an HTTP request", reason);
    return problem(
      new ParleyError(ErrorCode.INTERNAL, "the server failed; its log has the reason"),
    );
  }

  #send(
    response: ServerResponse,
    answer: Answer,
    { request, head, isWelcome }: {
      request: IncomingMessage;
      head: RequestHead | null;
      /** Whether the peer is welcome: a page of another origin may read the answer, and the connection goes on. */
      isWelcome: boolean;
    },
  ): void {
    if (response.headersSent || response.destroyed) return;
    const { body } = answer;
    const shared = head === null || !isWelcome ? NOT_SHARED : sharing(head);
    const isUnread = head === null || head.hasBody && !request.complete;
    const isLast = isUnread || !isWelcome || "Upgrade" in answer.headers ||
      this.#options.isStopping() || head!.isOld;
    const headers: Record<string, string | number> = {
      ...ALWAYS,
      ...shared,
      ...answer.headers,
    };
    if (answer.status !== 204) headers["Content-Length"] = Buffer.byteLength(body);
    // It names Upgrade where that header stands (RFC 9110, 7.8).
    if (isLast) headers["Connection"] = "Upgrade" in answer.headers ? "Upgrade, close" : "close";
    response.writeHead(answer.status, headers);
    // A text is joined with its head, and both are written as UTF-8: the origin of a page need not be ASCII.
    const isApart = typeof body === "string" && shared !== NOT_SHARED;
    response.end(isApart ? Buffer.from(body) : body);
  }

  async #stream(response: ServerResponse, answer: StreamAnswer, head: RequestHead): Promise<void> {
    response.writeHead(answer.status, {
      ...ALWAYS,
      ...sharing(head),
      ...answer.headers,
      "Connection": "close",
    });
    response.flushHeaders();
    await answer.run((bytes) => written(response, bytes));
    response.end();
  }

  #upgrade(request: IncomingMessage, stream: object, rest: Uint8Array): void {
    const connection = this.#of(stream);
    const head = headOf(request);
    const refusal = this.#refusal(head, connection);
    if (refusal !== null || "refusal" in head) {
      return connection.refuse(refusal as ReturnType<typeof plain>);
    }
    // What was asked before is answered before.
    connection.whenQuiet(() => this.#options.upgrade(head, request, { connection, rest }));
  }

  /** A request that node:http could not read. */
  #broken(error: Error & { code?: string }, stream: object): void {
    const connection = this.#of(stream);
    switch (error.code) {
      case "HPE_HEADER_OVERFLOW":
        return connection.refuse(
          plain(431, `The head of a request has at most ${MAX_HEAD_BYTES} bytes.`),
        );
      case "HPE_INVALID_VERSION":
        return connection.refuse(plain(505, OTHER_VERSION));
      default:
        if (error.code?.startsWith("HPE_")) return connection.refuse(plain(400, NO_HTTP));
        connection.stream.destroy();
    }
  }
}

/** The answer of a page, with the headers that belong to its body. */
async function pageAnswer(page: Page, head: RequestHead, address: string): Promise<Answer> {
  if (head.method !== "GET" && head.method !== "HEAD") return notAllowed(["GET", "HEAD"]);
  try {
    const { status, type, body, headers } = await page({ headers: head.headers, address });
    return { status, headers: { "Content-Type": type, ...headers }, body };
  } catch (reason) {
    reportDefect("answer an HTTP request", reason);
    return plain(500, "The server failed; the reason is in its log.");
  }
}

/** Resolves when there is room for more; rejects when the client is gone. */
function written(response: ServerResponse, bytes: Uint8Array | string): Promise<void> | void {
  if (response.destroyed) return Promise.reject(clientIsGone());
  if (response.write(bytes)) return;
  return new Promise((resolve, reject) => {
    const gone = () => reject(clientIsGone());
    response.once("close", gone);
    response.once("drain", () => {
      response.off("close", gone);
      resolve();
    });
  });
}

function clientIsGone(): ParleyError {
  return new ParleyError(ErrorCode.UNAVAILABLE, "the client is gone");
}

/** No headers for pages of other origins. */
const NOT_SHARED: Readonly<Record<string, string>> = {};

/** The headers that let a page of another origin read the answer, where it may. */
function sharing({ headers }: RequestHead): Readonly<Record<string, string>> {
  const { origin, host } = headers;
  if (origin === undefined || !isForeign(origin, host ?? "")) return NOT_SHARED;
  return {
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Expose-Headers": "*",
    "Vary": "Origin",
  };
}

/** What a page may send to a path; whether it may send anything was decided before. */
function preflight({ headers }: RequestHead, found: Found): Answer {
  const asked = headers["access-control-request-headers"] ?? "";
  return {
    status: 204,
    headers: {
      "Access-Control-Allow-Methods": methodsOf(found).join(", "),
      ...asked === "" ? {} : { "Access-Control-Allow-Headers": asked.replace(/[^\w,\s-]/g, "") },
      "Access-Control-Max-Age": `${PREFLIGHT_SECONDS}`,
      "Allow": methodsOf(found).join(", "),
    },
    body: "",
  };
}

function methodsOf({ routes }: Found): string[] {
  return [...routes.map(({ method }) => method), "OPTIONS"];
}

function notAllowed(methods: readonly string[]): Answer {
  return plain(405, `Only ${methods.join(" and ")} are answered here.`, {
    Allow: methods.join(", "),
  });
}
