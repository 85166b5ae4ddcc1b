/**
 * Takes Call, Answer and Cancel.
 *
 * A call is handed to its responder as it came, with the server's stamps and an id of the server's; the
 * answer goes back as it came, with the caller's id. The server's own methods are answered here.
 */
import { fromBinary } from "@bufbuild/protobuf";
import {
  CloseReason,
  ErrorCode,
  invalidArgument,
  ParleyError,
  protocolError,
} from "../../base/errors.ts";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import { ErrorSchema } from "../../gen/parley/v1/error_pb.ts";
import { checkMessageType, isTypeBytes } from "../../logic/topics/pattern.ts";
import { Entry } from "../../ports/entry.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { isUtf8 } from "../../wire/utf8.ts";
import { forward, OWN_METHODS } from "../calls/calls.ts";
import { answerOwnMethod, type OwnAnswer } from "./own/methods.ts";
import { isForWriter } from "./places.ts";
import { countRefusal } from "../connection/counters.ts";
import { errorReply, type Reply } from "../connection/reply.ts";
import { refusalOf } from "../connection/log.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";
import type { RequestId } from "../../base/request_id.ts";
import { idOf } from "../../wire/request_id.ts";
import { detached } from "../../base/detached.ts";
import { callsOf } from "../calls/peer_calls.ts";
import { checkMay } from "../access/checks.ts";
import { publisherOf } from "../topics/peer_topics.ts";
import { answerLate } from "../connection/answer_late.ts";

/** Tag of ServerMessage.call: field 9, length-delimited. */
export const CALL_TAG = 0x4a;
/** Tag of ServerMessage.answer: field 10, length-delimited. */
const ANSWER_TAG = 0x52;
/** Field numbers of Answer. */
const PAYLOAD_FIELD = 1;
const TYPE_FIELD = 2;
const HEADERS_FIELD = 3;
const ERROR_FIELD = 4;

const cursor = new FieldCursor();
const header = new FieldCursor();
/** The call or the answer that is handed on; one object, filled again for each. */
const forwarded = new Entry();

/** Hands on the call that `scan` found, or answers it. Raises a ParleyError when it cannot be handed on. */
export function handleCall(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  const { payload: found, limits, clock } = session.context;
  found.scan(bytes, scan.start, scan.end, "call");
  checkType(bytes, found.typeStart, found.typeEnd);
  const publisher = publisherOf(session);
  const method = callsOf(session).methodName(bytes, found.nameStart, found.nameEnd);
  if (method.startsWith(OWN_METHODS)) {
    const { elsewhere } = features;
    if (elsewhere?.isElsewhere === true && isForWriter(method, elsewhere.isReachable)) {
      return elsewhere.forward(session, bytes, scan, method);
    }
    const payload = bytes.subarray(found.payloadStart, found.payloadEnd);
    return answerOwn(session, answerOwnMethod(features, session, method, payload), bytes, scan);
  }
  checkMay(session, "call", method);
  if (features.access?.isCallout(method)) throw notForClients(method);
  features.typeChecks.of("method", method)?.look(bytes, found);
  if (found.timeoutMs > limits.maxCallTimeoutMs) {
    throw invalidArgument(`cannot call "${method}" with a timeout of ${found.timeoutMs} ms`, {
      accepted: `at most ${limits.maxCallTimeoutMs} ms`,
    });
  }
  const timeoutMs = found.timeoutMs || limits.callTimeoutMs;
  const record = features.calls.ask(session, idOf(bytes, scan), method, timeoutMs);
  const { stamps } = publisher;
  stamps.setTime(clock.wallMs());
  const responder = record.responder.owner;
  const { start, end } = scan;
  forward(responder, CALL_TAG, forwarded.setBody(bytes, start, end).setStamps(stamps), record.id);
}

/** Otherwise passwords could be guessed by it, and nobody would slow that down. */
function notForClients(method: string): ParleyError {
  return new ParleyError(
    ErrorCode.PERMISSION_DENIED,
    `cannot call "${method}": the server asks by it who may come in, and nobody else does`,
    { accepted: "a Hello" },
  );
}

/** Answers a call of the server's own, now or when the answer is there. */
function answerOwn(
  session: Peer,
  answer: OwnAnswer | Promise<OwnAnswer>,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  if (!(answer instanceof Promise)) {
    return session.answer({ case: "answer", value: answer }, bytes, scan);
  }
  session.late.begin();
  session.late.beginCall();
  const later = answerOwnLater(session, answer, idOf(bytes, scan), scan.member);
  detached(later, "answer a call of the server's own methods");
}

/**
 * Answers a call of the server's own when what it does is done, in a turn of the session's calls: one commit can be the
 * end of hundreds. A refusal is told even if it has no id.
 */
