/**
 * The log lines about a session that ends abruptly, or whose request made a handler fail.
 *
 * A peer that goes away is everyday: one line for debugging. An error of JavaScript itself is ours.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { Peer } from "./peer.ts";
import { errorOf, isDefect } from "../../base/defects.ts";

const log = logger("connection");

/** Notes why a connection was lost, counts it when it is a defect, and gives it as text. */
export function noteAbruptEnd(session: Peer, reason: unknown): string {
  const error = errorOf(reason);
  const { number: connection, link: { peer } } = session;
  if (isDefect(error)) {
    session.context.counters.internalErrors++;
    log.error("a connection failed: {error}", { connection, peer, error });
  } else {
    log.debug("connection lost: {message}", { connection, peer, message: error.message });
  }
  return error.message;
}

/**
 * Why the handler of a request with this member refused it, for the peer: what is no ParleyError is a
 * defect, is noted and counted, and stays in the log.
 */
export function refusalOf(session: Peer, member: number, reason: unknown): ParleyError {
  if (reason instanceof ParleyError) return reason;
  const { number: connection, link: { peer } } = session;
  session.context.counters.internalErrors++;
  log.error("a handler failed: {error}", { connection, peer, member, error: reason });
  const message = "cannot answer: the server failed; it is in its log";
  return new ParleyError(ErrorCode.INTERNAL, message);
}
