/**
 * Posts jobs to their receivers, with node:http and node:https.
 *
 * Invariants: a name is resolved once for each request, all of its addresses are looked at, and the connection goes to one
 * of those, so that a name cannot point elsewhere in between; an address that may not be reached is refused; certificates
 * are checked, by the name of the URL; redirects are not followed; no request, with its answer, lasts longer than its
 * deadline, and no more than a part of an answer's body is read. Errors name no URL and nothing secret. Each request has a
 * connection of its own. Non-goals: what becomes of the job, and how many requests there are at once.
 */
import { lookup as systemLookup } from "node:dns";
import * as http from "node:http";
import * as https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { rootCertificates } from "node:tls";
import { VERSION } from "../../base/version.ts";
import type { WebhookAnswer, WebhookPoster, WebhookRequest } from "../../ports/webhooks.ts";
import { answerHeaders } from "../http/api/content.ts";
import { signatureOf } from "./signature.ts";

/** After its status, so much of an answer is read at most, and for so long: whoever sends it is not cut off at once. */
const MAX_ANSWER_BYTES = 16 * 1024;
const ANSWER_MS = 1000;
/** The longest Retry-After that is looked at. */
const MAX_RETRY_AFTER_CHARACTERS = 64;

/** An address of a name. */
interface Address {
  readonly address: string;
  readonly family: number;
}

/** Gives all addresses of a name; rejects when it has none. */
type Resolve = (hostname: string) => Promise<readonly Address[]>;

/** What a poster goes by. */
export interface HttpPosterOptions {
  /** How long a request may take until its answer. */
  readonly timeoutMs: number;
  /** Whether a receiver may be at an address. */
  mayReach(address: string): boolean;
  /** Authorities in PEM to trust besides those of the runtime; null for no others. */
  readonly ca: string | null;
  /** The machine's clock, in milliseconds since 1970. */
  wallMs(): number;
  /** Default: the system's. */
  readonly resolve?: Resolve;
}

/** Posts jobs. */
export class HttpPoster implements WebhookPoster {
  readonly #options: HttpPosterOptions;
  readonly #trusted: string[] | undefined;

  constructor(options: HttpPosterOptions) {
    this.#options = options;
    this.#trusted = options.ca === null ? undefined : [...rootCertificates, options.ca];
  }

