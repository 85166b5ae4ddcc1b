/**
 * Opens connections where there are no sockets but WebSockets: in browsers and workers.
 */
import { noSockets } from "./connect_failure.ts";
import type { OpenTransport } from "./transport.ts";
import { openWebSocketTransport } from "./websocket.ts";

/** Opens WebSockets. Rejects with UNIMPLEMENTED for every other kind of URL. */
export const openWebSocketOnly: OpenTransport = (target, url, signal, tls) =>
  target.kind === "ws"
    ? openWebSocketTransport(target, url, signal, tls)
    : Promise.reject(noSockets(target, url));
