/**
 * Decodes what the server sends, once the scan has found which member it is.
 *
 * Whatever is kept is copied: the bytes belong to the connection's buffer and are overwritten by the next
 * read. Bytes that cannot be decoded raise, and the connection ends with that.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { AddResponseSchema, EchoMessageSchema } from "../../gen/parley/v1/demo_pb.ts";
import { type ServerMessage, ServerMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";
import { type Error as WireError, ErrorSchema } from "../../gen/parley/v1/error_pb.ts";
import { type Settled, SettledSchema } from "../../gen/parley/v1/queue_pb.ts";
import { type Answer, AnswerSchema } from "../../gen/parley/v1/service_pb.ts";
import {
  type Ack,
  AckSchema,
  type Welcome,
  WelcomeSchema,
} from "../../gen/parley/v1/session_pb.ts";
import { MessageScan } from "../../wire/message_scan.ts";
import type { RequestId } from "../../base/request_id.ts";
import { idOf } from "../../wire/request_id.ts";

/** The members of ServerMessage by their field numbers. */
export const Member = {
  ECHO_MESSAGE: 1,
  ADD_RESPONSE: 2,
  EVENT: 3,
  WELCOME: 4,
  ACK: 5,
  ERROR: 6,
  PING: 7,
  PONG: 8,
  CALL: 9,
  ANSWER: 10,
  CANCEL: 11,
  MISSED: 12,
  JOB: 13,
  SETTLED: 14,
} as const;

/** A message that arrived: valid until the handler returns. */
export class Incoming {
  /** The buffer that all offsets are of. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the message begins. */
  start = 0;
  /** Where the message ends. */
  end = 0;
  /** Its id; zero when it has none. */
  id: RequestId = 0;
  /** Which member the message has, and where its body lies. */
  readonly scan: MessageScan = new MessageScan();

  /** Looks at the message from `start` to `end` of `bytes`. Raises when it is no message. */
  open(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.scan.scan(bytes, start, end);
    this.id = idOf(bytes, this.scan);
  }

  /** The body of its member, in the connection's buffer. */
  body(): Uint8Array {
    return this.bytes.subarray(this.scan.start, this.scan.end);
  }
}

/** Makes the result of a request of its answer, which is never an Error. */
export type ReadAnswer<T> = (incoming: Incoming) => T;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Up to this many bytes a loop is quicker than the runtime's decoder. */
const SHORT_BYTES = 24;

/** Reads the text that came back. */
export function readEcho(incoming: Incoming): string {
  expect(incoming, Member.ECHO_MESSAGE, "echoMessage");
  const { bytes, scan: { start, end } } = incoming;
  if (start === end) return "";
  // The usual shape: one field of a short text, so that its length takes one byte.
  if (bytes[start] === 0x0a && bytes[start + 1] === end - start - 2 && bytes[start + 1] < 0x80) {
    return readText(bytes, start + 2, end);
  }
  return fromBinary(EchoMessageSchema, incoming.body()).content;
}

/** Reads a sum. */
export function readSum(incoming: Incoming): number {
  expect(incoming, Member.ADD_RESPONSE, "addResponse");
  return fromBinary(AddResponseSchema, incoming.body()).result;
}

/** Reads the server's Welcome. */
export function readWelcome(incoming: Incoming): Welcome {
  expect(incoming, Member.WELCOME, "welcome");
  return fromBinary(WelcomeSchema, incoming.body());
}

/** Raises unless the answer is a Pong. */
export function expectPong(incoming: Incoming): void {
  expect(incoming, Member.PONG, "pong");
}

/** Reads an acknowledgement. */
export function readAck(incoming: Incoming): Ack {
  expect(incoming, Member.ACK, "ack");
  return fromBinary(AckSchema, incoming.body());
}

/** Reads the answer of a service; its bytes are its own. */
export function readAnswer(incoming: Incoming): Answer {
  expect(incoming, Member.ANSWER, "answer");
  return fromBinary(AnswerSchema, incoming.body().slice());
}

/** Reads what became of a Settle. */
export function readSettled(incoming: Incoming): Settled {
  expect(incoming, Member.SETTLED, "settled");
  return fromBinary(SettledSchema, incoming.body());
}

/** Reads an answer of any kind. Its byte fields are its own. */
export function readAny(incoming: Incoming): ServerMessage["message"] {
  return fromBinary(ServerMessageSchema, incoming.bytes.slice(incoming.start, incoming.end))
    .message;
}

/** Reads the server's error. */
export function readError(incoming: Incoming): ParleyError {
  return errorOf(fromBinary(ErrorSchema, incoming.body()));
}

/** The error of a message. A code that this version does not know is kept as its number. */
function errorOf(message: WireError): ParleyError {
  const { code, retryable, accepted, closeReason, goTo } = message;
  return new ParleyError(code, message.message, { retryable, accepted, closeReason, goTo });
}

function readText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > SHORT_BYTES) return decoder.decode(bytes.subarray(start, end));
  let text = "";
  for (let at = start; at < end; at++) {
    if (bytes[at] >= 0x80) return decoder.decode(bytes.subarray(start, end));
    text += String.fromCharCode(bytes[at]);
  }
  return text;
}

function expect(incoming: Incoming, member: number, name: string): void {
  if (incoming.scan.member === member) return;
  throw new ParleyError(
    ErrorCode.INTERNAL,
    `cannot take an answer of field ${incoming.scan.member} where ${name} was asked for`,
  );
}
