/**
 * Where a client connects to, read from a URL: `parley://host[:port]`, `parleys://host[:port]`, `unix:///path`, `ws://host[:port][/path]`
 * or `wss://…`.
 *
 * Pure. Everything that a URL could also say (users, queries, fragments) is refused rather than passed
 * over, so that it can get a meaning later without changing what old programs do.
 */
import { invalidArgument, type ParleyError } from "../../base/errors.ts";

/** The port of `parley://` URLs that name none. */
const DEFAULT_PORT = 7311;

/** The port of `parleys://` URLs that name none. */
const DEFAULT_TLS_PORT = 7314;

/** The usual port of the http listener, where WebSockets are. */
export const DEFAULT_HTTP_PORT = 7380;

/** The path of WebSocket URLs that name none. */
const DEFAULT_WEBSOCKET_PATH = "/ws";

/** A place that a socket connects to. */
export type SocketTarget =
  | { readonly kind: "tcp" | "tls"; readonly hostname: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** A place that a WebSocket connects to; `href` is the whole URL. */
export interface WebSocketTarget {
  readonly kind: "ws";
  readonly href: string;
  readonly hostname: string;
  readonly port: number;
}

/** Where to connect to. */
export type Target = SocketTarget | WebSocketTarget;

const ACCEPTED =
  `parley://host, parley://host:port (default ${DEFAULT_PORT}), parleys://host:port for TLS (default ` +
  `${DEFAULT_TLS_PORT}), unix:///path/to/socket, ` +
  `ws://host:port, wss://host (path ${DEFAULT_WEBSOCKET_PATH} unless said)`;

/**
 * Reads `url`.
 *
 * Raises INVALID_ARGUMENT for everything that is not a URL of a kind that this client can connect to.
 */
export function parseTarget(url: string): Target {
  if (url.startsWith("unix:")) return parseUnix(url);
  if (!url.includes("://")) {
    throw refusal(url, `it has no scheme; did you mean "parley://${url}"?`);
  }
  const isWebSocket = /^wss?:\/\//.test(url);
  const kind = url.startsWith("parleys://") ? "tls" : "tcp";
  if (!isWebSocket && kind === "tcp" && !url.startsWith("parley://")) {
    throw refusal(url, `the scheme "${url.slice(0, url.indexOf(":"))}" is not known`);
  }
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw refusal(url, "it is no valid URL");
  }
  if (parsed.hostname === "") throw refusal(url, "it names no host");
  if (parsed.username !== "" || parsed.password !== "") throw refusal(url, "it names a user");
  const goesOn = parsed.search !== "" || parsed.hash !== "";
  if (isWebSocket && goesOn) throw refusal(url, "it goes on after the path");
  if (isWebSocket) return webSocketTarget(url, parsed);
  if (goesOn || !["", "/"].includes(parsed.pathname)) {
    throw refusal(url, "it goes on after the port");
  }
  const usual = kind === "tls" ? DEFAULT_TLS_PORT : DEFAULT_PORT;
  const port = parsed.port === "" ? usual : Number(parsed.port);
  if (port === 0) throw refusal(url, "a port is a number from 1 to 65535");
  return { kind, hostname: hostnameOf(parsed), port };
}

/** The ports of these schemes are those of the web: what stands in front of a server listens there. */
function webSocketTarget(url: string, parsed: URL): WebSocketTarget {
  if (parsed.port === "0") throw refusal(url, "a port is a number from 1 to 65535");
  if (parsed.pathname === "/") parsed.pathname = DEFAULT_WEBSOCKET_PATH;
  const port = Number(parsed.port) || (parsed.protocol === "wss:" ? 443 : 80);
  return { kind: "ws", href: parsed.href, hostname: hostnameOf(parsed), port };
}

/** The host without the brackets of an IPv6 address. */
function hostnameOf(parsed: URL): string {
  return parsed.hostname.replace(/^\[(.*)\]$/, "$1");
}

function parseUnix(url: string): Target {
  const rest = url.slice("unix:".length);
  if (!rest.startsWith("///")) throw refusal(url, "it names no absolute path");
  let path: string;
  try {
    path = decodeURIComponent(rest.slice(2));
  } catch {
    throw refusal(url, "it is no valid URL: write a literal percent sign as %25");
  }
  if (path === "/" || path.includes("\0")) throw refusal(url, "it names no socket");
  return { kind: "unix", path };
}

function refusal(url: string, why: string): ParleyError {
  return invalidArgument(`cannot connect to ${JSON.stringify(url)}: ${why}`, {
    accepted: ACCEPTED,
  });
}
