/**
 * Walking over frames of an outbox: every frame once, events told from the rest, their names read.
 */
import assert from "node:assert/strict";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ServerMessageSchema } from "../../lib/gen/parley/v1/envelope_pb.ts";
import { FrameWalk } from "../../lib/wire/frame_walk.ts";
import { hex, join, prefix, textOf } from "../support/frames.ts";

type ServerMessageInit = MessageInitShape<typeof ServerMessageSchema>;

const event = fc.record({
  topic: fc.constantFrom("a", "a.b", "größer.€", textOf(256)),
  type: fc.constantFrom("", "T", "acme.v1.OrderCreated"),
  group: fc.constantFrom("", "g", textOf(200)),
  sender: fc.constantFrom("", "x-1", "server-123456"),
  payload: fc.integer({ min: 0, max: 20_000 }).map((bytes) => new Uint8Array(bytes).fill(0x1a)),
}).map((value) => ({ case: "event", value } as const));
const other = fc.constantFrom<Exclude<ServerMessageInit["message"], undefined>>(
  { case: "ack", value: { level: 1, receivers: 300 } } as const,
  { case: "echoMessage", value: { content: "x".repeat(200) } } as const,
  { case: "missed", value: { topic: "a", count: 3n } } as const,
  { case: "cancel", value: {} } as const,
);

Deno.test("frames are walked over one by one, and events can be read", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(event, other), { maxLength: 12 }), (messages) => {
      const frames = messages.map((message, index) => {
        const id = message.case === "event" ? 0n : BigInt(index);
        const bytes = toBinary(ServerMessageSchema, create(ServerMessageSchema, { message, id }));
        return join(prefix(bytes.length, "delimited"), bytes);
      });
      const walk = new FrameWalk();
      const all = join(...frames);
      // What lies behind the length is another's.
      walk.open(join(all, hex("ff ff ff")), all.length);
      let at = 0;
      for (const [index, message] of messages.entries()) {
        assert(walk.next());
        assert.deepEqual([walk.start, walk.end], [at, at + frames[index].length]);
        at = walk.end;
        assert.equal(walk.isEvent, message.case === "event");
        if (message.case !== "event") continue;
        walk.readEvent();
        const { topic, type, group } = message.value;
        assert.deepEqual([walk.topic, walk.type, walk.group], [topic, type, group]);
      }
      assert(!walk.next());
    }),
  );
});

Deno.test("a frame that is cut off is a defect, not an end", () => {
  const walk = new FrameWalk();
  walk.open(hex("05 1a 03 0a"), 4);
  assert.throws(() => walk.next(), /broken invariant: an outbox holds whole frames/);
});
