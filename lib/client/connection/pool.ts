/**
 * The connections of a client, and the requests that wait for them.
 *
 * A request goes to the connection with the fewest in flight; when none has room, or none is open, it
 * waits its turn until its deadline. Every request is settled exactly once. Requests are never repeated:
 * one that was in flight when its connection was lost may have been carried out, and only the program
 * knows whether asking twice does harm.
 */
import { detached } from "../../base/detached.ts";
import { assert, ErrorCode, ParleyError } from "../../base/errors.ts";
import type { Welcome } from "../../gen/parley/v1/session_pb.ts";
import { BufferPool } from "../../wire/buffer_pool.ts";
import { OutboxBudget } from "../../wire/outbox_budget.ts";
import type { ReadAnswer } from "./answers.ts";
import type { ClientConnection, ConnectionOwner } from "./client_connection.ts";
import { ConnectionKeeper, type KeeperOwner } from "./keeper.ts";
import type { Expirable } from "./deadline_queue.ts";
import { DeadlineTimer } from "./deadline_timer.ts";
import type { HandlerTable } from "./message_handlers.ts";
import { PendingRequest } from "./pending_request.ts";
import { closed, over, unanswered } from "./pool_ends.ts";
import {
  checkTimeout,
  type ClientStatus,
  type ConnectOptions,
  MAX_WAITING_BYTES,
  MAX_WAITING_REQUESTS,
  OUTBOX_HIGH_WATER_BYTES,
  type RequestOptions,
  type Settings,
  settingsOf,
} from "../settings.ts";
import { rejectForProgram, told } from "../program_error.ts";
import type { OpenTransport } from "../transport/transport.ts";
import { checkSameUser, type Places } from "../places.ts";
import { parseTarget } from "../transport/url.ts";
import { Destinations } from "./destinations.ts";
import { type CredentialSource, credentialSource, splitUserPart } from "./credentials.ts";
import { WaitingRequests } from "./waiting_requests.ts";

/** What is special about a request. */
export interface RequestKind {
  /** Whether the request goes to the first connection, in the order of asking: it must not be overtaken. */
  ordered?: boolean;
  /** Whether the request goes to the first connection, before all that wait for that one: they may depend on it. */
  first?: boolean;
  /** The server answers only to refuse it: it resolves with undefined as soon as there was room to send it. */
  unanswered?: boolean;
  /**
   * The only connection that the request may go to: it goes there at once, even when that is full or draining.
   * For what only this connection can say, and what is bounded by something else.
   */
  on?: ClientConnection;
  /** Whether the server is told when the request is given up, so that it can tell others. */
  cancels?: boolean;
}

/** Whom a pool tells. */
interface PoolOwner {
  /** Opens connections, with what the runtime has. */
  readonly openTransport: OpenTransport;
  /** Get the messages that answer no request. */
  readonly handlers: HandlerTable<ClientConnection>;
  /** The first connection is open, or another one has taken its place; told each time. */
  opened(connection: ClientConnection): void;
  /** The server refused something that nobody waits for an answer to. */
  refused(error: ParleyError): void;
  /** A connection takes no new requests; it ends when nothing is under way on it. */
  draining(connection: ClientConnection): void;
  /** A connection is over. */
  ended(connection: ClientConnection): void;
  /** Told that there will be no connection any more. */
  failed(reason: ParleyError): void;
}

/** All connections of one client. */
export class ConnectionPool {
  /** The first of the URLs, without the user part. */
  readonly url: string;
  readonly #settings: Settings;
  readonly #onStatus: ConnectOptions["onStatus"];
  readonly #timer = new DeadlineTimer();
  readonly #waiting = new WaitingRequests(MAX_WAITING_REQUESTS, MAX_WAITING_BYTES);
  /** Requests that only the first connection may carry. */
  readonly #waitingInOrder = new WaitingRequests(MAX_WAITING_REQUESTS, MAX_WAITING_BYTES);
  /** Requests that the first connection carries before all others. */
  readonly #waitingFirst = new WaitingRequests(MAX_WAITING_REQUESTS, MAX_WAITING_BYTES);
  readonly #allWaiting = [this.#waitingFirst, this.#waitingInOrder, this.#waiting];
  readonly #owner: PoolOwner;
  /** The keepers that have not given up. */
  readonly #keepers: ConnectionKeeper[] = [];
  /** Every connection that is not over, draining ones too. */
  readonly #connections = new Set<ClientConnection>();
  readonly #credentials: CredentialSource;
  #status: ClientStatus = "connecting";
  #welcome: Welcome | null = null;
  /** Why no request is taken any more. */
  #failure: ParleyError | null = null;
  #closing: Promise<void> | null = null;

