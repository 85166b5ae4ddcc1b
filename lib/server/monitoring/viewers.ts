/**
 * Who may see what is inside of a server over HTTP: its metrics, and the reasons of its health.
 *
 * With users that is who has the permission `manage "server.metrics"`, by a token or a password. Without users it is
 * whoever asks from this very machine and not through a proxy; nobody from elsewhere, wherever the server listens.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { isLoopbackIp } from "../../base/ip_address.ts";
import { STRANGER } from "../../logic/access/access.ts";
import type { Identity } from "../../logic/access/accounts.ts";
import type { PageAnswer, PageRequest } from "../../ports/http_page.ts";
import type { Access } from "../../services/access/access.ts";
import type { Credentials } from "../../services/access/logins.ts";

/** The name that the permission `manage` is about. */
export const VIEWED = "server.metrics";

/** What proxies add to a request. */
const FORWARDED = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];
/** The names of this machine, with or without a port. */
const OWN_HOST = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})(?::\d{1,5})?$/i;

const TEXT = "text/plain; charset=utf-8";

/** Decides who may look. */
export class Viewers {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  /** The answer for one who may not look; null for one who may. */
  async refusal(request: PageRequest): Promise<PageAnswer | null> {
    let identity: Identity | null;
    try {
      identity = await this.#access.whoIs(credentialsOf(request.headers), request.address);
    } catch (reason) {
      if (!(reason instanceof ParleyError)) throw reason;
      return refusalFor(reason);
    }
    if (identity === null) return isFromHere(request) ? null : elsewhere();
    if (identity === STRANGER) return unknown("Say who you are, with a token or a password.");
    if (identity.permissions.may("manage", VIEWED)) return null;
    const who = identity.user === "" ? "Guests have" : "This user has";
    return { status: 403, type: TEXT, body: `${who} no permission manage "${VIEWED}".\n` };
  }
}

/** Whether a request comes from this machine, and not from somebody else through it. */
function isFromHere({ headers, address }: PageRequest): boolean {
  return isLoopbackIp(address) && OWN_HOST.test(headers["host"] ?? "localhost") &&
    FORWARDED.every((name) => headers[name] === undefined);
}

/** What the Authorization header says; null when there is none, or nothing that is understood. */
function credentialsOf(headers: PageRequest["headers"]): Credentials | null {
  const [, scheme, value] = /^(\S+) +(\S+)$/.exec(headers["authorization"] ?? "") ?? [];
  if (scheme === undefined) return null;
  if (scheme.toLowerCase() === "bearer") return { user: "", password: "", token: value };
  if (scheme.toLowerCase() !== "basic") return null;
  try {
    const bytes = Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const colon = text.indexOf(":");
    if (colon < 0) return null;
    return { user: text.slice(0, colon), password: text.slice(colon + 1), token: "" };
  } catch {
    return null;
  }
}

function refusalFor(error: ParleyError): PageAnswer {
  if (error.code === ErrorCode.UNAUTHENTICATED) {
    return unknown("The user, the password or the token is wrong.");
  }
  const status = error.code === ErrorCode.RESOURCE_EXHAUSTED ? 429 : 503;
  return { status, type: TEXT, body: `${error.message}\n` };
}

function unknown(text: string): PageAnswer {
  const headers = { "WWW-Authenticate": 'Basic realm="parley", charset="UTF-8", Bearer' };
  return { status: 401, type: TEXT, body: `${text}\n`, headers };
}

function elsewhere(): PageAnswer {
  const body =
    "This server has no users: what is inside of it is told to this machine alone, and not " +
    "through a proxy. Configure users to see it from elsewhere.\n";
  return { status: 403, type: TEXT, body };
}
