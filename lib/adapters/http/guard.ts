/**
 * Which requests a browser may have sent on whose behalf: the Host and Origin checks of the http listener.
 *
 * Host: a listener that only this machine reaches answers to names of this machine alone. A page whose
 * name was made to point here (DNS rebinding) would otherwise count as the server's own. Origin: a page
 * may connect when the server itself gave it, or when its origin is configured. Programs that are no
 * browsers send no Origin, and pass. Pure; nothing here says who a user is.
 */

/** What the checks compare with. */
export interface HttpGuardOptions {
  /** Whether only this machine reaches the listener. */
  readonly loopback: boolean;
  /** Further host names that requests may name, without a port. */
  readonly hosts: readonly string[];
  /** Origins whose pages may connect, as `checkOrigin` takes them; `*` is every one. */
  readonly origins: readonly string[];
}

/** The header fields that are looked at. */
interface GuardedHeaders {
  readonly host?: string;
  readonly origin?: string;
}

/**
 * Says why a request is refused, and what to configure; null when it may pass. A request of HTTP/1.0 need
 * not name a host: no browser sends such a one.
 */
export function refusalOf(
  headers: GuardedHeaders,
  options: HttpGuardOptions,
  isOld = false,
): string | null {
  if (isOld && headers.host === undefined && headers.origin === undefined) return null;
  const host = parseHost(headers.host ?? "");
  if (host === null) return "The Host header of the request is missing or malformed.";
  if ((options.loopback || options.hosts.length > 0) && !isKnownHost(host.hostname, options)) {
    return `Requests to the host ${host.hostname} are not answered. If this server is meant, add the ` +
      "name to listen.hosts.";
  }
  if (headers.origin === undefined || options.origins.includes("*")) return null;
  const origin = normalOrigin(headers.origin);
  if (origin === null) return "The Origin header of the request names no origin.";
  if (isSameHost(origin, headers.host ?? "")) return null;
  if (options.origins.some((allowed) => normalOrigin(allowed) === origin)) return null;
  return `Pages of ${origin} may not connect. If they should, add "${origin}" to listen.origins.`;
}

function isKnownHost(hostname: string, options: HttpGuardOptions): boolean {
  return isOfThisMachine(hostname) ||
    options.hosts.some((known) => known.toLowerCase() === hostname);
}

function isOfThisMachine(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** What a proxy says of whom it asks for. */
const RELAY_HEADERS = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/** Whether a request seems to come through a proxy: then the address of its connection is not the client's. */
export function isRelayed(headers: Readonly<Record<string, string>>): boolean {
  if (RELAY_HEADERS.some((name) => name in headers)) return true;
  const host = parseHost(headers["host"] ?? "localhost");
  return host === null || !isOfThisMachine(host.hostname);
}

/** Whether a page of `origin` is another's than the server itself, which is asked as `host`. */
export function isForeign(origin: string, host: string): boolean {
  const normal = normalOrigin(origin);
  return normal === null || !isSameHost(normal, host);
}

/** A page counts as the server's own when its origin has the very host and port that it asks. */
function isSameHost(origin: string, host: string): boolean {
  const scheme = /^https?:/.exec(origin)?.[0];
  if (scheme === undefined) return false;
  try {
    return new URL(origin).host === new URL(`${scheme}//${host}`).host;
  } catch {
    return false;
  }
}

/** Takes a Host header apart: a name, an address, or an IPv6 address in brackets, with or without a port. */
function parseHost(text: string): { hostname: string } | null {
  const match = /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(text);
  return match === null ? null : { hostname: match[1].toLowerCase() };
}

/** An origin as browsers write it, without a port that its scheme implies; null when it is none. */
function normalOrigin(text: string): string | null {
  const lower = text.toLowerCase();
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@,"\\]+$/.test(lower)) return null;
  if (!/^https?:/.test(lower)) return lower;
  try {
    return new URL(lower).origin;
  } catch {
    return null;
  }
}

/** Raises when `text` is nothing that listen.origins takes. */
export function checkOrigin(text: string): void {
  if (text === "*" || normalOrigin(text) !== null) return;
  throw new Error(
    `${
      JSON.stringify(text)
    } is not an origin; write "https://app.example.com", with a port if there ` +
      'is one and without a path, or "*" for every origin',
  );
}

/** Raises when `text` is nothing that listen.hosts takes. */
export function checkHost(text: string): void {
  if (/^(\[[0-9a-f:.]+\]|[\w.-]+)$/i.test(text)) return;
  throw new Error(
    `${
      JSON.stringify(text)
    } is not a host name; write "parley.example.com", without a scheme or a port`,
  );
}
