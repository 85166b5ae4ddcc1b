/**
 * Who a client says it is: taken from its options, from a function that gives it anew each time, or from the user part
 * of the URL, which is then shown to nobody.
 *
 * Pure. What is given as an option counts, whatever the URL says.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import type { ClientCredentials, ConnectOptions } from "../settings.ts";

/** What a Hello says of who the client is; each may be empty. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly token: string;
}

/** A client that says nothing. */
export const NO_CREDENTIALS: Credentials = Object.freeze({ user: "", password: "", token: "" });

/** Gives what a Hello says of who the client is. */
export interface CredentialSource {
  /** Whether what is given may be another one each time, so that a login can be renewed. */
  readonly renews: boolean;
  /** Rejects with UNAVAILABLE, retryable, when there are none now. */
  next(): Promise<Credentials>;
}

/** A URL without its user part, and what that said. */
export interface SplitUrl {
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

const USER_PART = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)([^/?#]*)@(.*)$/s;

/** Takes the user part out of a URL. Raises INVALID_ARGUMENT when it cannot be decoded. */
export function splitUserPart(given: string): SplitUrl {
  const found = USER_PART.exec(given);
  if (found === null) return { url: given, user: "", password: "" };
  const [, scheme, userPart, rest] = found;
  const url = scheme + rest;
  const colon = userPart.indexOf(":");
  const [user, password] = colon < 0
    ? [userPart, ""]
    : [userPart.slice(0, colon), userPart.slice(colon + 1)];
  try {
    return { url, user: decodeURIComponent(user), password: decodeURIComponent(password) };
  } catch {
    throw invalidArgument(
      `cannot connect to ${JSON.stringify(url)}: its user or password is not encoded as in URLs`,
      { accepted: "a literal percent sign as %25, or user and password as options" },
    );
  }
}

/** The credentials of options, and of a URL where those say nothing. */
export function credentialsOf(
  options: { readonly user?: string; readonly password?: string; readonly token?: string },
  url: SplitUrl,
): Credentials {
  const { user = url.user, token = "" } = options;
  const password = options.password ?? (token === "" && user === url.user ? url.password : "");
  return { user, password, token };
}

/** Where credentials come from. Raises INVALID_ARGUMENT when they are given twice. */
export function credentialSource(options: ConnectOptions, url: SplitUrl): CredentialSource {
  const ask = options.credentials;
  if (ask === undefined) {
    const fixed = Promise.resolve(credentialsOf(options, url));
    return { renews: false, next: () => fixed };
  }
  const { user, password, token } = options;
  if ([user, password, token].some((one) => one !== undefined) || url.user !== "") {
    throw invalidArgument("cannot use credentials together with user, password or token", {
      accepted: "one of them, and with credentials a URL without a user",
    });
  }
  return { renews: true, next: () => given(ask) };
}

async function given(
  ask: () => ClientCredentials | Promise<ClientCredentials>,
): Promise<Credentials> {
  try {
    const { user = "", password = "", token = "" } = await ask();
    return { user, password, token };
  } catch (cause) {
    throw new ParleyError(
      ErrorCode.UNAVAILABLE,
      "cannot say who the client is: credentials has failed",
      { retryable: true, cause },
    );
  }
}
