/**
 * The one switch: which handler answers which message.
 *
 * Every listener's messages pass through here, so this is also where a session's right to a member is decided;
 * which names it may be about, handlers ask services/access/checks. Handlers raise a ParleyError to refuse; they
 * never wait.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { mayNot, MEMBER } from "../../logic/access/access.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { handleAdd } from "./add.ts";
import { handleAnswer, handleCall, handleCancel } from "./call.ts";
import { handleEcho } from "./echo.ts";
import { handleHello } from "./hello.ts";
import { handlePing, handlePong } from "./ping.ts";
import { handlePublish } from "./publish.ts";
import { handlePull } from "./pull.ts";
import { handlePush } from "./push.ts";
import { handleRegister, handleUnregister } from "./register.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";
import { handleSettle } from "./settle.ts";
import { handleSubscribe, handleUnsubscribe } from "./subscribe.ts";

/** The members that are about queues, as bits: one node of a cluster does that for all. */
const OF_QUEUES = 1 << MEMBER.job | 1 << MEMBER.pull | 1 << MEMBER.settle;

/** Answers the message that `scan` found in `bytes`. Raises a ParleyError to refuse it. */
export function dispatch(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  const { member } = scan;
  if (member === 0) throw unknownMessage(scan);
  if ((session.rights & (1 << member)) === 0) throw mayNot(member, session.identity);
  if (session.slots.elsewhere !== null) features.elsewhere?.bring(session);
  if ((OF_QUEUES >>> member & 1) !== 0 && features.elsewhere?.isElsewhere === true) {
    return features.elsewhere.forward(session, bytes, scan);
  }
  switch (member) {
    case MEMBER.event:
      return handlePublish(features, session, scan);
    case MEMBER.job:
      return handlePush(features, session, bytes, scan);
    case MEMBER.settle:
      return handleSettle(features, session, bytes, scan);
    case MEMBER.pull:
      return handlePull(features, session, bytes, scan);
    case MEMBER.echo:
      return handleEcho(session, bytes, scan);
    case MEMBER.add:
      return handleAdd(session, bytes, scan);
    case MEMBER.hello:
      return handleHello(features, session, bytes, scan);
    case MEMBER.subscribe:
      return handleSubscribe(features, session, bytes, scan);
    case MEMBER.unsubscribe:
      return handleUnsubscribe(features, session, bytes, scan);
    case MEMBER.ping:
      return handlePing(session, bytes, scan);
    case MEMBER.pong:
      return handlePong(session, bytes, scan);
    case MEMBER.call:
      return handleCall(features, session, bytes, scan);
    case MEMBER.answer:
      return handleAnswer(features, session, bytes, scan);
    case MEMBER.cancel:
      return handleCancel(features, session, bytes, scan);
    case MEMBER.register:
      return handleRegister(features, session, bytes, scan);
    case MEMBER.unregister:
      return handleUnregister(features, session, bytes, scan);
    default:
      throw unknownMessage(scan);
  }
}

function unknownMessage(scan: MessageScan): ParleyError {
  const member = scan.member || scan.unknown;
  if (member === 0) {
    return invalidArgument("cannot answer an empty message: no member of its oneof is set");
  }
  return new ParleyError(
    ErrorCode.UNIMPLEMENTED,
    `cannot answer a message with field ${member}: this server does not know it`,
  );
}
