/**
 * What the address says is shown: the part of it behind `#`, so that every link can be shared.
 */
/// <reference lib="dom" />
import { signal } from "@preact/signals";
import { href, parseRoute, type Route } from "./format/route.ts";

export { href };

/** Where the console is. */
export const route = signal<Route>(parseRoute(location.hash));

addEventListener("hashchange", () => route.value = parseRoute(location.hash));

/** Goes to a place, which the button Back leaves again. */
export function navigate(path: readonly string[], query: Readonly<Record<string, string>> = {}) {
  location.hash = href(path, query);
}

/** Changes some of the query; `replace` leaves no step for the button Back. An empty value takes the key out. */
export function setQuery(changes: Readonly<Record<string, string>>, replace = true): void {
  const { path, query } = route.value;
  const link = href(path, { ...query, ...changes });
  if (!replace) {
    location.hash = link;
    return;
  }
  history.replaceState(null, "", link);
  route.value = parseRoute(link);
}
