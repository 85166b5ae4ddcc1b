/**
 * The http listener: WebSockets at /ws, what programs without a client ask for (routes), and pages.
 *
 * Connections are accepted by Deno.listen like those of other listeners, behind the same door and gate, and handed to
 * node:http one by one (serving): its own listener accepts nothing any more once files have run out. Every connection
 * is counted as long as it lives, also one that never becomes a WebSocket.
 *
 * The iteration gives the links of sessions: WebSockets, and what other requests ask for. After `close` it ends once no
 * connection is left that is no WebSocket; one in the middle of a request is answered, if it finishes soon.
 */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import { type Clock, systemClock } from "../../base/clock.ts";
import { guard as guardAgainst } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import type { Limits } from "../../base/limits.ts";
import { NO_PAGES, type Pages } from "../../ports/http_page.ts";
import type { Link, LinkListener } from "../../ports/link.ts";
import type { WorkTurn } from "../../ports/work_turn.ts";
import { type Arrival, type Door, OPEN_DOOR, type Remote } from "../socket/door.ts";
import type { InputBudget } from "../../wire/input_budget.ts";
import { ConnectionStream } from "./connection_stream.ts";
import { TlsConnection } from "../tls/connection.ts";
import type { Handshakes } from "../tls/handshakes.ts";
import { FrameMerger } from "./frame_merger.ts";
import { formatAddress } from "../socket/deno_link.ts";
import { answerText, plain } from "./answer.ts";
import { type HttpGuardOptions, isRelayed } from "./guard.ts";
import { HttpSessions } from "./api/sessions.ts";
import { HttpConnection } from "./connection.ts";
import { RefusalLog } from "./refusal_log.ts";
import type { RequestHead } from "./request.ts";
import { Serving } from "./serving.ts";
import { LinkQueue } from "../socket/link_queue.ts";
import { listenOn } from "../socket/tcp.ts";
import { HeldWebSocket, WebSocketLink } from "./websocket_link.ts";

/** Deadlines are kept to this grain. */
const SWEEP_INTERVAL_MS = 250;
/** Where WebSockets are accepted. */
const WEBSOCKET_PATH = "/ws";
/** The protocol under TLS, by its name there (ALPN). */
const HTTP_PROTOCOL = "http/1.1";
/** The version of WebSockets that is spoken (RFC 6455, 4.4). */
const WEBSOCKET_VERSION = "13";
/** What one binary frame may hold at least, so that a client can send many small messages at once. */
const MIN_PAYLOAD_BYTES = 256 * 1024;

/** Decides who may connect, and is told when they are gone. */
export interface ConnectionGate {
  /** Takes a connection from `address`, or says why not. */
  admit(address: string): string | null;
  /** Waits until an admitted connection may come in; false when it has to be closed instead. */
  enter(address: string): Promise<boolean>;
  /** Gives its place back, once its descriptor is the system's again. */
  release(address: string): void;
  /** Whether a connection that got no place may be told so; then `told` is called when it is closed. */
  mayTell(): boolean;
  told(): void;
}

/** What a listener is made of. */
interface HttpListenerOptions {
  readonly limits: Limits;
  readonly guard: HttpGuardOptions;
  readonly gate: ConnectionGate;
  /** Default: one for everybody. */
  readonly door?: Door;
  /** What is answered besides routes and WebSockets. Default: nothing. */
  readonly pages?: Pages;
  /** The budget of all input that waits. */
  readonly input: InputBudget;
  /** The turn in which what goes to requests and streams of events is handed on. */
  readonly turn: WorkTurn;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Makes the listener one of https and wss; nothing for http and ws. */
  readonly handshakes?: Handshakes;
}

/** The largest binary frame, or message in several frames, that is accepted. */
export function maxWebSocketPayload(limits: Limits): number {
  return Math.max(2 * limits.maxFrameBytes, MIN_PAYLOAD_BYTES);
}

/** A listener on one address. */
export class HttpListener implements LinkListener {
  readonly kind = "ws";
  readonly dialect = "delimited";
  readonly address: string;
  readonly port: number;
  readonly isSecure: boolean;

