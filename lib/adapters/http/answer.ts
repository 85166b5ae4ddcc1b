/**
 * Answers of the http listener: short, not to be kept, framed or guessed at.
 *
 * Pure.
 */

/** Goes with every answer: what a browser gets here, it may only show. */
export const ALWAYS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};

/** The statuses that are given here. */
export const PHRASES: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** One answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** An answer of one line of text. */
export function plain(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Answer & { readonly body: string } {
  const type = { "Content-Type": "text/plain; charset=utf-8" };
  return { status, headers: { ...type, ...headers }, body: `${text}\n` };
}

/** The whole of an answer that ends its connection, for where node:http does not write it. */
export function answerText({ status, headers, body }: Answer & { readonly body: string }): string {
  const length = new TextEncoder().encode(body).length;
  // It names Upgrade where that header stands (RFC 9110, 7.8).
  const connection = "Upgrade" in headers ? "Upgrade, close" : "close";
  const all = { ...ALWAYS, ...headers, "Content-Length": `${length}`, "Connection": connection };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${PHRASES[status] ?? "Status"}\r\n${lines.join("")}\r\n${body}`;
}
