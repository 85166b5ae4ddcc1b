/**
 * What a client asks the server on behalf of its subscriptions, and the events that come for them, in bytes.
 */
import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { EventSchema, type StartSchema } from "../../gen/parley/v1/event_pb.ts";
import type { Incoming } from "../connection/answers.ts";
import { encodeRequest } from "../connection/requests.ts";
import { OVERFLOW, type Subscription } from "./subscription.ts";
import { ReceivedEvent } from "./event.ts";

/** Reads an event; all that it holds is its own. */
export function readEvent(incoming: Incoming): ReceivedEvent {
  return receivedEvent(fromBinary(EventSchema, incoming.body().slice()));
}

/** An event as programs get it. */
export function receivedEvent(event: MessageShape<typeof EventSchema>): ReceivedEvent {
  return new ReceivedEvent(event);
}

/** Asks for what all `members` want, who share a subscription of the server's. */
export function encodeSubscribe(
  members: readonly Subscription[],
  start?: MessageInitShape<typeof StartSchema>,
): Uint8Array {
  const { pattern, type, group, overflow } = members[0];
  const echo = members.some((member) => member.echo);
  const tellPositions = group === "";
  return encodeRequest({
    case: "subscribe",
    value: { pattern, type, group, echo, overflow: OVERFLOW[overflow], start, tellPositions },
  });
}

/** Ends a subscription of the server's, after so many more events. */
export function encodeUnsubscribe(subscription: Subscription, afterEvents: number): Uint8Array {
  const { pattern, type, group } = subscription;
  return encodeRequest({
    case: "unsubscribe",
    value: { pattern, type, group, afterEvents: BigInt(afterEvents) },
  });
}
