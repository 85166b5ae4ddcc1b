/**
 * Events whose payloads are cut: what is left is the same event but for that.
 */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EventSchema } from "../../../lib/gen/parley/v1/event_pb.ts";
import { cutPayload } from "../../../lib/services/topics/tailed_event.ts";

const event = (length: number) =>
  create(EventSchema, {
    topic: "orders.eu",
    payload: new Uint8Array(length).map((_, index) => index),
    type: "acme.v1.Order",
    headers: { trace: "abc" },
    messageId: "id",
    sender: "s-1",
    seq: 7n,
  });

Deno.test("a payload is cut to its beginning, and the rest stays", () => {
  for (const length of [0, 1, 99, 100, 101, 200, 20_000]) {
    const whole = event(length);
    const around = new Uint8Array([1, 2, ...toBinary(EventSchema, whole), 3]);
    const { bytes, payloadBytes } = cutPayload(around, 2, around.length - 1, 100);
    assert.equal(payloadBytes, length);
    const read = fromBinary(EventSchema, bytes);
    assert.deepEqual(read, { ...whole, payload: whole.payload.slice(0, 100) });
    assert.notEqual(bytes.buffer, around.buffer);
  }
});
