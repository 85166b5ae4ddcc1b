/**
 * The messages of the bus and of services as a client makes them, in as few words as tests like.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type EventSchema,
  OverflowPolicy,
  type StartSchema,
} from "../../lib/gen/parley/v1/event_pb.ts";
import type { AnswerSchema, CallSchema } from "../../lib/gen/parley/v1/service_pb.ts";
import type { ClientMessageInit } from "./frames.ts";

/** What an event is made of. */
export type EventInit = MessageInitShape<typeof EventSchema>;

/** A subscription; everything but the pattern has protobuf's default. */
export interface SubscribeInit {
  pattern?: string;
  type?: string;
  group?: string;
  echo?: boolean;
  overflow?: OverflowPolicy;
  start?: StartInit;
  tellPositions?: boolean;
}

/** Where in the history a subscription begins. */
export type StartInit = MessageInitShape<typeof StartSchema>;

const encoder = new TextEncoder();

/** Text as bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Bytes as text. */
export function textIn(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** Publishes. An id of zero asks for no acknowledgement. */
export function publish(event: EventInit, id = 0n): ClientMessageInit {
  return { message: { case: "event", value: event }, id };
}

/** Publishes a number as text. */
export function publishNumber(topic: string, number: number, id = 0n): ClientMessageInit {
  return publish({ topic, payload: bytesOf(`${number}`) }, id);
}

/** Subscribes, to a pattern or to more than that. */
export function subscribe(what: string | SubscribeInit, id = 0n): ClientMessageInit {
  const value = typeof what === "string" ? { pattern: what } : what;
  return { message: { case: "subscribe", value }, id };
}

/** Unsubscribes, at once or after a number of events. */
export function unsubscribe(
  what: string | SubscribeInit & { afterEvents?: bigint },
  id = 0n,
): ClientMessageInit {
  const value = typeof what === "string" ? { pattern: what } : what;
  const { pattern, type, group, afterEvents } = value as SubscribeInit & { afterEvents?: bigint };
  return { message: { case: "unsubscribe", value: { pattern, type, group, afterEvents } }, id };
}

/** Calls a method. */
export function call(init: MessageInitShape<typeof CallSchema>, id = 0n): ClientMessageInit {
  return { message: { case: "call", value: init }, id };
}

/** Answers the call with this id of the server's. */
export function answer(init: MessageInitShape<typeof AnswerSchema>, id: bigint): ClientMessageInit {
  return { message: { case: "answer", value: init }, id };
}

/** Gives up a call. */
export function cancel(id: bigint): ClientMessageInit {
  return { message: { case: "cancel", value: {} }, id };
}

/** Offers a method. */
export function register(method: string, id = 0n): ClientMessageInit {
  return { message: { case: "register", value: { method } }, id };
}

/** Takes the offer back. */
export function unregister(method: string, id = 0n): ClientMessageInit {
  return { message: { case: "unregister", value: { method } }, id };
}

export { OverflowPolicy };
