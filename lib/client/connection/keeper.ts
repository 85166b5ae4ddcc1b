/**
 * Keeps one connection of a client's pool: opens it, and opens it again when it is lost, with backoff.
 *
 * Some ends are final: a server that refuses this client will refuse it again, and one that put another
 * session in its place, or was told to end it, must not be asked again at once. A keeper that has given
 * up says so once. Connections that still drain are the client's affair, not the keeper's.
 */
import { detached, handled, whenOver } from "../../base/detached.ts";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { Backoff } from "./backoff.ts";
import { ClientConnection, type ConnectionOwner } from "./client_connection.ts";
import type { Credentials, CredentialSource } from "./credentials.ts";
import type { Expirable } from "./deadline_queue.ts";
import type { DeadlineTimer } from "./deadline_timer.ts";
import { LoginRenewal } from "./login_renewal.ts";
import type { Settings } from "../settings.ts";
import type { OpenTransport, Transport } from "../transport/transport.ts";
import type { Destination, Destinations } from "./destinations.ts";

/** What a keeper needs, and whom it tells. */
export interface KeeperOwner {
  /** Where connections are opened to. */
  readonly destinations: Destinations;
  readonly settings: Settings;
  readonly timer: DeadlineTimer;
  readonly credentials: CredentialSource;
  readonly openTransport: OpenTransport;
  /** What its connections need. */
  readonly connectionOwner: ConnectionOwner;
  /** A connection is open. */
  opened(connection: ClientConnection): void;
  /** The connection of `keeper` is lost, and will not be opened again. */
  gaveUp(keeper: ConnectionKeeper, reason: ParleyError, final: boolean): void;
}

/** How much longer than usual the first wait may be when a server has stopped. */
const SHUTDOWN_SPREAD = 10;

/** Refusals that the same client will meet again. */
const FINAL_CODES: readonly ErrorCode[] = [
  ErrorCode.UNAUTHENTICATED,
  ErrorCode.PERMISSION_DENIED,
  ErrorCode.UNIMPLEMENTED,
  ErrorCode.FAILED_PRECONDITION,
];
const FINAL_REASONS: readonly CloseReason[] = [CloseReason.REPLACED, CloseReason.KICKED];

/** Says whether reconnecting is pointless, or not wanted by the server. */
function isFinal(reason: ParleyError): boolean {
  return FINAL_CODES.includes(reason.code) || FINAL_REASONS.includes(reason.closeReason);
}

/** One place in the pool. */
export class ConnectionKeeper {
  /** The connection that takes requests; null while there is none. */
  connection: ClientConnection | null = null;
  readonly #owner: KeeperOwner;
  readonly #backoff: Backoff | null;
  #stopped = false;
  #attempt: AbortController | null = null;
  #opening: Promise<void> = Promise.resolve();
  #retry: { done: boolean } | null = null;
  #renewal: LoginRenewal | null = null;
  /** Where it is connected to, or tried last. */
  #place: Destination;

  constructor(owner: KeeperOwner) {
    this.#owner = owner;
    this.#place = owner.destinations.present;
    const { reconnect } = owner.settings;
    this.#backoff = reconnect === null ? null : new Backoff(reconnect);
  }

  /** Opens the connection, in one attempt. Rejects with a ParleyError, or with the reason given to `stop`. */
  open(): Promise<void> {
    const opening = this.#open();
    this.#opening = whenOver(opening);
    return opening;
  }

