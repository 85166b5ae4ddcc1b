/**
 * A publish over HTTP is written as the generated classes write it, whatever is in it.
 */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { eventMessage } from "../../../lib/adapters/http/api/event_message.ts";
import { ClientMessageSchema } from "../../../lib/gen/parley/v1/envelope_pb.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ minLength: 120, maxLength: 300 }),
);

Deno.test("http: a publish has the bytes that the generated classes give it", () => {
  const event = fc.record({
    topic: text,
    payload: fc.uint8Array({ maxLength: 20_000, size: "max" }),
    type: text,
    messageId: text,
    headers: fc.dictionary(text.filter((name) => name !== "__proto__"), text, { maxKeys: 5 }),
  });
  fc.assert(fc.property(event, fc.integer({ min: 1, max: 2 ** 53 - 1 }), (value, id) => {
    const message = { message: { case: "event", value }, id: BigInt(id) } as const;
    const expected = sizeDelimitedEncode(ClientMessageSchema, create(ClientMessageSchema, message));
    assert.deepEqual(new Uint8Array(eventMessage(value, id)), expected);
  }));
});
