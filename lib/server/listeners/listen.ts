/**
 * Opens the listeners that a configuration names.
 *
 * All of them or none: when an address cannot be listened on, those before it are closed again. The
 * connections of the http listener are admitted one by one as they come, before anybody knows whether
 * they become WebSockets; those of the others when they have a link.
 */
import { type ConnectionGate, listenHttp } from "../../adapters/http/listener.ts";
import { canServeHttp } from "../../adapters/http/serving.ts";
import type { Door } from "../../adapters/socket/door.ts";
import { listenTls, type TlsListenerOptions } from "../../adapters/tls/listener.ts";
import { listenTcp } from "../../adapters/socket/tcp.ts";
import { listenClassicText, listenText } from "../../adapters/text/listener.ts";
import { listenUnix } from "../../adapters/socket/unix.ts";
import { logger } from "../../base/log.ts";
import type { Pages } from "../../ports/http_page.ts";
import type { LinkListener } from "../../ports/link.ts";
import { countRefused } from "../../services/connection/counters.ts";
import type { ServerContext } from "../../services/connection/server_context.ts";
import type { Admission } from "./admission.ts";
import type { Entrance } from "./entrance.ts";
import type { Refuser } from "./refuse.ts";
import { type ServerTls, tlsAddresses } from "../tls.ts";
import type { Config } from "../config/config.ts";
import { isLoopback, parseListenAddress } from "../config/address.ts";

const log = logger("listener");

/** What listeners need besides the configuration. */
export interface ListenNeeds {
  readonly context: ServerContext;
  readonly admission: Admission;
  readonly entrance: Entrance;
  readonly refuser: Refuser;
  readonly door: Door;
  /** Null when nothing is listened on under TLS. */
  readonly tls: ServerTls | null;
  /** What the http listener answers besides WebSockets. */
  readonly pages: Pages;
}

/** Listens on every address of the configuration. Rejects with a ParleyError that names the one at fault. */
export async function listenAll(
  config: Config,
  { context, admission, entrance, refuser, door, tls, pages }: ListenNeeds,
): Promise<LinkListener[]> {
  const { tcp, raw, http, text, text_classic: classic, unix, hosts, origins } = config.listen;
  const { limits, input, clock } = context;
  const gate = gateOf(context, admission, entrance);
  const listeners: LinkListener[] = [];
  try {
    for (const { hostname, port } of tcp.map(parseListenAddress)) {
      listeners.push(...listenTcp("tcp", hostname, port, door));
    }
    if (tls !== null) {
      const { handshakes } = tls;
      const refuse: TlsListenerOptions["refuse"] = (link, refusal) =>
        refuser.refuse(link, "delimited", refusal);
      for (const { hostname, port } of tlsAddresses(config).map(parseListenAddress)) {
        listeners.push(...listenTls(hostname, port, { handshakes, gate, door, refuse }));
      }
    }
    for (const { hostname, port } of raw.map(parseListenAddress)) {
      listeners.push(...listenTcp("raw", hostname, port, door));
    }
    const served = canServeHttp() ? http : [];
    if (served !== http && http.length > 0) {
      log.error(
        "cannot listen on http: the runtime of this executable, Deno {version}, has no HTTP server for it; " +
          "use an executable that was made with Deno 2.9 or newer",
        { version: Deno.version.deno },
      );
    }
    const { turns } = context;
    const turn = turns.join();
    for (const { hostname, port } of served.map(parseListenAddress)) {
      const guard = { loopback: isLoopback(hostname), hosts, origins };
      const handshakes = config.tls.http ? tls?.handshakes : undefined;
      const options = { limits, guard, gate, door, input, turn, clock, handshakes, pages };
      listeners.push(...listenHttp(hostname, port, options));
    }
    const dialogue = {
      room: config.chat.first_room,
      wallMs: () => clock.wallMs(),
      get maxFrameBytes() {
        return limits.maxFrameBytes;
      },
      turn: turns.join(),
    };
    for (const { hostname, port } of text.map(parseListenAddress)) {
      listeners.push(...listenText(hostname, port, dialogue, door));
    }
    for (const { hostname, port } of classic.map(parseListenAddress)) {
      listeners.push(...listenClassicText(hostname, port, dialogue, door));
    }
    for (const path of unix) listeners.push(await listenUnix(path));
  } catch (reason) {
    for (const listener of listeners) listener.close();
    throw reason;
  }
  return listeners;
}

/** What the http listener asks for each connection. */
function gateOf(context: ServerContext, admission: Admission, entrance: Entrance): ConnectionGate {
  return {
    admit(address) {
      const refusal = admission.admit(address);
      if (refusal !== null) countRefused(context, refusal, address);
      return refusal?.message ?? null;
    },
    enter: (address) =>
      new Promise((resolve) =>
        entrance.ask(address, (mayEnter) => {
          if (!mayEnter) context.counters.connections.refused++;
          resolve(mayEnter);
        })
      ),
    release: (address) => admission.release(address),
    mayTell: () => admission.mayTell(),
    told: () => admission.told(),
  };
}
