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
import { decodeBody } from "../connection/decode_body.ts";
import { acknowledge, acknowledgeInterest } from "./publish.ts";
import type { Features } from "../features.ts";
import type { Peer } from "../connection/peer.ts";
import {
  checkStart,
  checkStartFields,
  maxSubscribeBytes,
  startFeeds,
  tellPositions,
} from "../kept/start_feeds.ts";

/** Subscribes as the message that `scan` found asks for. */
export function handleSubscribe(
  features: Features,
  session: Peer,
  bytes: Uint8Array,
  scan: MessageScan,
): void {
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
  if (start !== undefined) checkStart(kept, pattern, group, start);
  bus.subscribe(session, { pattern, type, group, echo, overflow });
  const historyLost = start !== undefined && startFeeds(kept!, session, pattern, start);
  const tells = request.tellPositions && scan.idBytes > 0;
  if (historyLost || tells) {
    const told = tells ? tellPositions(kept, session, pattern) : {};
    acknowledgeInterest(features, session, scan, { historyLost, ...told });
  } else acknowledgeInterest(features, session, scan);
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
