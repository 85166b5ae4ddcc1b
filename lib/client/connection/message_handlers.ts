/**
 * Who gets the messages of a server that answer no request: one handler for each member of ServerMessage.
 *
 * A member without a handler is an answer, matched by its id. Handlers run in the read loop: they are
 * quick, they copy what they keep, and what they raise ends the connection.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { PingSchema } from "../../gen/parley/v1/session_pb.ts";
import { type Incoming, Member } from "./answers.ts";
import { encodeMessage } from "./requests.ts";

/** A connection, as far as answers that need no more are concerned. */
interface Answering {
  post(message: Uint8Array): void;
}

/** Handles one message of a connection; `incoming` is valid until it returns. */
type MessageHandler<C> = (connection: C, incoming: Incoming) => void;

/** The handlers by the member's field number. */
export type HandlerTable<C> = { readonly [member: number]: MessageHandler<C> | undefined };

/** The handlers of a client that has asked for nothing but answers. */
export const defaultHandlers: HandlerTable<Answering> = {
  [Member.PING]: answerPing,
  [Member.EVENT]: ignore,
  [Member.CALL]: ignore,
  [Member.CANCEL]: ignore,
  [Member.MISSED]: ignore,
  [Member.JOB]: ignore,
};

/** The server asks for a sign of life. When much waits to leave, that is one, and the answer is left out. */
function answerPing(connection: Answering, incoming: Incoming): void {
  const { nonce } = fromBinary(PingSchema, incoming.body());
  connection.post(encodeMessage({ case: "pong", value: { nonce } }));
}

/** Ignores a message that came too late for its receiver: nothing is subscribed, registered or pulled. */
function ignore(): void {}