  readonly #listener: Deno.TcpListener;
  readonly #options: HttpListenerOptions;
  readonly #clock: Clock;
  readonly #webSockets: WebSocketServer;
  readonly #serving: Serving;
  readonly #sessions: HttpSessions;
  readonly #links = new LinkQueue();
  /** Connections that are no WebSockets, or not yet. */
  readonly #requesting = new Set<HttpConnection>();
  readonly #stopped = new AbortController();
  readonly #sweeping: ReturnType<typeof setInterval>;
  #grace: ReturnType<typeof setTimeout> | undefined;

  constructor(hostname: string, port: number, options: HttpListenerOptions) {
    const { limits, guard } = options;
    this.#options = options;
    const clock = this.#clock = options.clock ?? systemClock;
    this.isSecure = options.handshakes !== undefined;
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
      const stream = socket as Duplex as ConnectionStream;
      stream.write(answerText(plain(400, error.message)));
      stream.destroySoon();
    });
    this.#listener = Deno.listen({ hostname, port });
    this.port = this.#listener.addr.port;
    this.address = formatAddress(this.#listener.addr.hostname, this.port);
    this.#sessions = new HttpSessions({
      limits,
      turn: options.turn,
      open: (link) => this.#links.push(link),
      nowMs: () => clock.monotonicMs(),
    });
    this.#serving = new Serving({
      limits,
      guard,
      refusals: new RefusalLog(this.address),
      sessions: this.#sessions,
      wallMs: () => clock.wallMs(),
      unwelcome: ({ remote }) => this.#unwelcome(remote),
      pages: options.pages ?? NO_PAGES,
      isStopping: () => this.#stopping,
      isUpgrade: (path) => path === WEBSOCKET_PATH,
      upgrade: (head, request, from) => this.#upgrade(head, request, from),
    });
    this.#sweeping = setInterval(
      () => guardAgainst("look after HTTP connections", () => this.#sweep()),
      SWEEP_INTERVAL_MS,
    );
    detached(this.#acceptAll(), "accept connections");
  }

  [Symbol.asyncIterator](): AsyncIterator<Link> {
    return this.#links[Symbol.asyncIterator]();
  }

  close(): void {
    if (this.#stopping) return;
    this.#stopped.abort();
    this.#listener.close();
    this.#sessions.close();
    for (const http of this.#requesting) if (http.idle) http.stream.destroySoon();
    const { drainQuietMs, drainMs } = this.#options.limits;
    this.#grace = setTimeout(() => {
      for (const http of this.#requesting) if (!http.isAnswering) http.stream.destroy();
      this.#grace = setTimeout(() => {
        for (const http of this.#requesting) http.stream.destroy();
      }, drainMs - drainQuietMs);
    }, drainQuietMs);
    this.#endIfEmpty();
  }

  get #stopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  #sweep(): void {
    for (const http of this.#requesting) http.sweep();
    this.#sessions.sweep();
  }

  async #acceptAll(): Promise<void> {
    const { address } = this;
    const { door = OPEN_DOOR } = this.#options;
    const source = { address, accept: () => this.#listener.accept() };
    for await (const arrival of door.arrivals(source, this.#stopped.signal)) {
      detached(this.#enter(arrival), "let an HTTP connection in");
    }
  }

  /** Sees to it that a connection is served, or to its end. */
  async #enter(arrival: Arrival): Promise<void> {
    const { gate, limits, input, handshakes } = this.#options;
    const { connection: accepted, remote } = arrival;
    const { hostname } = remote;
    const refusal = gate.admit(hostname);
    if (refusal !== null && !gate.mayTell()) return close(accepted);
    const secure = handshakes === undefined ? null : new TlsConnection(arrival);
    const stream = new ConnectionStream(secure ?? accepted);
    const peer = formatAddress(hostname, remote.port);
    const nowMs = () => this.#clock.monotonicMs();
    const http = new HttpConnection(stream, { limits, input, nowMs, peer, remote });
    this.#requesting.add(http);
    stream.once("close", () => this.#left(http));
    const over = () => refusal === null ? gate.release(hostname) : gate.told();
    detached(stream.released.then(over), "give back the place of a connection");
    tune(accepted);
    try {
      if (refusal !== null) {
        if (await this.#secured(secure)) http.refuse(plain(503, refusal));
        else stream.destroy();
      } else {
        const comesIn = await gate.enter(hostname) && await this.#secured(secure);
        this.#entered(http, comesIn, secure?.certificateFault ?? null);
      }
    } catch (reason) {
      // Whatever went wrong with this one, it is over, and its place is free.
      stream.destroy();
      throw reason;
    }
  }

  /** Serves a connection that may come in. */
  #entered(http: HttpConnection, comesIn: boolean, fault: string | null): void {
    const { stream } = http;
    if (!comesIn || stream.destroyed) return void stream.destroy();
    if (fault !== null) {
      return http.refuse(plain(403, `The certificate is not accepted: ${fault}.`));
    }
    http.waits();
    if (this.#stopping) stream.destroySoon();
    else this.#serving.take(http);
  }

  /** A connection is over, or a WebSocket now. */
  #left(http: HttpConnection): void {
    if (!this.#requesting.delete(http)) return;
    http.closed();
    this.#endIfEmpty();
  }

  /** Does the handshake of a connection that needs one; says whether it can be spoken with. */
  #secured(connection: TlsConnection | null): Promise<boolean> | true {
    return connection === null || this.#options.handshakes!.run(connection, HTTP_PROTOCOL);
  }

  #endIfEmpty(): void {
    if (!this.#stopping || this.#requesting.size > 0) return;
    clearTimeout(this.#grace);
    clearInterval(this.#sweeping);
    this.#links.end();
  }

  #unwelcome(remote: Remote): string | null {
    const { door = OPEN_DOOR } = this.#options;
    if (door.stillWelcomes(remote)) return null;
    return "Connections from this address are not allowed any more.";
  }

  /** Makes a connection a WebSocket; a request that is not quite one is answered by `wsClientError`. */
  #upgrade(head: RequestHead, request: IncomingMessage, { connection, rest }: Upgraded): void {
    const { limits, input } = this.#options;
    const refusal = this.#stopping
      ? plain(503, "The server stops: connect again later.")
      : webSocketRefusal(head);
    if (refusal !== null) return connection.refuse(refusal);
    const { stream, peer, remote } = connection;
    const merger = new FrameMerger(maxWebSocketPayload(limits));
    stream.merge(merger);
    this.#left(connection);
    const first = Buffer.concat(merger.mergeAll(rest));
    this.#webSockets.handleUpgrade(request, stream, first, (webSocket) => {
      const goingAway = () => this.#stopping;
      const options = {
        ...{ connection: stream, peer, input, goingAway },
        address: remote.hostname,
        isRelayed: isRelayed(head.headers),
      };
      this.#links.push(new WebSocketLink(webSocket as HeldWebSocket, options));
    });
  }
}

