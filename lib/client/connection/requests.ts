/**
 * Encodes requests: ClientMessages without their id, which the connection appends when it sends them (the
 * order of protobuf's fields is free).
 *
 * Echo and add are written by hand because programs measure connections with them; everything else goes
 * through the generated classes. What cannot be encoded is refused with INVALID_ARGUMENT.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { invalidArgument } from "../program_error.ts";
import { ClientMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";
import { ID_TAG } from "../../wire/message_scan.ts";
import { int32Size, putInt32, putVarint, varintSize } from "../../wire/varint.ts";
import type { DescMessage, MessageInitShape, RequestMessage } from "../messages.ts";
import type { RequestId } from "../../base/request_id.ts";
import { MAX_ID_BYTES, putId } from "../../wire/request_id.ts";
import { checkText, checkTexts } from "./well_formed.ts";

/** Tag of ClientMessage.echo_message and of EchoMessage.content: field 1, length-delimited. */
const ECHO_TAG = 0x0a;
/** Tag of ClientMessage.add_request: field 2, length-delimited. */
const ADD_TAG = 0x12;
/** Tag of AddRequest.a: field 1, varint. */
const A_TAG = 0x08;
/** Tag of AddRequest.b: field 2, varint. */
const B_TAG = 0x10;
/** Up to this many characters a loop is quicker than the runtime's encoder. */
const SHORT_CHARACTERS = 100;

const MIN_INT32 = -0x80000000;
const MAX_INT32 = 0x7fffffff;
/** Members of ClientMessage that the server does not answer. */
const UNANSWERED = ["pong", "answer", "cancel"];

const encoder = new TextEncoder();

/** A ping whose nonce is zero: its id is enough to know the answer by. */
export const PING_REQUEST: Uint8Array = new Uint8Array([0x3a, 0x00]);

/** Encodes an echo. Raises INVALID_ARGUMENT for text that has no UTF-8: with half of a surrogate pair. */
export function encodeEcho(content: string): Uint8Array {
  if (content.length <= SHORT_CHARACTERS) {
    const short = encodeShortAscii(content);
    if (short !== null) return short;
  }
  const text = encodeText(content, "echo");
  const bodyBytes = 1 + varintSize(text.length) + text.length;
  const bytes = new Uint8Array(1 + varintSize(bodyBytes) + bodyBytes);
  bytes[0] = ECHO_TAG;
  const at = putVarint(bytes, 1, bodyBytes);
  bytes[at] = ECHO_TAG;
  bytes.set(text, putVarint(bytes, at + 1, text.length));
  return bytes;
}

/** Encodes an addition. Raises INVALID_ARGUMENT for what is no int32. */
export function encodeAdd(a: number, b: number): Uint8Array {
  if (!isInt32(a) || !isInt32(b)) {
    throw invalidArgument(`cannot add ${a} and ${b}`, {
      accepted: `two integers from ${MIN_INT32} to ${MAX_INT32}`,
    });
  }
  const bodyBytes = (a === 0 ? 0 : 1 + int32Size(a)) + (b === 0 ? 0 : 1 + int32Size(b));
  const bytes = new Uint8Array(2 + bodyBytes);
  bytes[0] = ADD_TAG;
  bytes[1] = bodyBytes;
  let at = 2;
  if (a !== 0) {
    bytes[at] = A_TAG;
    at = putInt32(bytes, at + 1, a);
  }
  if (b !== 0) {
    bytes[at] = B_TAG;
    putInt32(bytes, at + 1, b);
  }
  return bytes;
}

/** Encodes text. Raises INVALID_ARGUMENT for text that has no UTF-8. */
export function encodeText(text: string, action: string): Uint8Array {
  checkText(text, action);
  return encoder.encode(text);
}

/** Encodes any member. Raises INVALID_ARGUMENT for what is none, or is never answered. */
export function encodeRequest(message: RequestMessage): Uint8Array {
  const member = message?.case;
  if (member === undefined || UNANSWERED.includes(member)) {
    throw invalidArgument(`cannot request ${JSON.stringify(member ?? "nothing")}`, {
      accepted: `a member of ClientMessage that is answered, not ${UNANSWERED.join(", ")}`,
    });
  }
  return encodeMessage(message);
}

/** Encodes any member, also one that is never answered. */
export function encodeMessage(message: RequestMessage): Uint8Array {
  if (message?.case !== undefined) checkTexts(message.value, "send");
  try {
    return toBinary(ClientMessageSchema, create(ClientMessageSchema, { message }));
  } catch (reason) {
    const why = reason instanceof Error ? reason.message : String(reason);
    throw invalidArgument(`cannot encode ${message?.case}: ${why}`, { cause: reason });
  }
}

/** Encodes a message of any schema. Raises INVALID_ARGUMENT for what it does not allow. */
export function encodeBody<T extends DescMessage>(
  schema: T,
  message: MessageInitShape<T>,
): Uint8Array {
  checkTexts(message, "send");
  try {
    return toBinary(schema, create(schema, message));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw invalidArgument(`cannot encode a ${schema.typeName}: ${why}`, { cause });
  }
}

/** Encodes any member with an id that the other side gave, or will know. */
export function encodeWithId(message: RequestMessage, id: RequestId): Uint8Array {
  const body = encodeMessage(message);
  const bytes = new Uint8Array(body.length + MAX_ID_BYTES);
  bytes.set(body);
  bytes[body.length] = ID_TAG;
  return bytes.subarray(0, putId(bytes, body.length + 1, id));
}

/** An echo of short ASCII; null when it is something else. All its lengths take one byte. */
function encodeShortAscii(content: string): Uint8Array | null {
  const length = content.length;
  if (length === 0) return new Uint8Array([ECHO_TAG, 0]);
  const bytes = new Uint8Array(4 + length);
  bytes[0] = bytes[2] = ECHO_TAG;
  bytes[1] = 2 + length;
  bytes[3] = length;
  for (let index = 0; index < length; index++) {
    const unit = content.charCodeAt(index);
    if (unit >= 0x80) return null;
    bytes[4 + index] = unit;
  }
  return bytes;
}

function isInt32(value: number): boolean {
  return (value | 0) === value;
}