  /** Sees to another connection when the present one takes no requests any more. */
  lost(reason: ParleyError): void {
    this.connection = null;
    this.#renewal?.stop();
    if (this.#stopped) return;
    this.#owner.destinations.missed(this.#place);
    this.#backoff?.lost(performance.now());
    // A login that has ended is another one with other credentials.
    const isOver = reason.closeReason === CloseReason.REVOKED && this.#owner.credentials.renews;
    this.#again(reason, !isOver && isFinal(reason));
  }

  /** Opens nothing any more. Resolves when an attempt under way has ended. */
  stop(reason: unknown): Promise<void> {
    this.#stopped = true;
    if (this.#retry !== null) this.#retry.done = true;
    this.#renewal?.stop();
    this.#attempt?.abort(reason);
    return this.#opening;
  }

  #again(reason: ParleyError, final = isFinal(reason)): void {
    if (final) return this.#owner.gaveUp(this, reason, true);
    const nextMs = this.#backoff?.next(Math.random()) ?? null;
    // All clients of a server that stops are told within a short time.
    const isShutdown = reason.closeReason === CloseReason.SHUTDOWN;
    const delayMs = nextMs !== null && isShutdown
      ? Math.min(nextMs * SHUTDOWN_SPREAD, this.#owner.settings.reconnect!.maxMs)
      : nextMs;
    if (delayMs === null) return this.#owner.gaveUp(this, reason, false);
    const retry: Expirable & { done: boolean } = {
      done: false,
      deadlineMs: 0,
      expire: () => {
        retry.done = true;
        const opening = this.open().catch((thrown) => {
          if (this.#stopped) return;
          this.#owner.destinations.missed(this.#place);
          this.#again(ParleyError.from(thrown, ErrorCode.UNAVAILABLE));
        });
        detached(opening, "connect again");
      },
    };
    this.#retry = retry;
    this.#owner.timer.add(retry, delayMs);
  }

  /** One attempt: credentials, a transport, Hello and Welcome, all within the time for connecting. */
  async #open(): Promise<void> {
    const { destinations, settings, timer } = this.#owner;
    const { url } = this.#place = destinations.present;
    const attempt = this.#attempt = new AbortController();
    const deadline: Expirable & { done: boolean } = {
      done: false,
      deadlineMs: 0,
      expire: () => attempt.abort(tooLate(url, settings.connectTimeoutMs)),
    };
    timer.add(deadline, settings.connectTimeoutMs);
    try {
      const { signal } = attempt;
      const credentials = await unlessAborted(this.#owner.credentials.next(), signal);
      const transport = await this.#openTransport(signal);
      const connection = await this.#greet(transport, credentials, signal);
      if (this.#stopped || connection.state !== "open") {
        // Stopped meanwhile, or a farewell came in the same read as the Welcome.
        const reason = connection.leaveReason ?? closedMeanwhile(url);
        connection.end(reason);
        await connection.finished;
        throw refused(url, reason);
      }
      this.#backoff?.opened(performance.now());
      this.connection = connection;
      this.#renew(connection);
      this.#owner.opened(connection);
    } finally {
      deadline.done = true;
      this.#attempt = null;
    }
  }

  /** Renews the login of a connection before it ends, where that can be. */
  #renew(connection: ClientConnection): void {
    const { credentials, timer, settings, connectionOwner } = this.#owner;
    if (!credentials.renews) return;
    this.#renewal = new LoginRenewal(connection, {
      timer,
      timeoutMs: settings.connectTimeoutMs,
      next: () => credentials.next(),
      failed: (error) => connectionOwner.refused(error),
    });
  }

  /** Opens a transport, or rejects as soon as `signal` is aborted; one that comes too late is closed. */
  async #openTransport(signal: AbortSignal): Promise<Transport> {
    const { openTransport, settings } = this.#owner;
    const { url, target } = this.#place;
    const opening = openTransport(target, url, signal, settings.tls);
    try {
      return await unlessAborted(opening, signal);
    } catch (reason) {
      handled(opening.then((transport) => transport.close()));
      throw reason;
    }
  }

  /** Says Hello. A connection that is not welcome is ended. */
  async #greet(
    transport: Transport,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<ClientConnection> {
    const { connectionOwner, settings } = this.#owner;
    const { url } = this.#place;
    const connection = new ClientConnection(connectionOwner, transport);
    const giveUp = () => connection.end(ParleyError.from(signal.reason, ErrorCode.UNAVAILABLE));
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp);
    try {
      await connection.hello(credentials, settings.connectTimeoutMs);
      return connection;
    } catch (thrown) {
      const reason = ParleyError.from(thrown);
      connection.end(reason);
      await connection.finished;
      if (signal.aborted) throw signal.reason;
      throw refused(url, reason);
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }
}

/** What `promise` gives; rejects with the reason of `signal` as soon as that is aborted. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const given = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  handled(given);
  handled(promise);
  try {
    if (signal.aborted) throw signal.reason;
    return await Promise.race([promise, given]);
  } catch (reason) {
    throw signal.aborted ? signal.reason : reason;
  }
}

/** The refusal with the address, and everything else as it was. */
function refused(url: string, reason: ParleyError): ParleyError {
  const { code, message, retryable, accepted, closeReason } = reason;
  const text = message.includes(url) ? message : `cannot connect to ${url}: ${message}`;
  return new ParleyError(code, text, {
    retryable,
    accepted,
    closeReason,
    cause: reason,
  });
}

function tooLate(url: string, timeoutMs: number): ParleyError {
  return new ParleyError(
    ErrorCode.DEADLINE_EXCEEDED,
    `cannot connect to ${url}: no Welcome within ${timeoutMs} ms; is it the tcp or unix listener of a ` +
      "Parley server, and can this machine reach it?",
    { retryable: true },
  );
}

function closedMeanwhile(url: string): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot connect to ${url}: the client was closed meanwhile`,
  );
}
