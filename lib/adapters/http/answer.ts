/**
 * Answers of the http listener that are no pages: short, plain, not to be kept, framed or guessed at.
 *
 * Pure.
 */

/** Goes with every answer: what a browser gets here, it may only show. */
const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};

/** The statuses that are given here. */
const PHRASES: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
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

/** The Connection header: it names Upgrade where that header stands (RFC 9110, 7.8). */
function connectionOf(headers: Answer["headers"], last: boolean): Record<string, string> {
  const options = [...("Upgrade" in headers ? ["Upgrade"] : []), ...(last ? ["close"] : [])];
  return options.length === 0 ? {} : { "Connection": options.join(", ") };
}

/** How an answer is sent. */
interface AnswerOptions {
  /** Whether the connection ends with it. Default: true. */
  readonly last?: boolean;
  /** Whether only the head was asked for. Default: false. */
  readonly head?: boolean;
}

/** The whole answer as it is sent. */
export function answerText(answer: Answer, options: AnswerOptions = {}): string {
  const { status, headers, body } = answer;
  const length = new TextEncoder().encode(body).length;
  const all = {
    ...HEADERS,
    ...headers,
    "Content-Length": `${length}`,
    ...connectionOf(headers, options.last ?? true),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const first = `HTTP/1.1 ${status} ${PHRASES[status] ?? "Status"}\r\n`;
  return `${first}${lines.join("")}\r\n${options.head ? "" : body}`;
}
