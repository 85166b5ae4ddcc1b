/**
 * The URLs that a program names: one, or those of several servers that act as one, in the order in which they are tried.
 */
import { invalidArgument } from "../base/errors.ts";
import { checkString } from "./arguments.ts";
import type { SplitUrl } from "./connection/credentials.ts";

/** The most URLs that a program names. */
const MAX_URLS = 64;

/** The URLs of one client, and which of them is tried first. */
export interface Places {
  readonly urls: readonly string[];
  readonly first: number;
}

/** The URLs that a program gave. Raises INVALID_ARGUMENT for what is none. */
export function urlsOf(given: string | readonly string[]): readonly string[] {
  const urls = Array.isArray(given) ? [...given as readonly string[]] : [given as string];
  if (urls.length === 0 || urls.length > MAX_URLS) {
    throw invalidArgument(`cannot connect to one of ${urls.length} servers`, {
      accepted: `1 to ${MAX_URLS} URLs of servers that act as one`,
    });
  }
  for (const url of urls) checkString(url, "connect to", "parley://localhost");
  return urls;
}

/** Raises INVALID_ARGUMENT when another URL names another user than the first does. */
export function checkSameUser(first: SplitUrl, other: SplitUrl): void {
  if (other.user === "" && other.password === "") return;
  if (other.user === first.user && other.password === first.password) return;
  throw invalidArgument(`cannot connect to ${other.url} as another user than to ${first.url}`, {
    accepted: "the same user in all URLs, or in the first alone",
  });
}
