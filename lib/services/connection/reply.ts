/**
 * The messages of the control plane: members of ServerMessage, encoded by their generated class.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { type ServerMessage, ServerMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";
import { ID_TAG } from "../../wire/message_scan.ts";
import type { RequestId } from "../../base/request_id.ts";
import { MAX_ID_BYTES, putId } from "../../wire/request_id.ts";
import { putVarint, varintSize } from "../../wire/varint.ts";

/** Tag of ServerMessage.answer: field 10, length-delimited; and those of Answer.payload and type: fields 1 and 2. */
const ANSWER_TAG = 0x52;
const PAYLOAD_TAG = 0x0a;
const TYPE_TAG = 0x12;

const encoder = new TextEncoder();

/** One member of ServerMessage. */
export type Reply = Exclude<
  MessageInitShape<typeof ServerMessageSchema>["message"],
  undefined | ServerMessage["message"]
>;

/** Encodes a message without an id. */
export function encodeReply(reply: Reply): Uint8Array {
  return encodeAnswer(reply, 0) ??
    toBinary(ServerMessageSchema, create(ServerMessageSchema, { message: reply }));
}

/** Encodes a message with the id of a request, 0 for none. */
export function encodeReplyWithId(reply: Reply, id: RequestId): Uint8Array {
  const answer = encodeAnswer(reply, id);
  if (answer !== null) return answer;
  const encoded = encodeReply(reply);
  if (id === 0) return encoded;
  const tagged = new Uint8Array(encoded.length + MAX_ID_BYTES);
  tagged.set(encoded);
  tagged[encoded.length] = ID_TAG;
  return tagged.subarray(0, putId(tagged, encoded.length + 1, id));
}

/**
 * Encodes the answer of a method of the server's own with the id of its request, 0 for none; null for any other message.
 * Written by hand: there are many of them, and a generated class makes objects of several times their size.
 */
function encodeAnswer(reply: Reply, id: RequestId): Uint8Array | null {
  if (reply.case !== "answer") return null;
  const { payload, type, headers, error } = reply.value;
  if (payload === undefined || type === undefined || headers !== undefined || error !== undefined) {
    return null;
  }
  const typeBytes = encoder.encode(type);
  const payloadSize = payload.length === 0 ? 0 : sizeOf(payload.length);
  const size = payloadSize + (typeBytes.length === 0 ? 0 : sizeOf(typeBytes.length));
  const bytes = new Uint8Array(sizeOf(size) + (id === 0 ? 0 : 1 + MAX_ID_BYTES));
  bytes[0] = ANSWER_TAG;
  let at = putVarint(bytes, 1, size);
  if (payloadSize > 0) at = putField(bytes, at, PAYLOAD_TAG, payload);
  if (typeBytes.length > 0) at = putField(bytes, at, TYPE_TAG, typeBytes);
  if (id === 0) return bytes;
  bytes[at++] = ID_TAG;
  return bytes.subarray(0, putId(bytes, at, id));
}

/** The bytes of a field of so many bytes with its tag, of one byte, and its length. */
function sizeOf(length: number): number {
  return 1 + varintSize(length) + length;
}

function putField(bytes: Uint8Array, at: number, tag: number, value: Uint8Array): number {
  bytes[at++] = tag;
  at = putVarint(bytes, at, value.length);
  bytes.set(value, at);
  return at + value.length;
}

/** An error as a message, without its cause. */
export function errorReply(error: ParleyError): Reply {
  const { code, message, retryable, accepted, closeReason, goTo } = error;
  const value = { code, message, retryable, accepted, closeReason, goTo: [...goTo] };
  return { case: "error", value };
}

/** The notice that the server stops, with the URLs of servers to connect to instead. */
export function shutdownNotice(goTo: readonly string[]): ParleyError {
  const where = goTo.length === 0 ? "later" : `to ${goTo.join(" or ")}`;
  return new ParleyError(ErrorCode.UNAVAILABLE, `the server stops: connect again ${where}`, {
    closeReason: CloseReason.SHUTDOWN,
    goTo,
  });
}
