/**
 * Events of rooms as bytes.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { EventSchema } from "../../gen/parley/v1/event_pb.ts";
import { DirectMessageSchema, RoomEventSchema } from "../../gen/parley/v1/room_pb.ts";
import type { SenderStamps } from "../../wire/stamp.ts";
import { putVarint, varintSize } from "../../wire/varint.ts";
import { DIRECT_TOPIC } from "../topics/reserved.ts";

/** Tags of Event.topic, payload, type and message_id: fields 1, 2, 3 and 5, length-delimited. */
const TOPIC_TAG = 0x0a;
const PAYLOAD_TAG = 0x12;
const TYPE_TAG = 0x1a;
const MESSAGE_ID_TAG = 0x2a;

const encoder = new TextEncoder();
const TYPE = encoder.encode(RoomEventSchema.typeName);

/** What happens in a room. */
export type RoomHappening = MessageInitShape<typeof RoomEventSchema>["event"];

/**
 * Encodes an event of a room, and says where its message_id lies. Its envelope is written by hand, since much is said in
 * a room of many.
 */
export function encodeEvent(topic: string, event: RoomHappening, messageId: string) {
  const payload = toBinary(RoomEventSchema, create(RoomEventSchema, { event }));
  const name = encoder.encode(topic);
  const id = encoder.encode(messageId);
  const idSize = id.length === 0 ? 0 : sizeOf(id);
  const body = new Uint8Array(sizeOf(name) + sizeOf(payload) + sizeOf(TYPE) + idSize);
  let at = put(body, 0, TOPIC_TAG, name);
  at = put(body, at, PAYLOAD_TAG, payload);
  at = put(body, at, TYPE_TAG, TYPE);
  const type = RoomEventSchema.typeName;
  const encoded = { topic, type, body, payloadBytes: payload.length };
  if (id.length === 0) return { ...encoded, idStart: 0, idEnd: 0 };
  put(body, at, MESSAGE_ID_TAG, id);
  return { ...encoded, idStart: body.length - id.length, idEnd: body.length };
}

/** Encodes what one person tells another, with the stamps of who tells it. */
export function encodeDirect(
  message: MessageInitShape<typeof DirectMessageSchema>,
  stamps: SenderStamps,
): Uint8Array {
  const { typeName } = DirectMessageSchema;
  const payload = toBinary(DirectMessageSchema, create(DirectMessageSchema, message));
  const event = create(EventSchema, { topic: DIRECT_TOPIC, payload, type: typeName });
  const body = toBinary(EventSchema, event);
  const stamped = new Uint8Array(body.length + stamps.length);
  stamped.set(body);
  stamped.set(stamps.bytes.subarray(0, stamps.length), body.length);
  return stamped;
}

/** The bytes of a field with its tag, of one byte, and its length. */
function sizeOf({ length }: Uint8Array): number {
  return 1 + varintSize(length) + length;
}

function put(body: Uint8Array, at: number, tag: number, value: Uint8Array): number {
  body[at++] = tag;
  at = putVarint(body, at, value.length);
  body.set(value, at);
  return at + value.length;
}

/** That somebody has come into a room, which has `online` members by that. */
export function joinedOf(name: string, online: number): RoomHappening {
  return { case: "joined", value: { name, online } };
}

/** That somebody has left a room with `online` members; `lost` says that the connection was. */
export function leftOf(name: string, online: number, lost: boolean): RoomHappening {
  return { case: "left", value: { name, online, lost } };
}