  async post(request: WebhookRequest): Promise<WebhookAnswer> {
    const { timeoutMs } = this.#options;
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), timeoutMs);
    const signal = AbortSignal.any([request.signal, timeout.signal]);
    try {
      const url = new URL(request.url);
      const address = await unlessAborted(signal, this.#addressOf(url));
      return await this.#send(url, address, { request, signal });
    } catch (reason) {
      if (timeout.signal.aborted) {
        throw new Error(`there was no answer within ${timeoutMs} ms`, { cause: reason });
      }
      throw reason;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The address that a request goes to. */
  async #addressOf({ hostname }: URL): Promise<Address> {
    const host = hostname.replace(/^\[|\]$/g, "");
    const family = isIP(host);
    const { mayReach, resolve = resolveBySystem } = this.#options;
    const all = family === 0 ? await resolve(host) : [{ address: host, family }];
    if (all.length === 0) throw new Error("the name of the receiver has no address");
    // One that is not allowed is reason enough: nobody means both.
    const refused = all.find(({ address }) => !mayReach(address));
    if (refused === undefined) return all[0];
    throw new Error(
      `the receiver is at ${refused.address}, which is not a public address and not in webhooks.allow_addresses`,
    );
  }

  /** Sends the request, and gives the answer once its body was read, as far as it is. */
  #send(
    url: URL,
    { address, family }: Address,
    { request, signal }: { request: WebhookRequest; signal: AbortSignal },
  ): Promise<WebhookAnswer> {
    const isSecure = url.protocol === "https:";
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    const pinned: LookupFunction = (_hostname, options, found) =>
      options.all ? found(null, [{ address, family }]) : found(null, address, family);
    return new Promise<WebhookAnswer>((resolve, reject) => {
      const outgoing = (isSecure ? https : http).request({
        hostname,
        port: url.port === "" ? isSecure ? 443 : 80 : Number(url.port),
        path: `${url.pathname}${url.search}`,
        method: "POST",
        headers: { ...this.#headersOf(request), Host: url.host },
        agent: false,
        lookup: pinned,
        ...isSecure
          ? {
            ca: this.#trusted,
            rejectUnauthorized: true,
            servername: isIP(hostname) === 0 ? hostname : "",
          }
          : {},
      });
      const giveUp = () => {
        reject(new Error("the request was given up"));
        outgoing.destroy();
      };
      signal.addEventListener("abort", giveUp);
      outgoing.once("close", () => {
        signal.removeEventListener("abort", giveUp);
        reject(new Error("the connection was closed before there was an answer"));
      });
      outgoing.once("error", (error) => reject(new Error(reasonOf(error), { cause: error })));
      outgoing.once("response", (incoming) => {
        const answer = answerOf(incoming);
        const over = () => {
          clearTimeout(timer);
          resolve(answer);
          outgoing.destroy();
        };
        const timer = setTimeout(over, ANSWER_MS);
        let bytes = 0;
        incoming.on("data", ({ length }: Uint8Array) => {
          bytes += length;
          if (bytes > MAX_ANSWER_BYTES) over();
        });
        // The status is the answer, whatever becomes of the rest.
        incoming.once("end", over);
        incoming.once("error", over);
        incoming.once("close", over);
        signal.addEventListener("abort", over, { once: true });
      });
      if (signal.aborted) giveUp();
      else outgoing.end(request.body);
    });
  }

  #headersOf(request: WebhookRequest): Record<string, string> {
    const { id, body, secrets, queue, attempt, headers, type } = request;
    const seconds = Math.floor(this.#options.wallMs() / 1000);
    const signature = signatureOf({ id, seconds, body }, secrets);
    return {
      ...answerHeaders(headers, type),
      "User-Agent": `Parley/${VERSION}`,
      "Content-Length": `${body.length}`,
      "Parley-Queue": encodeURIComponent(queue),
      "Parley-Attempt": `${attempt}`,
      "webhook-id": id,
      "webhook-timestamp": `${seconds}`,
      ...signature === "" ? {} : { "webhook-signature": signature },
    };
  }
}

function answerOf({ statusCode = 0, headers }: http.IncomingMessage): WebhookAnswer {
  const retryAfter = headers["retry-after"] ?? "";
  const isShort = retryAfter.length <= MAX_RETRY_AFTER_CHARACTERS;
  return { status: statusCode, retryAfter: isShort ? retryAfter : "" };
}

/** Why there is no answer, without names of others. */
function reasonOf(error: Error & { code?: string }): string {
  const code = error.code ?? "";
  if (code === "ECONNREFUSED") return "the receiver refused the connection";
  if (code === "ECONNRESET" || code === "EPIPE") return "the receiver closed the connection";
  if (/CERT|TLS|SSL|self.?signed/i.test(`${code} ${error.message}`)) {
    return "the certificate of the receiver is not accepted, or TLS failed";
  }
  if (code.startsWith("HPE_")) return "the receiver answered with what is no HTTP";
  return `the receiver cannot be reached${/^\w+$/.test(code) ? `: ${code}` : ""}`;
}

function resolveBySystem(hostname: string): Promise<readonly Address[]> {
  return new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(new Error("the name of the receiver cannot be resolved", { cause: error }));
    });
  });
}

/** What `promise` gives; rejects when `signal` is aborted before. */
async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  let giveUp = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(new Error("the request was given up"));
    signal.addEventListener("abort", giveUp);
    if (signal.aborted) giveUp();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
