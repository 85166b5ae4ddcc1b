/**
 * Events of rooms as bytes.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { EventSchema } from "../../gen/parley/v1/event_pb.ts";
import { RoomEventSchema } from "../../gen/parley/v1/room_pb.ts";

/** What happens in a room. */
export type RoomHappening = MessageInitShape<typeof RoomEventSchema>["event"];

/** Encodes an event of a room, and says where its message_id lies. */
export function encodeEvent(topic: string, event: RoomHappening, messageId: string) {
  const payload = toBinary(RoomEventSchema, create(RoomEventSchema, { event }));
  const head = toBinary(
    EventSchema,
    create(EventSchema, { topic, payload, type: RoomEventSchema.typeName }),
  );
  if (messageId === "") return { body: head, idStart: 0, idEnd: 0 };
  const tail = toBinary(EventSchema, create(EventSchema, { messageId }));
  const body = new Uint8Array(head.length + tail.length);
  body.set(head);
  body.set(tail, head.length);
  // The tail is a tag, a length of one byte or two, and the id itself.
  const idBytes = new TextEncoder().encode(messageId).length;
  return { body, idStart: body.length - idBytes, idEnd: body.length };
}

/** That somebody has left a room with `online` members; `lost` says that the connection was. */
export function leftOf(name: string, online: number, lost: boolean): RoomHappening {
  return { case: "left", value: { name, online, lost } };
}
