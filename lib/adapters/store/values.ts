/**
 * Small values that the adapters of the store share: the empty page and the errors.
 *
 * A batch fails with one of these two codes, retryable; the reason is the error's cause.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import type { StorePage } from "../../ports/store_page.ts";

/** A page without events. */
export function emptyPage(): StorePage {
  return {
    count: 0,
    bytes: new Uint8Array(0),
    ranges: new Uint32Array(0),
    seqs: new Float64Array(0),
    times: new Float64Array(0),
  };
}

/** The error for want of room, which is retryable. */
export function noRoom(message: string, accepted = "", cause?: unknown): ParleyError {
  const options = { retryable: true, accepted, cause, limit: "store" } as const;
  return new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, message, options);
}

/** The error for a store that cannot do `action` now. */
export function unavailable(action: string, reason: string, cause?: unknown): ParleyError {
  return new ParleyError(ErrorCode.UNAVAILABLE, `cannot ${action}: ${reason}`, { cause });
}