async function answerOwnLater(
  session: Peer,
  answer: Promise<OwnAnswer>,
  id: RequestId,
  member: number,
): Promise<void> {
  let reply: Reply | null = null;
  try {
    const value = await answer;
    if (id !== 0) reply = { case: "answer", value };
  } catch (reason) {
    const error = refusalOf(session, member, reason);
    countRefusal(session.context, error, session);
    reply = errorReply(error);
  }
  // Not one await for all: the answers of a commit would all be admitted before the first of them is written.
  if (!session.callsTurn.begin()) await session.callsTurn.wait();
  session.late.endCall();
  answerLate(session, reply, id);
  session.outbox.flush();
}

/** Hands on the answer that `scan` found, unless nobody waits for it any more. */
export function handleAnswer(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  if (scan.idBytes === 0) {
    throw invalidArgument("cannot take an answer without an id", {
      accepted: "the id of the call that it answers",
    });
  }
  const id = idOf(bytes, scan);
  let error: ParleyError | null;
  try {
    error = scanAnswer(bytes, scan);
  } catch (reason) {
    if (!(reason instanceof ParleyError) || reason.closeReason !== CloseReason.UNSPECIFIED) {
      throw reason;
    }
    // The id is the server's: answered under it, the refusal could be taken for that of another request.
    session.send(errorReply(reason));
    error = new ParleyError(
      ErrorCode.INTERNAL,
      "cannot hand on the answer: the service sent an invalid one",
    );
  }
  if (features.callouts.isOwn(id)) {
    const answer = error ?? payloadOf(bytes, scan);
    return features.callouts.settle(id, session, answer);
  }
  if (error !== null) return endCallWith(features, session, id, error);
  const record = features.calls.take(id, session, false);
  if (record === null || record.callerId === 0) return;
  const caller = record.caller.owner;
  if (!caller.takesDeliveries || caller.endIfFull()) return;
  const answer = forwarded.setBody(bytes, scan.start, scan.end);
  forward(caller, ANSWER_TAG, answer, record.callerId);
}

/** Ends the call with this id of the server's, which `responder` was to answer, with its error. */
export function endCallWith(
  { calls }: Pick<Features, "calls">,
  responder: Peer,
  id: RequestId,
  error: ParleyError,
): void {
  const record = calls.take(id, responder, true);
  if (record === null || record.callerId === 0) return;
  const caller = record.caller.owner;
  if (!caller.takesDeliveries || caller.endIfFull()) return;
  caller.sendWithId(errorReply(error), record.callerId);
  caller.touch();
}

/** Gives up the call whose id the message that `scan` found carries. */
export function handleCancel(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  if (scan.idBytes > 0) features.calls.cancel(session, idOf(bytes, scan));
}

/** Checks an Answer, which is handed on as it came; gives the error when it carries one. */
function scanAnswer(bytes: Uint8Array, scan: MessageScan): ParleyError | null {
  let error: ParleyError | null = null;
  cursor.open(bytes, scan.start, scan.end);
  while (cursor.next()) {
    if (cursor.field > ERROR_FIELD) continue;
    cursor.expect(2);
    const { start, end } = cursor;
    if (cursor.field === TYPE_FIELD) checkType(bytes, start, end);
    else if (cursor.field === HEADERS_FIELD) checkHeader(bytes, start, end);
    else if (cursor.field === ERROR_FIELD) error = readError(bytes.subarray(start, end));
  }
  return error;
}

/** The payload of an Answer, as bytes of its own. */
function payloadOf(bytes: Uint8Array, scan: MessageScan): Uint8Array {
  let payload = new Uint8Array(0);
  cursor.open(bytes, scan.start, scan.end);
  while (cursor.next()) {
    if (cursor.field === PAYLOAD_FIELD) payload = bytes.slice(cursor.start, cursor.end);
  }
  return payload;
}

/** The error of a responder, or of another node. It may say what it likes, but not that the caller's connection ends. */
export function readError(body: Uint8Array): ParleyError {
  try {
    const { code, message, retryable, accepted } = fromBinary(ErrorSchema, body);
    const known = code !== ErrorCode.UNSPECIFIED && ErrorCode[code] !== undefined;
    return new ParleyError(known ? code : ErrorCode.INTERNAL, message, { retryable, accepted });
  } catch (reason) {
    throw protocolError(`cannot read the error of an answer: ${(reason as Error).message}`);
  }
}

function checkHeader(bytes: Uint8Array, start: number, end: number): void {
  header.open(bytes, start, end);
  while (header.next()) {
    if (header.field > 2) continue;
    header.expect(2);
    if (!isUtf8(bytes, header.start, header.end)) {
      throw protocolError("cannot read a header that is not UTF-8");
    }
  }
}

function checkType(bytes: Uint8Array, start: number, end: number): void {
  if (isTypeBytes(bytes, start, end)) return;
  checkMessageType(decodeTextLeniently(bytes.subarray(start, end)), "take message type");
}
