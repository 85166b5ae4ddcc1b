/**
 * What a program may choose about a client, with the defaults, the bounds, and the client's own limits.
 *
 * Everything is checked once, here; the other files take settings as given. Times are in milliseconds
 * and end in `Ms`.
 */
import type { ParleyError } from "../base/errors.ts";
import { invalidArgument } from "./program_error.ts";

/**
 * How a client stands: `connecting` until the first connection is open, `connected` while at least one
 * of its pool is, `reconnecting` while none is, `closed` for good.
 */
export type ClientStatus = "connecting" | "connected" | "reconnecting" | "closed";

/** How a lost connection is opened again: after a random time that doubles with each attempt. */
export interface ReconnectOptions {
  /** The upper bound of the first delay. Default: 100. */
  minMs?: number;
  /** The upper bound of every delay. Default: 10,000. */
  maxMs?: number;
  /** After this many attempts in a row without success the client is closed. Default: Infinity. */
  attempts?: number;
}

/** What a client trusts and shows under TLS (`parleys://`, `wss://`); each is text in PEM. */
export interface TlsOptions {
  /** Authorities to trust besides those that the runtime does. */
  ca?: string;
  /** The client's own certificate, for servers that ask for one; with `key`. */
  cert?: string;
  /** The private key of `cert`. */
  key?: string;
}

/** Who a client says it is. */
export interface ClientCredentials {
  /** The user that the client is. */
  readonly user?: string;
  /** Its password. */
  readonly password?: string;
  /** A token or a JWT, instead of a password. */
  readonly token?: string;
}

/** The options of `connect`. */
export interface ConnectOptions {
  /** A name for the server's logs and lists, at most 64 bytes of UTF-8. Default: empty. */
  name?: string;
  /** The user that the client is. Default: that of the URL (`parley://user:password@host`), or none. */
  user?: string;
  /** The password of the user. Default: that of the URL. */
  password?: string;
  /** A token or a JWT, instead of a password; with it the user need not be named. */
  token?: string;
  /**
   * Gives user, password and token anew: asked with each attempt to connect, and again before the login ends, which then
   * goes on in the same connection. What it gives has to be of the same user. When it fails, an attempt to connect has failed,
   * and `onError` is told that a login was not renewed. Not together with `user`, `password` and `token`.
   */
  credentials?: () => ClientCredentials | Promise<ClientCredentials>;
  /** The number of connections, 1 to 1,024. A request goes to the one with the fewest in flight. Default: 1. */
  pool?: number;
  /** How long a request waits for its answer unless it says otherwise. Default: 10,000. */
  requestTimeoutMs?: number;
  /** How long one attempt to connect may take, up to the server's Welcome. Default: 5,000. */
  connectTimeoutMs?: number;
  /** Whether and how lost connections are opened again. `connect` itself tries once. Default: yes. */
  reconnect?: false | ReconnectOptions;
  /**
   * Whether the client goes to another server when the one that stops points to it, with its user and password or token;
   * never from TLS to a connection without. Servers that cannot be reached are passed over, and in the end there is
   * the URL of `connect` again. Default: false.
   */
  followHints?: boolean;
  /** Requests in flight on one connection; further ones wait for their turn. Default: 4,096. */
  maxInFlight?: number;
  /**
   * Whether `connect` waits for a server that is not there yet: `true` for as long as it takes, a number for so many
   * milliseconds. It tries again after pauses as in `reconnect`; refusals that would come again are final. Default: false.
   */
  wait?: boolean | number;
  /** What is trusted and shown under TLS. A runtime's WebSocket takes it in Deno only. */
  tls?: TlsOptions;
  /** Gives up connecting. Once `connect` has resolved it means nothing any more. */
  signal?: AbortSignal;
  /**
   * Told each change of the client's status, and the error that brought it about, if one did. Called
   * from a microtask of its own: what it throws is an uncaught error of the program.
   */
  onStatus?: (status: ClientStatus, reason?: ParleyError) => void;
  /**
   * Told the errors that no promise tells: refusals of what was published with `ack: false`, what callbacks
   * of subscriptions and handlers of services threw (as `cause`), answers that could not be sent, and
   * services that the server does not take again after a reconnect. Without it they go unheard, except
   * that what a callback threw is then an unhandled rejection, unless the program looks at the
   * subscription's `closed`. Called from a microtask of its own, like `onStatus`.
   */
  onError?: (error: ParleyError) => void;
}

