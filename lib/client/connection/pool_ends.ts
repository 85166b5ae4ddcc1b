/**
 * Why a pool, or a connection of it, takes no requests any more.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { ClientConnection } from "./client_connection.ts";

/** Why nothing can be sent on a connection any more; null while something can. */
export function over({ state, leaveReason }: ClientConnection): ParleyError | null {
  return state === "closed" ? leaveReason : null;
}

/** The refusal of a client that is closed. */
export function closed(url: string): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot send a request to ${url}: the client is closed`,
  );
}

/** The end of a client that waited for its last answers in vain. */
export function unanswered(url: string, timeoutMs: number): ParleyError {
  return new ParleyError(
    ErrorCode.UNAVAILABLE,
    `closed the connection to ${url} without an answer after ${timeoutMs} ms`,
  );
}
