/**
 * Events of rooms are put into their envelope by hand: they are the bytes that the generated class makes of them, and the
 * message_id lies where it is said to.
 */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { EventSchema } from "../../../lib/gen/parley/v1/event_pb.ts";
import { RoomEventSchema } from "../../../lib/gen/parley/v1/room_pb.ts";
import { encodeEvent, type RoomHappening } from "../../../lib/services/rooms/room_event.ts";

Deno.test("an event of a room is encoded as its generated class would", () => {
  const texts = fc.oneof(
    fc.string(),
    fc.string({ minLength: 200, maxLength: 400, unit: "binary" }),
  );
  fc.assert(fc.property(texts, texts, (text, messageId) => {
    const happening: RoomHappening = { case: "said", value: { name: "ann", text } };
    const topic = "room.hall";
    const { body, idStart, idEnd } = encodeEvent(topic, happening, messageId);
    const payload = toBinary(RoomEventSchema, create(RoomEventSchema, { event: happening }));
    const type = RoomEventSchema.typeName;
    const event = create(EventSchema, { topic, payload, type, messageId });
    assert.deepEqual(body, toBinary(EventSchema, event));
    assert.equal(
      new TextDecoder("utf-8", { ignoreBOM: true }).decode(body.subarray(idStart, idEnd)),
      messageId,
    );
  }));
});
