/**
 * Who may come in at all, and who they are: in front of every listener of tcp, before anything else is read, TLS included.
 *
 * A connection from an address that is not welcome is closed without a word. One from a proxy has to begin with a
 * header of the PROXY protocol, and is from then on a connection of the peer that the proxy names; of the bytes behind
 * the header none is read here. What others send is never taken for a header.
 *
 * While a header is awaited, the connection has a place without an address, so that it counts; there are at most
 * `MAX_PROXY_HEADERS`, and a further one ends the oldest. Each has a deadline.
 */
import { detached } from "../../base/detached.ts";
import { canonicalIp } from "../../base/ip_address.ts";
import { MAX_PROXY_HEADERS } from "../../base/limits.ts";
import { logger } from "../../base/log.ts";
import { type ProxyHeader, ProxyHeaderReader } from "../../wire/proxy_header.ts";
import { acceptLoop } from "./accept_loop.ts";
import { LinkQueue } from "./link_queue.ts";

const log = logger("listener");

/** The address of a peer. */
export type Remote = Pick<Deno.NetAddr, "hostname" | "port">;

/** A connection that may come in, and whose it is. */
export interface Arrival {
  readonly connection: Deno.TcpConn;
  /** The peer, which is not the other end of the connection when that is a proxy. */
  readonly remote: Remote;
}

/** What a door goes by. */
export interface DoorRules {
  /** Whether connections of this peer are wanted. What is not is noted by whoever is asked. */
  welcomes(remote: Remote): boolean;
  /** Whether there are proxies. */
  readonly hasProxies: boolean;
  /** Whether the address is that of a proxy. */
  isProxy(hostname: string): boolean;
  /** How long a header may take. */
  readonly headerTimeoutMs: number;
  /** Takes a place among all connections; says whether there was one. */
  takePlace(): boolean;
  givePlace(): void;
  /** Told of a proxy that sent no header; `reason` says why. */
  noHeader(proxy: Remote, reason: string): void;
}

/** A door for everybody, as they come. */
const OPEN: DoorRules = {
  welcomes: () => true,
  hasProxies: false,
  isProxy: () => false,
  headerTimeoutMs: 0,
  takePlace: () => true,
  givePlace: () => {},
  noHeader: () => {},
};

/** What a listener accepts from. */
interface Source {
  readonly address: string;
  accept(): Promise<Deno.TcpConn>;
}

/** A connection that is about to be handed over. */
interface Waiting extends Arrival {
  /** Whether it has a place without an address. */
  readonly hasPlace: boolean;
  close(): void;
}

/** The door of all listeners of a server. */
export class Door {
  readonly #rules: DoorRules;
  /** Connections whose header is awaited, from the oldest to the newest. */
  readonly #awaited = new Set<Deno.TcpConn>();

  constructor(rules: DoorRules = OPEN) {
    this.#rules = rules;
  }

  /**
   * Yields who may come in until `stopped` is aborted and no header is awaited any more. A place that a connection had
   * while its header was awaited is given back in the moment in which it is yielded.
   */
  async *arrivals(source: Source, stopped: AbortSignal): AsyncGenerator<Arrival, void, void> {
    const accepted = acceptLoop(() => source.accept(), source.address, stopped);
    if (!this.#rules.hasProxies) {
      for await (const connection of accepted) {
        const remote = remoteOf(connection);
        if (this.#rules.welcomes(remote)) yield { connection, remote };
        else close(connection);
      }
      return;
    }
    const queue = new LinkQueue<Waiting>();
    detached(this.#receiveAll(accepted, queue, stopped), "accept connections");
    for await (const waiting of queue) {
      if (waiting.hasPlace) this.#rules.givePlace();
      yield waiting;
    }
  }

  /** Whether a peer that came in before may stay. */
  stillWelcomes(remote: Remote): boolean {
    return this.#rules.welcomes(remote);
  }

  async #receiveAll(
    accepted: AsyncIterable<Deno.TcpConn>,
    queue: LinkQueue<Waiting>,
    stopped: AbortSignal,
  ): Promise<void> {
    const own = new Map<Deno.TcpConn, Promise<void>>();
    stopped.addEventListener("abort", () => {
      for (const connection of own.keys()) close(connection);
    });
    for await (const connection of accepted) {
      const remote = remoteOf(connection);
      // One that was accepted in the moment of the stop is not waited for.
      if (stopped.aborted) close(connection);
      else if (!this.#rules.isProxy(remote.hostname)) this.#letIn({ connection, remote }, queue);
      else if (this.#rules.takePlace()) {
        const received = this.#receive({ connection, remote }, queue)
          .finally(() => own.delete(connection));
        own.set(connection, received);
      } else close(connection);
    }
    await Promise.all(own.values());
    queue.end();
  }

  /** Puts a connection without a place into the queue, if it is welcome. */
  #letIn({ connection, remote }: Arrival, queue: LinkQueue<Waiting>): void {
    if (!this.#rules.welcomes(remote)) return close(connection);
    queue.push({ connection, remote, hasPlace: false, close: () => close(connection) });
  }

  /** Reads the header of a connection that has a place, and puts it into the queue or sees to its end. */
  async #receive({ connection, remote: proxy }: Arrival, queue: LinkQueue<Waiting>): Promise<void> {
    const rules = this.#rules;
    const header = await this.#readHeader({ connection, remote: proxy });
    const remote = header?.kind === "peer" ? header : proxy;
    const end = () => {
      close(connection);
      rules.givePlace();
    };
    if (header === null || !rules.welcomes(remote)) return end();
    queue.push({ connection, remote, hasPlace: true, close: end });
  }

  /** Reads a header and not a byte more; null when there is none, and then nothing of the connection is under way. */
  async #readHeader({ connection, remote }: Arrival): Promise<ProxyHeader | null> {
    const { headerTimeoutMs: timeoutMs } = this.#rules;
    if (this.#awaited.size >= MAX_PROXY_HEADERS) {
      for (const oldest of this.#awaited) {
        close(oldest);
        this.#awaited.delete(oldest);
        break;
      }
    }
    this.#awaited.add(connection);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      close(connection);
    }, timeoutMs);
    const reader = new ProxyHeaderReader();
    try {
      while (reader.header === null) {
        const count = await connection.read(reader.space());
        if (count === null) throw new Error("the proxy has finished within it");
        reader.filled(count);
      }
    } catch (reason) {
      const text = isLate ? `it did not come within ${timeoutMs} ms` : (reason as Error).message;
      // Who connects and leaves only looks whether somebody listens.
      const isLook = reader.isEmpty && !isLate;
      if (!isLook) this.#rules.noHeader(remote, text);
      else log.debug("a proxy connected and left without a header: {reason}", { reason: text });
      return null;
    } finally {
      clearTimeout(timer);
      this.#awaited.delete(connection);
    }
    return reader.header;
  }
}

/** Lets everybody in. */
export const OPEN_DOOR = new Door();

function remoteOf(connection: Deno.TcpConn): Remote {
  const { hostname, port } = connection.remoteAddr;
  return { hostname: canonicalIp(hostname), port };
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
