/**
 * What is where on the http listener: one table of routes, which docs/openapi.json describes.
 *
 * A path is fixed but for its names: `{name}` is one segment, `{name+}` all that follow. Pure.
 */
import { call, CALL_QUERY } from "./api/call.ts";
import { connectRoutes } from "./api/connect.ts";
import { events, EVENTS_QUERY } from "./api/events.ts";
import type { Run } from "./api/exchange.ts";
import { publish, PUBLISH_QUERY } from "./api/publish.ts";
import { pull, PULL_QUERY, push, PUSH_QUERY, settle } from "./api/queues.ts";

/** One route. */
export interface Route {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** The parameters that its query may have. */
  readonly query: readonly string[];
  readonly run: Run;
}

/** Everything that is answered beside WebSockets and the health. */
export const ROUTES: readonly Route[] = [
  { method: "POST", path: "/v1/publish/{topic}", query: PUBLISH_QUERY, run: publish },
  { method: "POST", path: "/v1/queues/{queue}", query: PUSH_QUERY, run: push },
  { method: "POST", path: "/v1/queues/{queue}/pull", query: PULL_QUERY, run: pull },
  { method: "POST", path: "/v1/queues/{queue}/settle", query: [], run: settle },
  { method: "POST", path: "/v1/call/{method+}", query: CALL_QUERY, run: call },
  { method: "GET", path: "/v1/events", query: EVENTS_QUERY, run: events },
  ...connectRoutes(),
];

/** A route that a path leads to, with the names in it. */
export interface Found {
  readonly routes: readonly Route[];
  readonly names: Readonly<Record<string, string>>;
}

/** The routes of a path, whatever their methods; null when there is none, or a name is not percent-encoded UTF-8. */
export function findRoutes(path: string): Found | null {
  for (const { pattern, routes } of PATTERNS) {
    const match = pattern.exec(path);
    if (match === null) continue;
    const names: Record<string, string> = {};
    try {
      for (const [name, text] of Object.entries(match.groups ?? {})) {
        names[name] = decodeURIComponent(text);
      }
    } catch {
      return null;
    }
    return { routes, names };
  }
  return null;
}

/** The routes by their paths. */
const PATTERNS = [...new Set(ROUTES.map(({ path }) => path))].map((path) => ({
  pattern: patternOf(path),
  routes: ROUTES.filter((route) => route.path === path),
}));

function patternOf(path: string): RegExp {
  const source = path.replace(/[.]/g, "\\.")
    .replace(/\{(\w+)\+\}/g, "(?<$1>.+)")
    .replace(/\{(\w+)\}/g, "(?<$1>[^/]+)");
  return new RegExp(`^${source}$`);
}
