/**
 * Takes Subscribe and Unsubscribe; both are acknowledged when they carry an id.
 *
 * A refusal is answered with or without one, because a client that thinks it is subscribed waits for ever.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { invalidArgument } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import {
  OverflowPolicy,
  SubscribeSchema,
  UnsubscribeSchema,
} from "../../gen/parley/v1/event_pb.ts";
import { checkSubscription } from "../../logic/topics/pattern.ts";
import type { MessageScan } from "../../wire/message_scan.ts";
import { checkMayAll } from "../access/checks.ts";
import { countRefusal } from "../connection/counters.ts";
import { decodeBody } from "../connection/decode_body.ts";
import { refusalOf } from "../connection/log.ts";
import { errorReply } from "../connection/reply.ts";
import { acknowledge, acknowledgeInterest } from "./publish.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";
import {
  checkStart,
  checkStartFields,
  isAhead,
  maxSubscribeBytes,
  startFeeds,
  tellPositions,
} from "../kept/start_feeds.ts";

/** How long a node waits for what a start names before it goes on with what it has. */
const CATCH_UP_MS = 5000;

/**
 * Subscribes as the message that `scan` found asks for. Where that begins with what this node of a cluster has not applied
 * yet, it waits until it has, and the session with it.
 */
export function handleSubscribe(
  features: Features,
  session: Peer,
  _bytes: Uint8Array,
  scan: MessageScan,
): void {
  const waiting = subscribe(features, session, scan, true);
  if (waiting !== null) session.hold(waiting);
}

/** Subscribes at once, or gives what does it later. */
function subscribe(
  features: Features,
  session: Peer,
  scan: MessageScan,
  mayWait: boolean,
): Promise<void> | null {
  const { bytes } = scan;
  const { bus, kept } = features;
  const { limits } = session.context;
  const decode = (body: Uint8Array) => {
    checkStartFields(body);
    return fromBinary(SubscribeSchema, body);
  };
  const request = decodeBody(decode, bytes, scan, maxSubscribeBytes(limits));
  const { type, group, echo, overflow } = request;
  const pattern = checkSubscription(request, limits);
  checkMayAll(session, "subscribe", pattern, type);
  if (OverflowPolicy[overflow] === undefined) {
    throw invalidArgument(`cannot subscribe with overflow policy ${overflow}`, {
      accepted: "DISCONNECT, DROP_OLDEST, DROP_NEWEST or CATCH_UP",
    });
  }
  const { start } = request;
  if (start !== undefined) {
    checkStart(kept, pattern, group, start);
    if (mayWait && isAhead(kept!, pattern, start)) return subscribeLater(features, session, scan);
  }
  bus.subscribe(session, { pattern, type, group, echo, overflow });
  const historyLost = start !== undefined && startFeeds(kept!, session, pattern, start);
  const tells = request.tellPositions && scan.idBytes > 0;
  const told = tells ? tellPositions(kept, session, pattern) : {};
  const says = historyLost || tells ? { historyLost, ...told } : null;
  if (start === undefined) acknowledgeInterest(features, session, scan, says);
  // Its history must not come before it: it is not told when other nodes know of it.
  else acknowledgeInterest({ cluster: null }, session, scan, says);
  return null;
}

async function subscribeLater(features: Features, session: Peer, scan: MessageScan) {
  const later = scan.copy();
  session.late.begin();
  await features.lead?.caughtUp(CATCH_UP_MS);
  try {
    if (session.takesDeliveries) await subscribe(features, session, later, false);
  } catch (reason) {
    const error = refusalOf(session, later.member, reason);
    countRefusal(session.context, error, session);
    if (session.takesDeliveries) session.answer(errorReply(error), later.bytes, later);
  } finally {
    session.late.end();
    session.answered();
    features.bus.endTurn();
  }
}

/** Ends the subscription that the message that `scan` found names. */
export function handleUnsubscribe(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
  const { bus } = features;
  const request = decodeBody((body) => fromBinary(UnsubscribeSchema, body), bytes, scan);
  const { type, group, afterEvents } = request;
  const pattern = checkSubscription(request, session.context.limits);
  if (afterEvents > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw invalidArgument(`cannot unsubscribe from ${quote(pattern)} after ${afterEvents} events`, {
      accepted: `at most ${Number.MAX_SAFE_INTEGER}`,
    });
  }
  bus.unsubscribe(session, { pattern, type, group }, Number(afterEvents));
  if (scan.idBytes > 0) acknowledge(session, scan, 0);
}
