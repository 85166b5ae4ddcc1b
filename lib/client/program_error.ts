/**
 * Errors as programs get them: the message ends with what would be accepted, and the stack is that of the caller.
 *
 * An error that many requests share, or that was made where bytes are read, says nothing of who asked. So each rejection
 * is an error of its own, made in the continuation of the request: the runtime then names those who wait for it.
 */
import { invalidArgument as bareInvalidArgument, ParleyError } from "../base/errors.ts";

/** The error that a program gets of `reason`; anything but a ParleyError is given back as it is. */
export function forProgram(reason: unknown): unknown {
  return reason instanceof ParleyError ? told(reason, forProgram) : reason;
}

/** Rejects a promise with what a program gets of `reason`, from the continuation of its request. */
export function rejectForProgram(reason: unknown): never {
  throw forProgram(reason);
}

/** The error with what would be accepted behind its message. Its stack begins with what called `from`, which has to be under way. */
export function told(
  error: ParleyError,
  from: (...args: never[]) => unknown = told,
): ParleyError {
  const { code, accepted, retryable, closeReason, goTo, cause } = error;
  const bare = error.reason;
  const says = accepted !== "" && !bare.includes(accepted);
  const message = says ? `${bare}; accepted: ${accepted}` : bare;
  const options = { accepted, retryable, closeReason, goTo, cause, reason: bare };
  const copy = new ParleyError(code, message, options);
  Error.captureStackTrace?.(copy, from);
  return copy;
}

/** A request that is wrong by itself, for the program that made it. */
export function invalidArgument(
  message: string,
  options: { readonly accepted?: string; readonly cause?: unknown } = {},
): ParleyError {
  return told(bareInvalidArgument(message, options), invalidArgument);
}
