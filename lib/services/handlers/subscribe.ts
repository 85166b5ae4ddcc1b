/**
 * Takes Subscribe and Unsubscribe; both are acknowledged when they carry an id.
 *
 * A refusal is answered with or without one, because a client that thinks it is subscribed waits for ever.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { invalidArgument } from "../../base/errors.ts";
import {
  OverflowPolicy,
  SubscribeSchema,
  UnsubscribeSchema,
} from "../../gen/parley/v1/event_pb.ts";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { checkSubscription } from "../../logic/topics/pattern.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { decodeBody } from "../connection/decode_body.ts";
import { acknowledge } from "./publish.ts";
import type { Session } from "../connection/session.ts";
import { checkStart, startFeeds, tellPositions } from "../kept/start_feeds.ts";

/** Subscribes as the message that `scan` found asks for. */
export function handleSubscribe(session: Session, bytes: Uint8Array, scan: MessageScan): void {
  const { host } = session;
  const request = decodeBody((body) => fromBinary(SubscribeSchema, body), bytes, scan);
  const { type, group, echo, overflow } = request;
  const pattern = checkSubscription(request.pattern, type, group, host.limits);
  if (OverflowPolicy[overflow] === undefined) {
    throw invalidArgument(`cannot subscribe with overflow policy ${overflow}`, {
      accepted: "DISCONNECT, DROP_OLDEST, DROP_NEWEST or CATCH_UP",
    });
  }
  const { start } = request;
  if (start !== undefined) checkStart(session, pattern, group, start);
  host.bus.subscribe(session, { pattern, type, group, echo, overflow });
  const historyLost = start !== undefined && startFeeds(session, pattern, start);
  const tells = request.tellPositions && scan.idBytes > 0;
  if (historyLost || tells) {
    const told = tells ? tellPositions(session, pattern) : {};
    const value = { level: AckLevel.ROUTED, historyLost, ...told };
    session.answer({ case: "ack", value }, bytes, scan);
  } else if (scan.idBytes > 0) acknowledge(session, bytes, scan, AckLevel.ROUTED, 0);
}

/** Ends the subscription that the message that `scan` found names. */
export function handleUnsubscribe(session: Session, bytes: Uint8Array, scan: MessageScan): void {
  const { host } = session;
  const request = decodeBody((body) => fromBinary(UnsubscribeSchema, body), bytes, scan);
  const { type, group, afterEvents } = request;
  const pattern = checkSubscription(request.pattern, type, group, host.limits);
  if (afterEvents > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw invalidArgument(`cannot count ${afterEvents} events`, {
      accepted: `at most ${Number.MAX_SAFE_INTEGER}`,
    });
  }
  host.bus.unsubscribe(session, { pattern, type, group }, Number(afterEvents));
  if (scan.idBytes > 0) acknowledge(session, bytes, scan, AckLevel.ROUTED, 0);
}
