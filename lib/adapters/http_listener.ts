/**
 * The http listener: WebSockets at /ws, the health of the server at /healthz, and nothing else.
 *
 * Every connection is counted from its first byte on, as long as it lives, also one that never becomes a
 * WebSocket: it has a deadline for each request, and one that is idle is closed. Who may ask is decided by
 * http_guard.ts, before anything else. Answers are short, plain, and nothing that a page could use.
 *
 * The iteration gives the accepted WebSockets. After `close` it ends once no other connection is left;
 * one in the middle of a request is told 503, if it finishes soon.
 */
import { createServer, type IncomingMessage, Server, type ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import type { Buffer } from "node:buffer";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import type { Limits } from "../base/limits.ts";
import { logger } from "../base/log.ts";
import { VERSION } from "../base/version.ts";
import type { Link, LinkListener } from "../ports/link.ts";
import { formatAddress } from "./deno_link.ts";
import { type HttpGuardOptions, refusalOf } from "./http_guard.ts";
import { type Answer, answerText, HEADERS, plain } from "./http_answer.ts";
import { LinkQueue } from "./link_queue.ts";
import { listenError } from "./tcp.ts";
import { HeldWebSocket, WebSocketLink } from "./websocket_link.ts";

const log = logger("listener");

/** Where WebSockets are accepted. */
export const WEBSOCKET_PATH = "/ws";
/**
 * Whether this runtime's node:http is good enough: it is since Deno 2.8. Before, requests had no deadline
 * there, and what was written to a connection after its upgrade could get lost.
 */
export const HTTP_WORKS = Server.prototype instanceof NetServer;
/** The head of a request, all of it. */
const MAX_HEAD_BYTES = 16 * 1024;
/** A connection is closed after this many requests. */
const MAX_REQUESTS = 1000;
/** One binary frame may be this large at least, so that a client can send many small messages at once. */
const MIN_PAYLOAD_BYTES = 256 * 1024;
/** Port 0 on two addresses needs a port that is free on both: this often it is tried. */
const PORT_TRIES = 20;

/** Decides who may connect, and is told when they are gone. */
export interface ConnectionGate {
  /** Takes a connection from `address`, or says why not. */
  admit(address: string): string | null;
  /** Gives its place back. */
  release(address: string): void;
}

/** What a listener is made of. */
export interface HttpListenerOptions {
  readonly limits: Limits;
  readonly guard: HttpGuardOptions;
  readonly gate: ConnectionGate;
}

/** The largest binary frame, or message in several frames, that is accepted. */
export function maxWebSocketPayload(limits: Limits): number {
  return Math.max(2 * limits.maxFrameBytes, MIN_PAYLOAD_BYTES);
}

/** A connection that was taken. */
interface Place {
  readonly address: string;
  readonly peer: string;
  /** The bytes that its answered requests had: when there are more, it is in the middle of one. */
  answeredBytes: number;
}

/** A listener on one address. */
export class HttpListener implements LinkListener {
  readonly kind = "ws";
  readonly dialect = "delimited";
  address = "";
  port = 0;

  readonly #server: Server;
  readonly #options: HttpListenerOptions;
  readonly #webSockets: WebSocketServer;
  readonly #links = new LinkQueue();
  /** Connections that are no WebSockets (yet). */
  readonly #visitors = new Map<Socket, Place>();
  /** Connections that are being told why they end; whatever they still ask is passed over. */
  readonly #refused = new WeakSet<Socket>();
  #stopping = false;
  #grace: ReturnType<typeof setTimeout> | undefined;

  private constructor(options: HttpListenerOptions) {
    const { limits } = options;
    this.#options = options;
    this.#server = createServer({
      headersTimeout: limits.handshakeTimeoutMs,
      requestTimeout: limits.handshakeTimeoutMs,
      keepAliveTimeout: limits.handshakeTimeoutMs,
      connectionsCheckingInterval: Math.min(500, limits.handshakeTimeoutMs),
      maxHeaderSize: MAX_HEAD_BYTES,
    });
    this.#server.maxRequestsPerSocket = MAX_REQUESTS;
    const settings = {
      noServer: true,
      WebSocket: HeldWebSocket,
      maxPayload: maxWebSocketPayload(limits),
      perMessageDeflate: false,
      handleProtocols: () => false as const,
      clientTracking: false,
      closeTimeout: limits.lingerMs,
    };
    this.#webSockets = new WebSocketServer(settings);
    this.#webSockets.on("wsClientError", (error, socket) => {
      this.#refuse(socket as Socket, plain(400, error.message));
    });
    this.#server.on("connection", (socket: Socket) => void this.#enter(socket));
    this.#server.on("request", (request, response) => this.#answer(request, response));
    this.#server.on("upgrade", (request, socket, head) => {
      this.#upgrade(request, socket as Socket, head);
    });
    this.#server.on("clientError", (error: Error & { code?: string }, socket) => {
      this.#refuse(socket as Socket, unreadable(error.code));
    });
  }

  /** Listens; rejects with the error of the system. */
  static async listen(
    hostname: string,
    port: number,
    options: HttpListenerOptions,
  ): Promise<HttpListener> {
    const listener = new HttpListener(options);
    await listener.#listen(hostname, port);
    return listener;
  }

  [Symbol.asyncIterator](): AsyncIterator<Link> {
    return this.#links[Symbol.asyncIterator]();
  }

  close(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#server.close();
    for (const [socket, place] of this.#visitors) {
      if (socket.bytesRead === place.answeredBytes) socket.destroy();
    }
    this.#grace = setTimeout(() => {
      for (const socket of this.#visitors.keys()) socket.destroy();
    }, this.#options.limits.drainQuietMs);
    this.#endIfEmpty();
  }

  #listen(hostname: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: hostname, port }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", (error) => {
          log.warning("an error of the listener {address}: {error}", {
            address: this.address,
            error,
          });
        });
        const address = this.#server.address() as AddressInfo;
        this.port = address.port;
        this.address = formatAddress(address.address, address.port);
        resolve();
      });
    });
  }

  /** Takes a place for a connection; null when there is none, and the connection is told. */
  #enter(socket: Socket): Place | null {
    const known = this.#visitors.get(socket);
    if (known !== undefined) return known;
    if (this.#refused.has(socket)) return null;
    const address = socket.remoteAddress ?? "";
    const refusal = this.#options.gate.admit(address);
    if (refusal !== null) {
      this.#refuse(socket, plain(503, refusal));
      return null;
    }
    const peer = address === "" ? "http" : formatAddress(address, socket.remotePort ?? 0);
    const place = { address, peer, answeredBytes: 0 };
    this.#visitors.set(socket, place);
    socket.once("close", () => {
      this.#options.gate.release(address);
      this.#leave(socket);
    });
    return place;
  }

  #leave(socket: Socket): void {
    this.#visitors.delete(socket);
    this.#endIfEmpty();
  }

  #endIfEmpty(): void {
    if (!this.#stopping || this.#visitors.size > 0) return;
    clearTimeout(this.#grace);
    this.#links.end();
  }

  /** Answers a request that is no upgrade. */
  #answer(request: IncomingMessage, response: ServerResponse): void {
    const answer = this.#refusal(request) ?? this.#page(request);
    // A body is not read: with one, or after a refusal, the connection ends.
    const last = answer.status !== 200 || hasBody(request) || this.#stopping;
    response.writeHead(answer.status, {
      ...HEADERS,
      ...answer.headers,
      "Content-Length": new TextEncoder().encode(answer.body).length,
      ...(last ? { Connection: "close" } : {}),
    });
    response.end(request.method === "HEAD" ? "" : answer.body);
    const place = this.#visitors.get(request.socket);
    if (place !== undefined) place.answeredBytes = request.socket.bytesRead;
  }

  #page(request: IncomingMessage): Answer {
    const path = pathOf(request);
    if (path === WEBSOCKET_PATH) {
      return plain(426, "This is where WebSockets connect.", { Upgrade: "websocket" });
    }
    if (path !== "/healthz") return plain(404, "There is nothing here.");
    const status = this.#stopping ? "stopping" : "ok";
    return {
      status: this.#stopping ? 503 : 200,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ status, version: VERSION }),
    };
  }

  /** What is wrong with a request, whatever it asks for. */
  #refusal(request: IncomingMessage): Answer | null {
    if (count(request, "host") !== 1 || count(request, "origin") > 1) {
      return plain(400, "A request has one Host header, and at most one Origin header.");
    }
    const refusal = refusalOf(request.headers, this.#options.guard);
    if (refusal !== null) return plain(403, refusal);
    if (request.method !== "GET" && request.method !== "HEAD") {
      return plain(405, "Only GET and HEAD are answered here.", { Allow: "GET, HEAD" });
    }
    return null;
  }

  /** Makes a connection a WebSocket, or says why not. */
  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const place = this.#enter(socket);
    if (place === null) return;
    const refusal = this.#refusal(request);
    if (refusal !== null) return this.#refuse(socket, refusal);
    if (pathOf(request) !== WEBSOCKET_PATH) {
      return this.#refuse(socket, plain(404, `WebSockets connect at ${WEBSOCKET_PATH}.`));
    }
    if (this.#stopping) {
      return this.#refuse(socket, plain(503, "The server stops: connect again later."));
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const link = new WebSocketLink(webSocket as HeldWebSocket, {
        connection: socket,
        peer: place.peer,
        address: place.address,
        goingAway: () => this.#stopping,
      });
      this.#visitors.delete(socket);
      this.#links.push(link);
    });
  }

  /** Answers where there is no request to answer, and ends the connection. */
  #refuse(socket: Socket, answer: Answer): void {
    if (this.#refused.has(socket)) return;
    this.#refused.add(socket);
    // Whoever goes while it is told has no need to be told.
    socket.on("error", () => {});
    if (!socket.writable) return void socket.destroy();
    log.debug("request refused: {status}", { peer: socket.remoteAddress, status: answer.status });
    socket.end(answerText(answer), () => socket.destroy());
  }
}

