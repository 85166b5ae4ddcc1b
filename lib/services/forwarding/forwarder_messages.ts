/**
 * The messages that a node says itself to clients whose durable work another one does, and what it reads of their last word.
 */
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { RequestId } from "../../base/request_id.ts";
import { decodeText } from "../../base/utf8_text.ts";
import { MEMBER } from "../../logic/access/access.ts";
import { ID_TAG } from "../../wire/message_scan.ts";
import { MAX_ID_BYTES, putId } from "../../wire/request_id.ts";
import { putVarint, varintSize } from "../../wire/varint.ts";
import { encodeReply, errorReply } from "../connection/reply.ts";
import { MAX_BODY_BYTES } from "./records.ts";

const log = logger("cluster");

/** An error as the answer to many requests: encoded once, with room for an id behind it. */
export class RefusalOfMany {
  readonly #bytes: Uint8Array;
  readonly #length: number;

  constructor(error: ParleyError) {
    const message = encodeReply(errorReply(error));
    this.#bytes = new Uint8Array(message.length + MAX_ID_BYTES);
    this.#bytes.set(message);
    this.#bytes[message.length] = ID_TAG;
    this.#length = message.length + 1;
  }

  /** The answer to one request; good until the next one. */
  to(id: RequestId): Uint8Array {
    return this.#bytes.subarray(0, putId(this.#bytes, this.#length, id));
  }
}

/** The refusal of what nobody answers any more. */
export function unknownOutcome(): ParleyError {
  return new ParleyError(
    ErrorCode.UNAVAILABLE,
    "cannot tell whether this was done: the node that leads the cluster is another one, or was lost",
    { accepted: "the same again, with the same message_id where there is one" },
  );
}

/** A ClientMessage with a Pull. */
export function pullMessage(body: Uint8Array): Uint8Array {
  const tag = MEMBER.pull << 3 | 2;
  const message = new Uint8Array(varintSize(tag) + varintSize(body.length) + body.length);
  const at = putVarint(message, putVarint(message, 0, tag), body.length);
  message.set(body, at);
  return message;
}

/** Why a client's connection is to end, as the node says it that does the client's work. Raises an Error for what cannot be read. */
export function lastWordIn(body: Uint8Array): ParleyError {
  const { code, message, closeReason, retryable, accepted } = JSON.parse(decodeText(body));
  return new ParleyError(Number(code), String(message), {
    closeReason: Number(closeReason) || CloseReason.UNSPECIFIED,
    retryable: retryable === true,
    accepted: String(accepted ?? ""),
  });
}

/** The refusal of durable work while nobody is known to do it. */
export function nobodyLeads(): ParleyError {
  return new ParleyError(
    ErrorCode.UNAVAILABLE,
    "cannot do durable work: no node is known that leads the cluster, or it cannot be reached",
    { accepted: "the same again in a moment" },
  );
}

/** The refusal of durable work of somebody whose roles are too long to be told. */
export function tooMuchToTell(bytes: number): ParleyError {
  log.error("a client's roles cannot be told to another node: they have {bytes} bytes", { bytes });
  return new ParleyError(
    ErrorCode.RESOURCE_EXHAUSTED,
    `cannot do durable work on another node: the roles of this user take ${bytes} bytes`,
    { accepted: `roles of at most ${MAX_BODY_BYTES} bytes in all` },
  );
}
