/**
 * The meaning of a rejected `accept` for the listener.
 *
 * Three kinds: the one connection that was to be accepted is dead, and the next may be fine; the process or
 * the machine has run out of something, and will reject again until that is over; and whatever else a system
 * may say. Told by the name of the system's error, since the runtime gives classes and codes to some only.
 */
import { constants } from "node:os";

/** The cause of a failure to accept. */
type AcceptFailure = "connection" | "exhaustion" | "unknown";

/** Files, buffers or memory have run out: the connections stay in the backlog. */
const EXHAUSTION = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/**
 * The connection was dead before it was taken, or the network under it; `accept` of Linux hands on what is
 * known of a connection's network, and EPERM where a firewall forbids it.
 */
const CONNECTION = new Set([
  "ECONNABORTED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENONET",
  "ENOPROTOOPT",
  "ENOTCONN",
  "EOPNOTSUPP",
  "ENOTSUP",
  "EPERM",
  "EPIPE",
  "EPROTO",
  "ETIMEDOUT",
]);

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// What Linux can say of a connection, and the table of the runtime lacks.
if (Deno.build.os === "linux") {
  NAMES.set(112, "EHOSTDOWN");
  NAMES.set(64, "ENONET");
}

/**
 * Says what `error`, with which `accept` rejected, concerns. EINVAL is unknown: it can mean a dead connection,
 * and also a socket that does not listen and rejects for ever.
 */
export function acceptFailureOf(error: unknown): AcceptFailure {
  const name = systemErrorOf(error);
  if (EXHAUSTION.has(name)) return "exhaustion";
  return CONNECTION.has(name) ? "connection" : "unknown";
}

/** The system's name of an error, such as ENOTCONN; empty when it has none. */
function systemErrorOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const { code } = error as { code?: unknown };
  if (typeof code === "string") return code;
  const number = /\(os error (\d+)\)$/.exec(error.message)?.[1];
  return NAMES.get(Number(number)) ?? "";
}
