/**
 * Errors as HTTP tells them: a status and a problem (RFC 9457) with the code and what would be accepted.
 *
 * Pure. The statuses are those that gRPC's codes have in HTTP, so that programs know them.
 */
import { ErrorCode, type ParleyError } from "../../../base/errors.ts";
import { type Answer, PHRASES } from "../answer.ts";

/** The status of each code. */
const STATUSES: Readonly<Record<ErrorCode, number>> = {
  [ErrorCode.UNSPECIFIED]: 500,
  [ErrorCode.INVALID_ARGUMENT]: 400,
  [ErrorCode.UNAUTHENTICATED]: 401,
  [ErrorCode.PERMISSION_DENIED]: 403,
  [ErrorCode.NOT_FOUND]: 404,
  [ErrorCode.ALREADY_EXISTS]: 409,
  [ErrorCode.RESOURCE_EXHAUSTED]: 429,
  [ErrorCode.FAILED_PRECONDITION]: 409,
  [ErrorCode.DEADLINE_EXCEEDED]: 504,
  [ErrorCode.UNAVAILABLE]: 503,
  [ErrorCode.UNIMPLEMENTED]: 501,
  [ErrorCode.INTERNAL]: 500,
};

/** How one gives a user here; the words of the other listeners do not fit. */
const CREDENTIALS = "an Authorization header: Basic with user and password, or Bearer with a token";

/** The status of an error. */
export function statusOf(code: ErrorCode): number {
  return STATUSES[code] ?? 500;
}

/** An error as the answer to a request; `status` where the error says less than HTTP can. */
export function problem(error: ParleyError, status = statusOf(error.code)): Answer {
  const isUnknown = error.code === ErrorCode.UNAUTHENTICATED;
  const accepted = isUnknown ? CREDENTIALS : error.accepted;
  const body = {
    title: PHRASES[status] ?? "Error",
    status,
    detail: error.message,
    code: error.codeName,
    retryable: error.retryable,
    ...accepted === "" ? {} : { accepted },
  };
  return {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      ...isUnknown ? { "WWW-Authenticate": 'Bearer realm="parley"' } : {},
    },
    body: `${JSON.stringify(body)}\n`,
  };
}
