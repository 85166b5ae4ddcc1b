/**
 * Messages that many are shown are decoded once, and each is what its own bytes say.
 */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { DecodedMessages } from "../../../lib/adapters/text/decoded_messages.ts";
import { ServerMessageSchema } from "../../../lib/gen/parley/v1/envelope_pb.ts";

function eventBytes(number: number, size = 10, id = 0n): Uint8Array {
  const value = {
    topic: `room.r`,
    payload: new Uint8Array(size).fill(number & 0xff),
    seq: BigInt(number),
  };
  return toBinary(
    ServerMessageSchema,
    create(ServerMessageSchema, { id, message: { case: "event", value } }),
  );
}

function seqOf(decoded: DecodedMessages, bytes: Uint8Array): bigint {
  const { message } = decoded.of(bytes);
  assert(message.case === "event");
  return message.value.seq;
}

Deno.test("a message that is shown again is decoded once, and does not lie in the buffer of its first reader", () => {
  const decoded = new DecodedMessages();
  const bytes = eventBytes(7);
  const first = decoded.of(bytes);
  assert.equal(decoded.of(bytes.slice()), first);
  const before = bytes.slice();
  bytes.fill(0);
  assert.equal(decoded.of(before), first);
  assert.equal(seqOf(decoded, before), 7n);
});

Deno.test("messages that are large, or answers, are decoded each time, and others are forgotten in their order", () => {
  const decoded = new DecodedMessages();
  const large = eventBytes(1, 4000);
  assert.notEqual(decoded.of(large), decoded.of(large));
  const answer = eventBytes(1, 10, 5n);
  assert.notEqual(decoded.of(answer), decoded.of(answer));
  const first = decoded.of(eventBytes(0));
  for (let number = 1; number < 10_000; number++) {
    assert.equal(seqOf(decoded, eventBytes(number)), BigInt(number));
  }
  assert.notEqual(decoded.of(eventBytes(0)), first, "it was forgotten");
});

Deno.test("long messages are decoded once within their bound, and the oldest are forgotten", () => {
  const size = eventBytes(1, 4000).length;
  const decoded = new DecodedMessages(3 * size);
  const [first, second, third, fourth] = [1, 2, 3, 4].map((number) => eventBytes(number, 4000));
  const known = decoded.of(first);
  decoded.of(second);
  decoded.of(third);
  assert.equal(decoded.of(first.slice()), known);
  decoded.of(fourth);
  const again = decoded.of(first);
  assert.notEqual(again, known, "it was forgotten");
  assert.equal(decoded.of(first), again);
  const tooLong = eventBytes(5, 3 * size);
  assert.notEqual(decoded.of(tooLong), decoded.of(tooLong));
  assert.equal(decoded.of(first), again, "what is not kept takes no room");
});

Deno.test("long messages that differ only in the middle are told apart", () => {
  const decoded = new DecodedMessages(100_000);
  const one = eventBytes(1, 4000);
  const other = one.slice();
  other[2000] ^= 0xff;
  const payloadOf = (bytes: Uint8Array) => {
    const { message } = decoded.of(bytes);
    assert(message.case === "event");
    return message.value.payload;
  };
  assert.notDeepEqual(payloadOf(one), payloadOf(other));
  assert.deepEqual(payloadOf(one), payloadOf(one.slice()));
});
