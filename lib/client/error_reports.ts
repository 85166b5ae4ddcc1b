/**
 * Tells the program the errors that none of its promises tells; see `onError` in settings.ts.
 *
 * Each is told from a microtask of its own, so that what the program throws there reaches neither the read
 * loop nor anybody else's request.
 */
import { ErrorCode, ParleyError } from "../base/errors.ts";
import { told } from "./program_error.ts";
import type { ConnectOptions } from "./settings.ts";

/** The errors of one client. */
export class ErrorReports {
  readonly #onError: ConnectOptions["onError"];

  constructor(onError: ConnectOptions["onError"]) {
    this.#onError = onError;
  }

  /** Tells that `thrown` was thrown while `what` was done; gives whether anybody listens. Never raises. */
  tellThrown(what: string, thrown: unknown): boolean {
    const code = thrown instanceof ParleyError ? thrown.code : ErrorCode.INTERNAL;
    return this.tell(new ParleyError(code, `${what}: ${textOf(thrown)}`, { cause: thrown }));
  }

  /** Tells `error`; gives whether anybody listens. */
  tell(error: ParleyError): boolean {
    const onError = this.#onError;
    if (onError !== undefined) queueMicrotask(() => onError(told(error)));
    return onError !== undefined;
  }
}

/** Anything may be thrown, also what has no text. */
function textOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } catch {
    return "something without a text was thrown";
  }
}
