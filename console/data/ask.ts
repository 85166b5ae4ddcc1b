/**
 * Asks the server: its own methods over the console's connection, with their errors in words.
 */
import type { Client } from "../../lib/client/browser.ts";
import {
  callMethod,
  type DescMessage,
  type DescMethodUnary,
  ErrorCode,
  type MessageInitShape,
  type MessageShape,
  ParleyError,
  type RequestOptions,
} from "../../lib/client/browser.ts";
import { client } from "./connection.ts";

/** The client that is connected. Raises UNAVAILABLE while there is none. */
export function connected(): Client {
  if (client.value !== null) return client.value;
  throw new ParleyError(ErrorCode.UNAVAILABLE, "there is no connection to the server");
}

/** Calls one of the server's own methods. Rejects with a ParleyError. */
export function ask<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: RequestOptions = {},
): Promise<MessageShape<O>> {
  try {
    return callMethod(connected(), method, request, options);
  } catch (reason) {
    return Promise.reject(reason);
  }
}

/** What went wrong, for a person: what the server said, and what it would accept. */
export function inWords(reason: unknown): string {
  const error = ParleyError.from(reason);
  return error.accepted === "" || error.message.includes(error.accepted)
    ? error.message
    : `${error.message}; accepted: ${error.accepted}`;
}

/** Whether a request was refused since the person may not do that. */
export function isDenied(reason: unknown): boolean {
  return reason instanceof ParleyError && reason.code === ErrorCode.PERMISSION_DENIED;
}
