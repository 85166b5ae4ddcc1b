/**
 * The http listener: WebSockets at /ws, the pages that it is given, and nothing else.
 *
 * It stands on Deno.listen like the other listeners, not on node:http: there requests have no deadline
 * before Deno 2.8, and what is written to a connection after its upgrade may get lost. Every connection is
 * counted as long as it lives, also one that never becomes a WebSocket. Who may ask is decided by
 * http_guard.ts, before anything else.
 *
 * The iteration gives the accepted WebSockets. After `close` it ends once no other connection is left; one
 * in the middle of a request is told 503, if it finishes soon.
 */
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="@types/ws"
import { WebSocketServer } from "ws";
import { reportDefect } from "../../base/defects.ts";
import { detached } from "../../base/detached.ts";
import type { Limits } from "../../base/limits.ts";
import { NO_PAGES, type Page, type Pages } from "../../ports/http_page.ts";
import type { Link, LinkListener } from "../../ports/link.ts";
import { type Arrival, type Door, OPEN_DOOR } from "../socket/door.ts";
import type { InputBudget } from "../../wire/input_budget.ts";
import { ConnectionStream } from "./connection_stream.ts";
import { TlsConnection } from "../tls/connection.ts";
import type { Handshakes } from "../tls/handshakes.ts";
import { FrameMerger } from "./frame_merger.ts";
import { formatAddress } from "../socket/deno_link.ts";
import { type Answer, answerText, plain } from "./answer.ts";
import { type HttpGuardOptions, refusalOf } from "./guard.ts";
import { isUpgrade, type RequestHead } from "./head.ts";
import { HttpConnection, type Outcome } from "./connection.ts";
import { RefusalLog } from "./refusal_log.ts";
import { LinkQueue } from "../socket/link_queue.ts";
import { listenOn } from "../socket/tcp.ts";
import { HeldWebSocket, WebSocketLink } from "./websocket_link.ts";

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
  /** What is answered besides WebSockets. Default: nothing. */
  readonly pages?: Pages;
  /** The budget of all input that waits. */
  readonly input: InputBudget;
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
  readonly #webSockets: WebSocketServer;
  readonly #links = new LinkQueue();
  readonly #refusals: RefusalLog;
  /** Connections that are no WebSockets, or not yet. */
  readonly #requesting = new Set<HttpConnection>();
  readonly #stopped = new AbortController();
  #grace: ReturnType<typeof setTimeout> | undefined;

  constructor(hostname: string, port: number, options: HttpListenerOptions) {
    const { limits } = options;
    this.#options = options;
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
    this.#refusals = new RefusalLog(this.address);
    detached(this.#acceptAll(), "accept connections");
  }

  [Symbol.asyncIterator](): AsyncIterator<Link> {
    return this.#links[Symbol.asyncIterator]();
  }

  close(): void {
    if (this.#stopping) return;
    this.#stopped.abort();
    this.#listener.close();
    for (const http of this.#requesting) http.finish();
    this.#grace = setTimeout(() => {
      for (const http of this.#requesting) http.close();
    }, this.#options.limits.drainQuietMs);
    this.#endIfEmpty();
  }

  get #stopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #acceptAll(): Promise<void> {
    const { address } = this;
    const { door = OPEN_DOOR } = this.#options;
    const source = { address, accept: () => this.#listener.accept() };
    for await (const arrival of door.arrivals(source, this.#stopped.signal)) {
      detached(this.#serve(arrival), "serve an HTTP connection");
    }
  }

  /** Serves a connection until it ends, or is a WebSocket. */
  async #serve(arrival: Arrival): Promise<void> {
    const { gate, limits, input, handshakes, door = OPEN_DOOR } = this.#options;
    const { connection: accepted, remote: { hostname, port } } = arrival;
    const secure = handshakes === undefined ? null : new TlsConnection(arrival);
    const connection = secure ?? accepted;
    let release = () => gate.release(hostname);
    const handle = (head: RequestHead) => {
      if (!door.stillWelcomes(arrival.remote)) {
        return plain(403, "Connections from this address are not allowed any more.");
      }
      return this.#outcome(head, hostname, (rest) => {
        const merger = new FrameMerger(maxWebSocketPayload(limits));
        const stream = new ConnectionStream(connection, merger);
        detached(stream.released.then(release), "give back the place of a connection");
        release = () => {};
        try {
          const first = Buffer.concat(merger.mergeAll(rest));
          const peer = formatAddress(hostname, port);
          this.#upgrade(head, first, { connection: stream, peer, address: hostname });
        } catch (reason) {
          stream.destroy();
          throw reason;
        }
      });
    };
    const http = new HttpConnection(connection, handle, limits.handshakeTimeoutMs, input);
    this.#requesting.add(http);
    const refusal = gate.admit(hostname);
    if (refusal === null) {
      tune(accepted);
      const comesIn = await gate.enter(hostname) && await this.#secured(secure);
      const fault = secure?.certificateFault ?? null;
      if (comesIn && fault === null) await http.run();
      else if (comesIn) {
        await http.refuse(plain(403, `The certificate is not accepted: ${fault}.`));
      } else http.close();
      // A connection that became a WebSocket gives its place back later, and this does nothing then.
      if (secure === null) release();
      else detached(secure.released.then(release), "give back the place of a connection");
    } else if (gate.mayTell()) {
      if (await this.#secured(secure)) await http.refuse(plain(503, refusal));
      else http.close();
      gate.told();
    } else http.close();
    this.#requesting.delete(http);
    this.#endIfEmpty();
  }

  /** Does the handshake of a connection that needs one; says whether it can be spoken with. */
  #secured(connection: TlsConnection | null): Promise<boolean> | true {
    return connection === null || this.#options.handshakes!.run(connection, HTTP_PROTOCOL);
  }

  #endIfEmpty(): void {
    if (!this.#stopping || this.#requesting.size > 0) return;
    clearTimeout(this.#grace);
    this.#links.end();
  }

  /** What becomes of a request. */
  #outcome(
    head: RequestHead,
    address: string,
    takeOver: (rest: Buffer) => void,
  ): Outcome | Promise<Answer> {
    const refusal = this.#refusal(head);
    if (refusal !== null) return refusal;
    if (head.path === WEBSOCKET_PATH) {
      if (!isUpgrade(head)) {
        return plain(426, "This is where WebSockets connect.", { Upgrade: "websocket" });
      }
      if (head.headers["sec-websocket-version"] !== WEBSOCKET_VERSION) {
        return plain(426, `WebSockets of version ${WEBSOCKET_VERSION} are spoken here.`, {
          "Upgrade": "websocket",
          "Sec-WebSocket-Version": WEBSOCKET_VERSION,
        });
      }
      if (this.#stopping) return plain(503, "The server stops: connect again later.");
      return { takeOver };
    }
    const page = (this.#options.pages ?? NO_PAGES).get(head.path);
    if (page === undefined) return plain(404, "There is nothing here.");
    return pageAnswer(page, head, address);
  }

  /** What is wrong with a request, whatever it asks for. */
  #refusal(head: RequestHead): Answer | null {
    const hosts = head.count("host");
    if (hosts > 1 || hosts === 0 && !head.isOld || head.count("origin") > 1) {
      return plain(400, "A request has one Host header, and at most one Origin header.");
    }
    const refusal = refusalOf(head.headers, this.#options.guard, head.isOld);
    if (refusal !== null) {
      this.#refusals.tell(head.headers["origin"] ?? head.headers["host"] ?? "", refusal);
      return plain(403, refusal);
    }
    if (head.method !== "GET" && head.method !== "HEAD") {
      return plain(405, "Only GET and HEAD are answered here.", { Allow: "GET, HEAD" });
    }
    return null;
  }

  /** Makes a connection a WebSocket; a request that is not quite one is answered by `wsClientError`. */
  #upgrade(
    head: RequestHead,
    rest: Buffer,
    from: { connection: ConnectionStream; address: string; peer: string },
  ): void {
    // All that is read of a request there.
    const request = { method: head.method, url: head.target, headers: head.headers };
    // The limit may be another one by now.
    this.#webSockets.options.maxPayload = maxWebSocketPayload(this.#options.limits);
    this.#webSockets.handleUpgrade(
      request as IncomingMessage,
      from.connection,
      rest,
      (webSocket) => {
        const goingAway = () => this.#stopping;
        const { input } = this.#options;
        const options = { ...from, input, goingAway };
        this.#links.push(new WebSocketLink(webSocket as HeldWebSocket, options));
      },
    );
  }
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

/** The answer of a page, with the headers that belong to its body. */
async function pageAnswer(page: Page, { headers }: RequestHead, address: string): Promise<Answer> {
  try {
    const answer = await page({ headers, address });
    const { status, type, body } = answer;
    return { status, headers: { "Content-Type": type, ...answer.headers }, body };
  } catch (reason) {
    reportDefect("answer an HTTP request", reason);
    return plain(500, "The server failed; the reason is in its log.");
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
