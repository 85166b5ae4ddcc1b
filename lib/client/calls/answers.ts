/**
 * Encodes the answers of handlers, and what becomes of those that fail.
 *
 * A program in JavaScript may give or throw anything; whatever it is, there is an answer that can be sent.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { encodeText, encodeWithId } from "../connection/requests.ts";
import type { CallAnswer } from "./service.ts";
import type { RequestId } from "../../base/request_id.ts";

/** What the server takes as a type; it refuses the whole answer otherwise, and the caller would wait in vain. */
const TYPE = /^[A-Za-z0-9_./-]{0,256}$/;
/** Longer texts of errors are cut: they are for people. */
const MAX_ERROR_CHARACTERS = 4096;

/** Encodes the answer to the call with this id. Raises an Error that names `method` for what is no answer. */
export function encodeAnswer(answer: CallAnswer, method: string, id: RequestId): Uint8Array {
  const { payload, type = "", headers = {} } = (answer ?? {}) as Partial<CallAnswer>;
  const isPayload = typeof payload === "string" || payload instanceof Uint8Array;
  if (!isPayload) {
    throw new Error(`cannot answer "${method}" without a payload of bytes or text`);
  }
  if (!TYPE.test(type)) {
    throw new Error(
      `cannot answer "${method}" with type ${
        JSON.stringify(type)
      }: a message type has up to 256 letters, ` +
        'digits, "_", ".", "-" and "/" only',
    );
  }
  try {
    const bytes = typeof payload === "string" ? encodeText(payload, "answer with") : payload;
    return encodeWithId({ case: "answer", value: { payload: bytes, type, headers } }, id);
  } catch (cause) {
    throw new Error(`cannot answer "${method}": ${(cause as Error).message}`, { cause });
  }
}

/** Encodes what the caller is told of what a handler threw: the message, not the cause. Never raises. */
export function encodeFailure(thrown: unknown, id: RequestId): Uint8Array {
  try {
    const { code, reason, retryable, accepted } = ParleyError.from(thrown);
    const error = {
      code,
      message: reason.slice(0, MAX_ERROR_CHARACTERS).toWellFormed(),
      retryable,
      accepted: accepted.slice(0, MAX_ERROR_CHARACTERS).toWellFormed(),
    };
    return encodeWithId({ case: "answer", value: { error } }, id);
  } catch {
    const error = { code: ErrorCode.INTERNAL, message: "the handler failed" };
    return encodeWithId({ case: "answer", value: { error } }, id);
  }
}
