/**
 * The stamps that are appended to what others sent, as the generated class reads them.
 */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { EventSchema } from "../../lib/gen/parley/v1/event_pb.ts";
import { groupStamp, SenderStamps } from "../../lib/wire/stamp.ts";
import { bytesOf } from "../support/bus_messages.ts";
import { join, textOf } from "../support/frames.ts";

Deno.test("an event with stamps is the event, its sender, its time and its group", () => {
  const wallMs = fc.oneof(
    fc.integer({ min: 0, max: 8_640_000_000_000 }),
    fc.constantFrom(0, 1, 127, 128, 2 ** 31, 2 ** 32, 1_700_000_000_000),
  );
  const text = (maxLength: number) => fc.string({ maxLength }).map((each) => each.toWellFormed());
  fc.assert(
    fc.property(text(100), text(300), wallMs, text(40), (sender, group, wallMs, topic) => {
      const stamps = new SenderStamps(sender);
      stamps.setTime(wallMs);
      const body = toBinary(EventSchema, create(EventSchema, { topic, payload: bytesOf("p") }));
      const stamp = group === "" ? new Uint8Array(0) : groupStamp(group);
      const event = fromBinary(
        EventSchema,
        join(body, stamps.bytes.subarray(0, stamps.length), stamp),
      );
      assert.equal(event.topic, topic);
      assert.equal(event.sender, sender);
      assert.equal(event.timeUnixMicros, BigInt(wallMs) * 1000n);
      assert.equal(event.group, group);
      assert.equal(event.seq, 0n);
      assert.equal(event.$unknown, undefined);
    }),
  );
});

Deno.test("the time of stamps may go forth and back, and be set again and again", () => {
  const stamps = new SenderStamps("s-1");
  const timeOf = () =>
    fromBinary(EventSchema, stamps.bytes.subarray(0, stamps.length)).timeUnixMicros;
  for (const wallMs of [5, 5, 1_700_000_000_000, 3, 0, 8_640_000_000_000, 8_640_000_000_000]) {
    stamps.setTime(wallMs);
    assert.equal(timeOf(), BigInt(wallMs) * 1000n);
  }
});

Deno.test("the longest group name that is allowed is stamped whole", () => {
  const group = textOf(256);
  assert.equal(fromBinary(EventSchema, groupStamp(group)).group, group);
});
