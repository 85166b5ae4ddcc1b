/**
 * Opens connections with the sockets of the runtime that this program runs on.
 *
 * Each runtime's transport is loaded only where it runs.
 */
import { noSockets } from "./connect_failure.ts";
import type { OpenTransport } from "./transport.ts";

/** Opens connections with what the runtime that this program runs on has. */
export const openTransport: OpenTransport = async (target, url, signal, tls) => {
  if (target.kind === "ws") {
    const { openWebSocketTransport } = await import("./websocket.ts");
    return openWebSocketTransport(target, url, signal, tls);
  }
  if ("Deno" in globalThis) {
    const { openDenoTransport } = await import("./deno.ts");
    return openDenoTransport(target, url, signal, tls);
  }
  if ("process" in globalThis) {
    const { openNodeTransport } = await import("./node.ts");
    return openNodeTransport(target, url, signal, tls);
  }
  throw noSockets(target, url);
};
