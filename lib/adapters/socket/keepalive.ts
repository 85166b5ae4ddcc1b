/**
 * TCP keepalive with times of our own: the system asks the peer's system whether it is still there, and ends
 * the connection when no answer comes. The peer's program notices nothing, and no byte of data is sent.
 *
 * The runtime can only turn keepalive on, with the system's usual times: two hours of silence, then nine
 * questions 75 s apart. Its TCP handles for programs of Node can set the silence, and a handle can be made of a
 * connection's resource for a moment: it has a descriptor of its own, but what is set holds for the connection.
 * The time between questions cannot be set. But Linux asks at once when the silence that is set is over
 * already, and counts the question; so whoever calls this again and again sets that time as well. A peer that
 * has answered meanwhile is not asked: the call then only moves a timer.
 *
 * Non-goals: data that is under way. While some is, the system repeats it instead, for as long as
 * net.ipv4.tcp_retries2 says.
 */
import process from "node:process";
import { logger } from "../../base/log.ts";

const log = logger("connection");

/** The part of a TCP handle that is used; its methods give 0 when they did what they were asked. */
interface TcpHandle {
  openFromRid(resource: number): number;
  setKeepAlive(on: boolean, seconds: number): number;
  close(): void;
}

type TcpHandleClass = new (type: number) => TcpHandle;

/** The longest silence that Linux takes, in seconds. */
const MAX_SECONDS = 32_767;
/** The type of a handle for a connection, not a listener. */
const SOCKET = 0;

/** The class of handles; null when this runtime has none that will do, undefined until it is looked for. */
let handles: TcpHandleClass | null | undefined;

/**
 * Has the system ask whether the peer is there after `idleMs` of silence, at once if they are over; whole
 * seconds, at least one. Says whether it will; otherwise the system's usual times hold.
 */
export function askAfterSilence(connection: Deno.TcpConn, idleMs: number): boolean {
  if (handles === undefined) handles = findHandles();
  if (handles === null) return false;
  try {
    const resource = resourceOf(connection);
    if (resource === undefined) return false;
    const handle = new handles(SOCKET);
    try {
      if (handle.openFromRid(resource) !== 0) return false;
      const seconds = Math.max(1, Math.min(Math.round(idleMs / 1000), MAX_SECONDS));
      return handle.setKeepAlive(true, seconds) === 0;
    } finally {
      handle.close();
    }
  } catch {
    // It is closed already.
    return false;
  }
}

function findHandles(): TcpHandleClass | null {
  try {
    const { binding } = process as unknown as {
      binding(name: string): { TCP: TcpHandleClass };
    };
    const { TCP } = binding("tcp_wrap");
    const { openFromRid, setKeepAlive, close } = TCP.prototype;
    if ([openFromRid, setKeepAlive, close].every((each) => typeof each === "function")) return TCP;
  } catch {
    // There is no such thing here.
  }
  log.info("this runtime cannot set the times of TCP keepalive: those of the system hold");
  return null;
}

/** The number of the runtime's resource behind a connection. */
function resourceOf(connection: Deno.TcpConn): number | undefined {
  for (const symbol of Object.getOwnPropertySymbols(connection)) {
    if (symbol.description !== "Deno.internal.rid") continue;
    const resource: unknown = Reflect.get(connection, symbol);
    if (typeof resource === "number") return resource;
  }
  return undefined;
}
