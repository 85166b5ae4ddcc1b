/**
 * Answers of the http listener that are no pages: short, plain, not to be kept, framed or guessed at.
 *
 * Pure. `answerText` writes an answer out by itself, for connections that have no response object
 * because what they sent was no whole request, or was to become something else.
 */
import { STATUS_CODES } from "node:http";

/** Goes with every answer: what a browser gets here, it may only show. */
export const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};

/** One answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An answer of one line of text. */
export function plain(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const type = { "Content-Type": "text/plain; charset=utf-8" };
  return { status, headers: { ...type, ...headers }, body: `${text}\n` };
}

/** The whole answer as it is sent, with the end of the connection announced. */
export function answerText({ status, headers, body }: Answer): string {
  const length = new TextEncoder().encode(body).length;
  const all = { ...HEADERS, ...headers, "Content-Length": `${length}`, "Connection": "close" };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${body}`;
}
