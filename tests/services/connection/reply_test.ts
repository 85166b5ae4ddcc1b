/**
 * Answers of the server's own methods are written by hand: they are the bytes that the generated class makes of them.
 */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ServerMessageSchema } from "../../../lib/gen/parley/v1/envelope_pb.ts";
import {
  encodeReply,
  encodeReplyWithId,
  type Reply,
} from "../../../lib/services/connection/reply.ts";

Deno.test("an answer is encoded as its generated class would, with and without an id", () => {
  const answers = fc.record({
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 16_000, max: 17_000 }).map((length) => new Uint8Array(length)),
    ),
    type: fc.oneof(fc.constant(""), fc.string(), fc.constant("parley.v1.SayResponse")),
  });
  const ids = fc.oneof(fc.nat(1000), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }));
  fc.assert(fc.property(answers, ids, (value, id) => {
    const reply: Reply = { case: "answer", value };
    const expected = (id: bigint) =>
      toBinary(ServerMessageSchema, create(ServerMessageSchema, { message: reply, id }));
    assert.deepEqual(encodeReply(reply), expected(0n));
    assert.deepEqual(encodeReplyWithId(reply, id), expected(BigInt(id)));
  }));
});
