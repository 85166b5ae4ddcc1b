/**
 * The head of an HTTP/1.1 request, read strictly: what two parsers could read differently is refused.
 *
 * Lines end in CRLF and nothing else, no line goes on in the next one, no space stands before a colon, and
 * the bytes are those that the grammar of RFC 9112 has. A target may name the host (absolute-form), which
 * then counts instead of the Host header (RFC 9112, 3.2.2). Bodies are not read. Pure: bytes in, head out.
 */

/** The whole head of a request has at most this many bytes. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** The head of a request has at most this many headers. */
export const MAX_HEADERS = 100;
/** How many empty lines may stand before a request (RFC 9112, 2.2, asks for one at least). */
export const MAX_EMPTY_LINES = 4;

/** A request that is none, with the status to answer. */
export class HttpFault extends Error {
  override readonly name = "HttpFault";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What a request says before its body. */
export interface RequestHead {
  readonly method: string;
  /** What stands in the first line: a path, most often. */
  readonly target: string;
  /** The path that the target names, without a query. */
  readonly path: string;
  /** Whether the client speaks HTTP/1.0: it need not name a host, and its connection becomes nothing else. */
  readonly isOld: boolean;
  /** Whether the connection may be used for another request, as far as the client is concerned. */
  readonly keepAlive: boolean;
  /** Whether something follows that belongs to this request. */
  readonly hasBody: boolean;
  /** By names in lower case; values of equal names are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** How often a header was given. */
  count(name: string): number;
}

const decoder = new TextDecoder("latin1", { ignoreBOM: true });
const NO_HTTP = "This is no HTTP request. For Parley's own protocol use the tcp listener.";

/**
 * How many of the first `length` bytes are empty lines before a request, `before` bytes of which have been
 * dropped already. Raises HttpFault past `MAX_EMPTY_LINES` in all.
 */
export function emptyLines(bytes: Uint8Array, length: number, before: number): number {
  let at = 0;
  while (at + 1 < length && bytes[at] === 13 && bytes[at + 1] === 10) at += 2;
  if (before + at > 2 * MAX_EMPTY_LINES) throw new HttpFault(400, NO_HTTP);
  return at;
}

/**
 * Where the head ends that begins at 0: behind the empty line; 0 when it is not whole yet. Of the `length`
 * bytes the first `looked` have been looked at before. Raises HttpFault as soon as what has come can never
 * be a head.
 */
export function headEnd(bytes: Uint8Array, length: number, looked: number): number {
  // A method begins it: whoever speaks another protocol is told at once.
  const first = bytes[0];
  if (length > 0 && !isUpperCase(first) && !(first === 13 && length === 1)) {
    throw new HttpFault(400, NO_HTTP);
  }
  for (let at = Math.max(0, looked - 3); at + 3 < length; at++) {
    if (bytes[at] !== 13) continue;
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at + 4;
  }
  if (length >= MAX_HEAD_BYTES) {
    throw new HttpFault(431, `The head of a request has at most ${MAX_HEAD_BYTES} bytes.`);
  }
  return 0;
}

/** Reads a whole head, with its empty line. Raises HttpFault. */
export function parseHead(bytes: Uint8Array): RequestHead {
  const [first, ...lines] = decoder.decode(bytes.subarray(0, bytes.length - 4)).split("\r\n");
  const match = /^([A-Z]{1,16}) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/.exec(first);
  if (match === null) throw new HttpFault(400, NO_HTTP);
  const [, method, target, major, minor] = match;
  if (major !== "1") throw new HttpFault(505, "This server speaks HTTP/1.1.");
  if (lines.length > MAX_HEADERS) {
    throw new HttpFault(431, `A request has at most ${MAX_HEADERS} headers.`);
  }
  const values = new Map<string, string[]>();
  for (const line of lines) {
    const header = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(
      line,
    );
    if (header === null) throw new HttpFault(400, "A header of the request is malformed.");
    const name = header[1].toLowerCase();
    const given = values.get(name);
    if (given === undefined) values.set(name, [header[2]]);
    else given.push(header[2]);
  }
  // Without a prototype: a header may have any name.
  const headers: Record<string, string> = Object.create(null);
  for (const [name, given] of values) headers[name] = given.join(", ");
  const { host, path } = parseTarget(method, target);
  if (host !== null) headers["host"] = host;
  return {
    method,
    target,
    path,
    isOld: minor === "0",
    keepAlive: minor !== "0" && !/\bclose\b/i.test(headers["connection"] ?? ""),
    hasBody: values.has("content-length") || values.has("transfer-encoding"),
    headers,
    count: (name) => values.get(name)?.length ?? 0,
  };
}

/**
 * The path that a target names, and the host where it names one: a path (origin-form), a URL
 * (absolute-form), or what CONNECT and OPTIONS may have instead, which stand for themselves.
 */
function parseTarget(method: string, target: string): { host: string | null; path: string } {
  if (target.startsWith("/")) return { host: null, path: withoutQuery(target) };
  const url = /^https?:\/\/([^/?#@]+)([/?].*)?$/i.exec(target);
  if (url !== null) {
    const [, host, rest = "/"] = url;
    return { host, path: withoutQuery(rest.startsWith("?") ? `/${rest}` : rest) };
  }
  if (method !== "CONNECT" && !(method === "OPTIONS" && target === "*")) {
    throw new HttpFault(400, "The target of the request is neither a path nor a URL.");
  }
  return { host: null, path: target };
}

function withoutQuery(path: string): string {
  return path.split("?", 1)[0];
}

/** Whether the request asks for another protocol on its connection; one of HTTP/1.0 cannot. */
export function isUpgrade(head: RequestHead): boolean {
  if (head.isOld) return false;
  const options = (head.headers["connection"] ?? "").split(",").map((each) => each.trim());
  return head.count("upgrade") > 0 && options.some((each) => each.toLowerCase() === "upgrade");
}

function isUpperCase(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}
