/**
 * The Parley client for browsers and workers, whose only sockets are WebSockets: mod.ts without the sockets of Node and
 * Deno, so that nobody who bundles a page meets their modules.
 *
 * @module
 */
import { Client } from "./client.ts";
import type { ConnectOptions } from "./settings.ts";
import { openWebSocketOnly } from "./transport/open_websocket.ts";

export * from "./exports.ts";

/**
 * Connects to the server at `url`, `ws://host:port` or `wss://host` (path `/ws` unless said), as `connect` does elsewhere:
 * the other kinds of URLs are refused with UNIMPLEMENTED.
 */
export function connect(
  url: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Client> {
  return Client.open(url, options, openWebSocketOnly);
}
