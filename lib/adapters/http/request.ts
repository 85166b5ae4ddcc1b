/**
 * What a request says before its body, as this server looks at it: its target taken apart, and what two readers could
 * understand differently refused. Parsing is node:http's business. Pure.
 */
import type { RequestHeaders } from "./api/content.ts";

/** The whole head of a request has at most this many bytes. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** The head of a request has at most this many headers. */
export const MAX_HEADERS = 100;

/** What is said to whoever speaks another version. */
export const OTHER_VERSION = "This server speaks HTTP/1.1, with lines that end in CRLF.";

/** The part of a request of node:http that is needed. */
interface Message {
  readonly method?: string;
  readonly url?: string;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  readonly rawHeaders: readonly string[];
}

/** The head of a request. */
export interface RequestHead {
  readonly method: string;
  /** The path that the target names, without a query; "*" for OPTIONS of nothing. */
  readonly path: string;
  /** Its query, without the question mark. */
  readonly query: string;
  /** Whether the client speaks HTTP/1.0: it need not name a host, and its connection becomes nothing else. */
  readonly isOld: boolean;
  /** By names in lower case; values of equal names are joined by commas. */
  readonly headers: RequestHeaders;
  /** Whether something follows that belongs to this request. */
  readonly hasBody: boolean;
}

/** Reads the head of a request; gives instead why it is refused, and with which status. */
export function headOf(message: Message): RequestHead | { status: number; refusal: string } {
  const { rawHeaders, method = "", url = "", httpVersionMajor, httpVersionMinor } = message;
  if (httpVersionMajor !== 1) return { status: 505, refusal: OTHER_VERSION };
  if (rawHeaders.length > 2 * MAX_HEADERS) {
    return { status: 431, refusal: `A request has at most ${MAX_HEADERS} headers.` };
  }
  // Without a prototype: a header may have any name.
  const headers: Record<string, string> = Object.create(null);
  const isOld = httpVersionMinor === 0;
  const counts = { host: 0, origin: 0, authorization: 0 };
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index].toLowerCase();
    const value = rawHeaders[index + 1];
    if (name === "host" || name === "origin" || name === "authorization") counts[name]++;
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  const { host, origin, authorization } = counts;
  if (host > 1 || host === 0 && !isOld || origin > 1 || authorization > 1) {
    return {
      status: 400,
      refusal:
        "A request has one Host header, and at most one Origin and one Authorization header.",
    };
  }
  const coding = headers["transfer-encoding"];
  if (coding !== undefined && coding.toLowerCase() !== "chunked") {
    return { status: 501, refusal: "The only Transfer-Encoding that is known here is chunked." };
  }
  const target = targetOf(method, url);
  if (target === null) {
    return { status: 400, refusal: "The target of the request is neither a path nor a URL." };
  }
  if (target.host !== null) headers["host"] = target.host;
  const question = target.rest.indexOf("?");
  return {
    method,
    path: question < 0 ? target.rest : target.rest.slice(0, question),
    query: question < 0 ? "" : target.rest.slice(question + 1),
    isOld,
    headers,
    hasBody: "transfer-encoding" in headers || (headers["content-length"] ?? "0") !== "0",
  };
}

/**
 * The path and query that a target names, and the host where it names one, which then counts instead of the header
 * (RFC 9112, 3.2.2); null for what is neither a path nor a URL.
 */
function targetOf(method: string, url: string): { host: string | null; rest: string } | null {
  if (url.startsWith("/")) return { host: null, rest: url };
  const match = /^https?:\/\/([^/?#@]+)([/?].*)?$/i.exec(url);
  if (match !== null) {
    const [, host, rest = "/"] = match;
    return { host, rest: rest.startsWith("?") ? `/${rest}` : rest };
  }
  return method === "OPTIONS" && url === "*" ? { host: null, rest: url } : null;
}