/** A connection that asks for a WebSocket, and what came behind its request. */
interface Upgraded {
  readonly connection: HttpConnection;
  readonly rest: Uint8Array;
}

/** Why a request for a WebSocket is none that is spoken here; null when it is one. */
function webSocketRefusal({ headers, isOld, method }: RequestHead) {
  if (method !== "GET") return plain(405, "WebSockets begin with GET.", { Allow: "GET" });
  if (isOld) return plain(426, "WebSockets need HTTP/1.1.", { Upgrade: "websocket" });
  if (headers["sec-websocket-version"] === WEBSOCKET_VERSION) return null;
  return plain(426, `WebSockets of version ${WEBSOCKET_VERSION} are spoken here.`, {
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": WEBSOCKET_VERSION,
  });
}

/** Listens on `hostname` and `port`; 0 lets the system choose. Raises a ParleyError that says what to do. */
export function listenHttp(
  hostname: string,
  port: number,
  options: HttpListenerOptions,
): HttpListener[] {
  return listenOn(
    "http",
    hostname,
    port,
    (host, number) => new HttpListener(host, number, options),
  );
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}

function tune(connection: Deno.TcpConn): void {
  try {
    connection.setNoDelay(true);
    connection.setKeepAlive(true);
  } catch {
    // The peer is gone already; the first read will say so.
  }
}
