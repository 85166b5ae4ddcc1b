/**
 * The Parley client for TypeScript and JavaScript, on Deno, Node and in browsers.
 *
 * ```ts
 * await using client = await connect("parley://localhost");
 * console.log(await client.echo("Hello, World!"), await client.add(-5, 3));
 * ```
 *
 * @module
 */
import { Client } from "./client.ts";
import type { ConnectOptions } from "./settings.ts";
import { openTransport } from "./transport/open.ts";

export * from "./exports.ts";

/**
 * Connects to the server at `url`: `parley://host`, `parley://host:port` (7311 unless said),
 * `parleys://host:port` for TLS (7314 unless said; `options.tls` says what is trusted and shown), `unix:///path/to/socket`, or `ws://host:port` and `wss://host` (path `/ws` unless said), which is what
 * browsers can open.
 *
 * Several URLs are those of servers that act as one (a cluster): they are tried in their order until one takes the client, and
 * when that one is lost, or stops, the client goes on at the next. Give them in another order to each client to spread
 * these. A user in the first counts for all.
 *
 * It resolves when every connection of the pool has had its Welcome. It tries each once: a server that cannot
 * be reached at the start is most often an address that is wrong. Connections that are lost later are
 * opened again as `options.reconnect` says, and requests wait meanwhile.
 *
 * Rejects with a ParleyError: INVALID_ARGUMENT (URL or options), UNAVAILABLE (nobody listens, or the host
 * is not known), DEADLINE_EXCEEDED (no Welcome within `connectTimeoutMs`), or the server's refusal; with
 * the signal's reason when `options.signal` is aborted.
 */
export function connect(
  url: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Client> {
  return Client.open(url, options, openTransport);
}
