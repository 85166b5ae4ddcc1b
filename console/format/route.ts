/**
 * Links of the console: the part of the address behind `#`, to a path of parts and a query, and back. Pure.
 *
 * `#/queues/emails?state=dead`: names may hold any character, they are encoded in links and never taken for anything but
 * text.
 */

/** A place in the console. */
export interface Route {
  /** The parts of the path, decoded: the page first. */
  readonly path: readonly string[];
  /** What is chosen there: filters, order, what is open. */
  readonly query: Readonly<Record<string, string>>;
}

/** Reads what stands behind `#`. What cannot be decoded is taken as it is. */
export function parseRoute(hash: string): Route {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const parts = path.split("/").filter((part) => part !== "").map(decoded);
  return { path: parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The link to a place; what is empty in the query is left out. */
export function href(
  path: readonly string[],
  query: Readonly<Record<string, string>> = {},
): string {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  const text = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
