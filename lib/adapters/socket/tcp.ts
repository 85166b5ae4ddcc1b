/**
 * The tcp and raw listeners: Deno.listen, one Link a connection.
 *
 * "localhost" means both loopback addresses, 127.0.0.1 and ::1, on the same port: clients connect to the
 * first address that the name gives them, and which that is differs between machines. A machine without
 * IPv6 gets one listener.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Dialect, Link, LinkListener, ListenerKind } from "../../ports/link.ts";
import { DenoLink, formatAddress } from "./deno_link.ts";
import { type Door, OPEN_DOOR } from "./door.ts";

const log = logger("listener");
/** Port 0 on two addresses needs a port that is free on both: this often it is tried. */
const PORT_TRIES = 20;

/** A listener on one address. */
export class TcpLinkListener implements LinkListener {
  readonly kind: ListenerKind;
  readonly dialect: Dialect;
  readonly address: string;
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #door: Door;
  readonly #stopped = new AbortController();

  constructor(kind: ListenerKind, hostname: string, port: number, door: Door) {
    this.kind = kind;
    this.dialect = kind === "raw" ? "raw" : "delimited";
    this.#door = door;
    this.#listener = Deno.listen({ hostname, port });
    this.port = this.#listener.addr.port;
    this.address = formatAddress(this.#listener.addr.hostname, this.port);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Link> {
    const { address } = this;
    const source = { address, accept: () => this.#listener.accept() };
    for await (const { connection, remote } of this.#door.arrivals(source, this.#stopped.signal)) {
      yield new DenoLink(this.kind, connection, remote);
    }
  }

  close(): void {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.#listener.close();
  }
}

/** Listens on `hostname` and `port`; 0 lets the system choose. Raises a ParleyError that says what to do. */
export function listenTcp(
  kind: ListenerKind,
  hostname: string,
  port: number,
  door: Door = OPEN_DOOR,
): TcpLinkListener[] {
  return listenOn(
    kind,
    hostname,
    port,
    (host, number) => new TcpLinkListener(kind, host, number, door),
  );
}

/** Something that listens on a port. */
interface PortListener {
  readonly port: number;
  close(): void;
}

/**
 * Listens with what `open` makes: one listener, or two on the same port for "localhost". Raises a
 * ParleyError that says what to do.
 */
export function listenOn<Listener extends PortListener>(
  kind: ListenerKind | "http",
  hostname: string,
  port: number,
  open: (hostname: string, port: number) => Listener,
): Listener[] {
  try {
    if (hostname !== "localhost") return [open(hostname, port)];
    return listenLoopback(kind, port, open);
  } catch (reason) {
    throw listenError(kind, formatAddress(hostname, port), reason);
  }
}

function listenLoopback<Listener extends PortListener>(
  kind: ListenerKind | "http",
  port: number,
  open: (hostname: string, port: number) => Listener,
): Listener[] {
  for (let left = PORT_TRIES;; left--) {
    const first = open("127.0.0.1", port);
    try {
      return [first, open("::1", first.port)];
    } catch (reason) {
      if (!(reason instanceof Deno.errors.AddrInUse)) {
        log.debug("no IPv6 loopback here: {reason}", { kind, reason });
        return [first];
      }
      first.close();
      if (port !== 0 || left === 0) throw reason;
    }
  }
}

/** The error for an address that cannot be listened on. */
export function listenError(
  kind: ListenerKind | "http",
  address: string,
  reason: unknown,
): ParleyError {
  const what = `cannot listen on ${kind} ${address}`;
  if (reason instanceof Deno.errors.AddrInUse) {
    return new ParleyError(
      ErrorCode.ALREADY_EXISTS,
      `${what}: address in use (stop what listens there, or choose another with --${kind} ADDR)`,
      { cause: reason },
    );
  }
  if (reason instanceof Deno.errors.PermissionDenied) {
    return new ParleyError(
      ErrorCode.PERMISSION_DENIED,
      `${what}: not permitted (ports below 1024 need privileges; choose another with --${kind} ADDR)`,
      { cause: reason },
    );
  }
  return ParleyError.from(reason, ErrorCode.INVALID_ARGUMENT, what);
}