/** The options of one request. */
export interface RequestOptions {
  /** How long the request waits for its answer. Default: `requestTimeoutMs` of the client. */
  timeoutMs?: number;
  /** Gives the request up: it rejects with the signal's reason. The server may carry it out all the same. */
  signal?: AbortSignal;
}

/** How reconnecting is done, with nothing left open. */
export interface ReconnectSettings {
  readonly minMs: number;
  readonly maxMs: number;
  readonly attempts: number;
}

/** The options with nothing left open. */
export interface Settings {
  readonly name: string;
  readonly pool: number;
  readonly requestTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly reconnect: ReconnectSettings | null;
  readonly maxInFlight: number;
  readonly followHints: boolean;
  readonly tls: Readonly<TlsOptions>;
}

/** The longest time that a timer can measure. */
const MAX_TIMEOUT_MS = 0x7fffffff;
const MAX_POOL = 1024;
const MAX_IN_FLIGHT = 1_048_576;

/** Past this many bytes that wait to leave on a connection, requests wait for their turn. */
export const OUTBOX_HIGH_WATER_BYTES: number = 1024 * 1024;
/** The largest message a client takes from its server: the server's own largest limit, and its stamps. */
export const MAX_INCOMING_BYTES: number = 64 * 1024 * 1024 + 4096;
/** The most requests that wait for a connection or their turn, over the whole client. */
export const MAX_WAITING_REQUESTS = 1_048_576;
/** The most bytes of such requests. */
export const MAX_WAITING_BYTES: number = 256 * 1024 * 1024;

/** Fills in the defaults. Raises INVALID_ARGUMENT for a value that is out of bounds. */
export function settingsOf(options: ConnectOptions): Settings {
  return {
    name: options.name ?? "",
    pool: checkInteger("pool", options.pool ?? 1, MAX_POOL),
    requestTimeoutMs: checkTimeout("requestTimeoutMs", options.requestTimeoutMs ?? 10_000),
    connectTimeoutMs: checkTimeout("connectTimeoutMs", options.connectTimeoutMs ?? 5_000),
    reconnect: options.reconnect === false ? null : reconnectOf(options.reconnect ?? {}),
    maxInFlight: checkInteger("maxInFlight", options.maxInFlight ?? 4096, MAX_IN_FLIGHT),
    followHints: options.followHints ?? false,
    tls: tlsOf(options.tls ?? {}),
  };
}

function tlsOf(options: TlsOptions): TlsOptions {
  if ((options.cert === undefined) !== (options.key === undefined)) {
    const missing = options.cert === undefined ? "cert" : "key";
    throw invalidArgument(`cannot use tls without ${missing}`, {
      accepted: "cert and key together, or neither",
    });
  }
  return { ...options };
}

/** Gives `value` back if it is a time that can be waited for. Raises INVALID_ARGUMENT otherwise. */
export function checkTimeout(name: string, value: number): number {
  if (value > 0 && value <= MAX_TIMEOUT_MS) return value;
  throw invalidArgument(`cannot use ${name} ${value}`, {
    accepted: `a number of milliseconds above 0 and up to ${MAX_TIMEOUT_MS}`,
  });
}

/** Fills in the defaults of `reconnect`. Raises INVALID_ARGUMENT for a value that is out of bounds. */
export function reconnectOf(options: ReconnectOptions): ReconnectSettings {
  const minMs = checkTimeout("reconnect.minMs", options.minMs ?? 100);
  const maxMs = checkTimeout("reconnect.maxMs", options.maxMs ?? Math.max(10_000, minMs));
  if (maxMs < minMs) {
    throw invalidArgument(`cannot use reconnect.maxMs ${maxMs}`, {
      accepted: `at least reconnect.minMs, ${minMs}`,
    });
  }
  const attempts = options.attempts ?? Infinity;
  if (attempts !== Infinity) checkInteger("reconnect.attempts", attempts, Number.MAX_SAFE_INTEGER);
  return { minMs, maxMs, attempts };
}

function checkInteger(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw invalidArgument(`cannot use ${name} ${value}`, {
    accepted: `an integer from 1 to ${most}`,
  });
}
