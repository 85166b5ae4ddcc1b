/**
 * The tls listener: the framing of tcp under TLS 1.2 or 1.3.
 *
 * A connection is admitted before its handshake and keeps its place until the system has its descriptor back. The
 * iteration gives connections whose handshake is done. One without a place, and one whose certificate is not accepted,
 * is told so after the handshake, a few at a time; the others are closed. After `close` the iteration ends when
 * nothing is between accepting and being handed over.
 */
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { detached } from "../../base/detached.ts";
import type { Link, LinkListener } from "../../ports/link.ts";
import type { ConnectionGate } from "../http/listener.ts";
import { formatAddress } from "../socket/deno_link.ts";
import { type Door, OPEN_DOOR } from "../socket/door.ts";
import { LinkQueue } from "../socket/link_queue.ts";
import { listenOn } from "../socket/tcp.ts";
import { TlsConnection } from "./connection.ts";
import type { Handshakes } from "./handshakes.ts";
import { TlsLink } from "./link.ts";

/** The name of the protocol that clients may ask for (ALPN). */
const PROTOCOL = "parley";

/** What a listener is made of. */
export interface TlsListenerOptions {
  readonly handshakes: Handshakes;
  readonly gate: ConnectionGate;
  /** Default: one for everybody. */
  readonly door?: Door;
  /** Tells a link why it is refused, and closes it. Never rejects. */
  refuse(link: Link, refusal: ParleyError): Promise<void>;
}

/** A listener on one address. */
class TlsLinkListener implements LinkListener {
  readonly kind = "tls";
  readonly dialect = "delimited";
  readonly isSecure = true;
  readonly address: string;
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #options: TlsListenerOptions;
  readonly #links = new LinkQueue();
  /** Connections that were not handed over yet. */
  readonly #entering = new Set<TlsConnection>();
  readonly #stopped = new AbortController();

  constructor(hostname: string, port: number, options: TlsListenerOptions) {
    this.#options = options;
    this.#listener = Deno.listen({ hostname, port });
    this.port = this.#listener.addr.port;
    this.address = formatAddress(this.#listener.addr.hostname, this.port);
    detached(this.#acceptAll(), "accept connections");
  }

  [Symbol.asyncIterator](): AsyncIterator<Link> {
    return this.#links[Symbol.asyncIterator]();
  }

  close(): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.#listener.close();
    for (const connection of this.#entering) connection.close();
    this.#endIfEmpty();
  }

  async #acceptAll(): Promise<void> {
    const { address } = this;
    const { door = OPEN_DOOR } = this.#options;
    const accept = () => this.#listener.accept();
    for await (const arrival of door.arrivals({ address, accept }, this.#stopped.signal)) {
      tune(arrival.connection);
      detached(this.#take(new TlsConnection(arrival)), "take a TLS connection");
    }
  }

  /** Hands a connection over, or sees to its end. */
  async #take(connection: TlsConnection): Promise<void> {
    const { gate } = this.#options;
    const { hostname } = connection.remoteAddr;
    this.#entering.add(connection);
    try {
      const refusal = gate.admit(hostname);
      if (refusal === null) {
        detached(connection.released.then(() => gate.release(hostname)), "give back a place");
        await this.#enter(connection);
      } else await this.#turnAway(connection, refusal);
    } catch (reason) {
      // Whatever went wrong with this one, it is over, and its place is free.
      connection.close();
      throw reason;
    } finally {
      this.#entering.delete(connection);
      this.#endIfEmpty();
    }
  }

  async #enter(connection: TlsConnection): Promise<void> {
    const { gate, handshakes } = this.#options;
    if (!await gate.enter(connection.remoteAddr.hostname)) return connection.close();
    if (!await handshakes.run(connection, PROTOCOL)) return;
    const link = new TlsLink(connection, handshakes.identityOf(connection));
    const { certificateFault: fault } = connection;
    if (fault === null) return this.#links.push(link);
    const message =
      `cannot take the connection: the client's certificate is not accepted (${fault})`;
    const accepted =
      "a certificate that an authority of tls.client_ca has signed and that is valid now";
    await this.#options.refuse(
      link,
      new ParleyError(ErrorCode.UNAUTHENTICATED, message, {
        closeReason: CloseReason.PROTOCOL_ERROR,
        accepted,
      }),
    );
  }

  async #turnAway(connection: TlsConnection, why: string): Promise<void> {
    const { gate, handshakes, refuse } = this.#options;
    if (!gate.mayTell()) return connection.close();
    const isSecure = await handshakes.run(connection, PROTOCOL);
    gate.told();
    if (!isSecure) return;
    await refuse(
      new TlsLink(connection, null),
      new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, why, {
        closeReason: CloseReason.TOO_MANY_CONNECTIONS,
        retryable: true,
      }),
    );
  }

  #endIfEmpty(): void {
    if (this.#stopped.signal.aborted && this.#entering.size === 0) this.#links.end();
  }
}

/** Listens on `hostname` and `port`; 0 lets the system choose. Raises a ParleyError that says what to do. */
export function listenTls(
  hostname: string,
  port: number,
  options: TlsListenerOptions,
): TlsLinkListener[] {
  const open = (host: string, number: number) => new TlsLinkListener(host, number, options);
  return listenOn("tls", hostname, port, open);
}

function tune(connection: Deno.TcpConn): void {
  try {
    connection.setNoDelay(true);
    connection.setKeepAlive(true);
  } catch {
    // The peer is gone already; the handshake will say so.
  }
}
