/**
 * The messages of the control plane: members of ServerMessage, encoded by their generated class.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { type ServerMessage, ServerMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";
import { ID_TAG } from "../../wire/message_scan.ts";
import type { RequestId } from "../../base/request_id.ts";
import { MAX_ID_BYTES, putId } from "../../wire/request_id.ts";

/** One member of ServerMessage. */
export type Reply = Exclude<
  MessageInitShape<typeof ServerMessageSchema>["message"],
  undefined | ServerMessage["message"]
>;

/** Encodes a message without an id. */
export function encodeReply(reply: Reply): Uint8Array {
  return toBinary(ServerMessageSchema, create(ServerMessageSchema, { message: reply }));
}

/** Encodes a message with the id of a request, 0 for none. */
export function encodeReplyWithId(reply: Reply, id: RequestId): Uint8Array {
  const encoded = encodeReply(reply);
  if (id === 0) return encoded;
  const tagged = new Uint8Array(encoded.length + MAX_ID_BYTES);
  tagged.set(encoded);
  tagged[encoded.length] = ID_TAG;
  return tagged.subarray(0, putId(tagged, encoded.length + 1, id));
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