/** Listens on `hostname` and `port`; 0 lets the system choose. Rejects with a ParleyError that says what to do. */
export async function listenHttp(
  hostname: string,
  port: number,
  options: HttpListenerOptions,
): Promise<HttpListener[]> {
  try {
    if (hostname !== "localhost") return [await HttpListener.listen(hostname, port, options)];
    return await listenLoopback(port, options);
  } catch (reason) {
    throw listenError("http", formatAddress(hostname, port), systemError(reason));
  }
}

async function listenLoopback(port: number, options: HttpListenerOptions): Promise<HttpListener[]> {
  for (let left = PORT_TRIES;; left--) {
    const first = await HttpListener.listen("127.0.0.1", port, options);
    try {
      return [first, await HttpListener.listen("::1", first.port, options)];
    } catch (reason) {
      if (!(systemError(reason) instanceof Deno.errors.AddrInUse)) {
        log.debug("no IPv6 loopback here: {reason}", { kind: "http", reason });
        return [first];
      }
      first.close();
      if (port !== 0 || left === 0) throw reason;
    }
  }
}

/** The errors of node:net as those of Deno, which the other listeners raise. */
function systemError(reason: unknown): unknown {
  if (!(reason instanceof Error)) return reason;
  const { code } = reason as { code?: string };
  if (code === "EADDRINUSE") return new Deno.errors.AddrInUse(reason.message, { cause: reason });
  if (code === "EACCES") return new Deno.errors.PermissionDenied(reason.message, { cause: reason });
  return reason;
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").split("?", 1)[0];
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers["content-length"] !== undefined ||
    request.headers["transfer-encoding"] !== undefined;
}

/** How often a request has a header; duplicates are hidden in `headers`. */
function count(request: IncomingMessage, name: string): number {
  return request.rawHeaders.filter((each, index) => index % 2 === 0 && each.toLowerCase() === name)
    .length;
}

/** What to say to bytes that are no request, or to a request that does not end. */
function unreadable(code: string | undefined): Answer {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return plain(408, "The request took too long.");
  if (code === "HPE_HEADER_OVERFLOW") {
    return plain(431, `The head of a request has at most ${MAX_HEAD_BYTES} bytes.`);
  }
  return plain(400, "This is no HTTP request. For Parley's own protocol use the tcp listener.");
}