  /** Connects to the place at `first` of those given. Raises INVALID_ARGUMENT for a URL or option. */
  constructor(given: Places, options: ConnectOptions, owner: PoolOwner) {
    const [split, ...others] = given.urls.map(splitUserPart);
    for (const other of others) checkSameUser(split, other);
    this.url = split.url;
    this.#credentials = credentialSource(options, split);
    this.#owner = owner;
    this.#settings = settingsOf(options);
    this.#onStatus = options.onStatus;
    const own = [split, ...others].map(({ url }) => ({ url, target: parseTarget(url) }));
    const destinations = new Destinations(own, this.#settings.followHints, given.first);
    const keeperOwner = this.#keeperOwner(destinations);
    for (let index = 0; index < this.#settings.pool; index++) {
      this.#keepers.push(new ConnectionKeeper(keeperOwner));
    }
  }

  /** Opens every connection, in one attempt. Rejects when one of them cannot be opened; none is left then. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const giveUp = () => this.#abandonAlone(signal?.reason);
    signal?.addEventListener("abort", giveUp);
    try {
      await Promise.all(this.#keepers.map((keeper) => keeper.open()));
      if (this.#failure !== null) throw this.#failure;
      this.#setStatus(this.#anyOpen ? "connected" : "reconnecting");
    } catch (reason) {
      await this.#abandon(reason);
      throw signal?.aborted ? signal.reason : reason;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** How the client stands. */
  get status(): ClientStatus {
    return this.#status;
  }

  /** The last Welcome. */
  get welcome(): Welcome {
    assert(this.#welcome !== null, "a client has been welcomed");
    return this.#welcome;
  }

  /** The connection that carries subscriptions, services and whatever has an order; null while it is lost. */
  get first(): ClientConnection | null {
    return this.#keepers[0]?.connection ?? null;
  }

  /** The client's timer. */
  get timer(): DeadlineTimer {
    return this.#timer;
  }

  /** How long a request waits for its answer unless it says otherwise. */
  get requestTimeoutMs(): number {
    return this.#settings.requestTimeoutMs;
  }

  /**
   * Sends what `encode` gives, and resolves with what `read` makes of the answer. Everything that is wrong,
   * also what `encode` raises, rejects.
   */
  submit<T>(
    encode: () => Uint8Array,
    read: ReadAnswer<T>,
    options: RequestOptions | undefined,
    kind: RequestKind = {},
  ): Promise<T> {
    // Not an async function: that would cost a third of what a connection can carry.
    return this.#submit(encode, read, options, kind).then(undefined, rejectForProgram);
  }

  #submit<T>(
    encode: () => Uint8Array,
    read: ReadAnswer<T>,
    options: RequestOptions | undefined,
    kind: RequestKind,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const signal = options?.signal;
      const only = kind.on;
      const refusal = only === undefined ? this.#failure : over(only);
      if (refusal !== null) throw refusal;
      signal?.throwIfAborted();
      const timeoutMs = options?.timeoutMs === undefined
        ? this.#settings.requestTimeoutMs
        : checkTimeout("timeoutMs", options.timeoutMs);
      const request = new PendingRequest(encode(), read, timeoutMs, signal)
        .settles(resolve as (value: unknown) => void, reject);
      request.cancels = kind.cancels === true;
      request.wantsAnswer = kind.unanswered !== true;
      const onFirst = kind.ordered === true || kind.first === true;
      const waiting = kind.first
        ? this.#waitingFirst
        : kind.ordered
        ? this.#waitingInOrder
        : this.#waiting;
      const connection = only ?? (waiting.count > 0 ? null : this.#choose(onFirst));
      if (connection !== null) connection.send(request);
      else waiting.push(request);
      if (!request.done) this.#timer.add(request, timeoutMs);
    });
  }

  /** Takes no new requests, waits for the answers under way, within bounds, and closes. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Whether any connection takes requests. */
  get #anyOpen(): boolean {
    return this.#keepers.some((keeper) => keeper.connection !== null);
  }

  /** The first connection, or the one with the fewest requests in flight; null when there is no room. */
  #choose(onFirst: boolean): ClientConnection | null {
    if (onFirst) return this.first?.ready ? this.first : null;
    let best: ClientConnection | null = null;
    for (const { connection } of this.#keepers) {
      if (connection === null || !connection.ready) continue;
      if (best === null || connection.inFlight < best.inFlight) best = connection;
    }
    return best;
  }

  /** Sends what waits, as far as there is room. */
  #sendWaiting(): void {
    this.#sendFrom(this.#waitingFirst, true);
    this.#sendFrom(this.#waitingInOrder, true);
    this.#sendFrom(this.#waiting, false);
  }

  #sendFrom(waiting: WaitingRequests, onFirst: boolean): void {
    while (waiting.count > 0) {
      const connection = this.#choose(onFirst);
      if (connection === null) return;
      const request = waiting.shift();
      if (request !== undefined) connection.send(request);
    }
  }

  /** Rejects those who wait for a connection that there will not be, once none is opened any more. */
  #rejectStranded(reason: unknown): void {
    if (this.first === null) {
      this.#waitingFirst.rejectAll(reason);
      this.#waitingInOrder.rejectAll(reason);
    }
    if (!this.#anyOpen) this.#waiting.rejectAll(reason);
  }

  #keeperOwner(destinations: Destinations): KeeperOwner {
    const connectionOwner: ConnectionOwner = {
      url: this.url,
      clientName: this.#settings.name,
      maxInFlight: this.#settings.maxInFlight,
      timer: this.#timer,
      buffers: new BufferPool(),
      budget: new OutboxBudget(2 * OUTBOX_HIGH_WATER_BYTES * this.#settings.pool),
      handlers: this.#owner.handlers,
      refused: (error) => this.#owner.refused(error),
      hasRoom: () => this.#sendWaiting(),
      draining: (connection, reason) => {
        destinations.hinted(reason.goTo);
        this.#lost(connection, reason);
        this.#owner.draining(connection);
      },
      ended: (connection, reason) => {
        this.#lost(connection, reason);
        this.#owner.ended(connection);
      },
    };
    return {
      destinations,
      settings: this.#settings,
      timer: this.#timer,
      credentials: this.#credentials,
      openTransport: this.#owner.openTransport,
      connectionOwner,
      opened: (connection) => this.#opened(connection),
      gaveUp: (keeper, reason, final) => this.#gaveUp(keeper, reason, final),
    };
  }

  #opened(connection: ClientConnection): void {
    this.#connections.add(connection);
    const gone = connection.finished.then(() => this.#connections.delete(connection));
    detached(gone, "let go of a connection");
    this.#welcome = connection.welcome;
    if (this.#status === "reconnecting") this.#setStatus("connected");
    if (connection === this.first) this.#owner.opened(connection);
    this.#sendWaiting();
  }

  /** A keeper opens nothing any more. Without the first, the next one that is left takes its place. */
  #gaveUp(keeper: ConnectionKeeper, reason: ParleyError, final: boolean): void {
    if (final || this.#keepers.length === 1) return this.#fail(reason);
    const at = this.#keepers.indexOf(keeper);
    this.#keepers.splice(at, 1);
    if (at > 0 || this.first === null) return;
    this.#owner.opened(this.first);
    this.#sendWaiting();
  }

  /** A connection takes no requests any more. */
  #lost(connection: ClientConnection, reason: ParleyError): void {
    const keeper = this.#keepers.find((each) => each.connection === connection);
    if (keeper === undefined) return;
    keeper.connection = null;
    if (this.#failure !== null) {
      this.#rejectStranded(this.#failure);
      return;
    }
    if (!this.#anyOpen && this.#status === "connected") this.#setStatus("reconnecting", reason);
    keeper.lost(reason);
  }

  /** The server will not have this client, or cannot be reached any more: nothing is left to wait for. */
  #fail(reason: ParleyError): void {
    if (this.#failure !== null) return;
    this.#failure = reason;
    this.#setStatus("closed", reason);
    this.#owner.failed(reason);
    detached(this.#giveUp(reason), "end what is left of a client");
  }

  /** Sends nothing more, for `reason`; what a server that stops has been asked is still answered. */
  async #giveUp(reason: ParleyError): Promise<void> {
    const stopping = this.#keepers.map((keeper) => keeper.stop(reason));
    const connections = [...this.#connections];
    for (const connection of connections) {
      if (connection.state !== "draining") connection.end(reason);
    }
    for (const waiting of this.#allWaiting) waiting.rejectAll(reason);
    await Promise.all([...stopping, ...connections.map((connection) => connection.finished)]);
    this.#timer.close();
  }

  async #close(): Promise<void> {
    const reason = closed(this.url);
    this.#failure ??= reason;
    const stopping = this.#keepers.map((keeper) => keeper.stop(reason));
    const late: Expirable & { done: boolean } = {
      done: false,
      deadlineMs: 0,
      expire: () => this.#abandonAlone(unanswered(this.url, this.#settings.requestTimeoutMs)),
    };
    this.#timer.add(late, this.#settings.requestTimeoutMs);
    this.#rejectStranded(this.#failure);
    await Promise.all(this.#allWaiting.map((waiting) => waiting.whenEmpty()));
    const connections = [...this.#connections];
    for (const connection of connections) connection.drain(reason);
    await Promise.all([...stopping, ...connections.map((connection) => connection.finished)]);
    late.done = true;
    this.#timer.close();
    this.#setStatus("closed");
  }

  /** Ends everything at once, for `reason`, where nobody waits for the end. */
  #abandonAlone(reason: unknown): void {
    detached(this.#abandon(reason), "end all connections");
  }

  /** Ends everything at once, for `reason`. */
  async #abandon(reason: unknown): Promise<void> {
    const error = ParleyError.from(reason, ErrorCode.UNAVAILABLE);
    this.#failure ??= error;
    const stopping = this.#keepers.map((keeper) => keeper.stop(reason));
    const connections = [...this.#connections];
    for (const connection of connections) connection.end(error);
    for (const waiting of this.#allWaiting) waiting.rejectAll(error);
    this.#timer.close();
    await Promise.all([...stopping, ...connections.map((connection) => connection.finished)]);
  }

  #setStatus(status: ClientStatus, reason?: ParleyError): void {
    if (this.#status === status || this.#status === "closed") return;
    this.#status = status;
    const onStatus = this.#onStatus;
    if (onStatus !== undefined) queueMicrotask(() => onStatus(status, reason && told(reason)));
  }
}
