/**
 * The bus with generated messages: what goes through, and payloads that are no such message.
 */
import assert from "node:assert/strict";
import {
  callMessage,
  ErrorCode,
  type ParleyError,
  publishMessage,
  type ReceivedEvent,
  serveMessages,
  subscribeMessages,
} from "../../../lib/client/mod.ts";
import {
  AddRequestSchema,
  AddResponseSchema,
  EchoMessageSchema,
} from "../../../lib/gen/parley/v1/demo_pb.ts";
import { arrived, BusFixture } from "../bus_support.ts";
import { rejection } from "../rejections.ts";

/** A tag that does not end. */
const BROKEN = new Uint8Array([0xff]);

Deno.test("messages are published under their name and come back decoded, of one type alone", async () => {
  await using bus = await BusFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client()];
  await using typed = await subscribeMessages(client, EchoMessageSchema);
  await using narrowed = await subscribeMessages(client, EchoMessageSchema, "a.*", {
    maxEvents: 1,
  });
  assert.equal(typed.subscription.type, "parley.v1.EchoMessage");
  await publishMessage(publisher, "b", EchoMessageSchema, { content: "Grüße" });
  await publishMessage(publisher, "b", AddRequestSchema, { a: 1, b: 2 });
  await publishMessage(publisher, "a.b", EchoMessageSchema, { content: "x" }, { ack: false });
  await arrived(publisher, client);
  const contents: string[] = [];
  for await (const { event, message } of typed) {
    contents.push(`${event.topic} ${message.content}`);
    if (contents.length === 2) break;
  }
  assert.deepEqual(contents, ["b Grüße", "a.b x"]);
  assert(typed.subscription.ended);
  for await (const { message } of narrowed) contents.push(message.content);
  assert.deepEqual(contents, ["b Grüße", "a.b x", "x"]);
});

Deno.test("a payload that is no such message raises and ends, or is passed over", async () => {
  await using bus = await BusFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client()];
  const invalid: [ReceivedEvent, ParleyError][] = [];
  const strict = await subscribeMessages(client, EchoMessageSchema, "t");
  const lenient = await subscribeMessages(client, EchoMessageSchema, "t", {
    onInvalid: (event, error) => void invalid.push([event, error]),
    maxEvents: 3,
  });
  await publishMessage(publisher, "t", EchoMessageSchema, { content: "0" });
  await publisher.publish("t", BROKEN, { type: EchoMessageSchema.typeName });
  await publishMessage(publisher, "t", EchoMessageSchema, { content: "2" });
  await arrived(publisher, client);
  const contents: string[] = [];
  const error = await rejection(
    (async () => {
      for await (const { message } of strict) contents.push(message.content);
    })(),
    "INVALID_ARGUMENT",
  );
  assert.match(error.message, /event on "t".*no parley\.v1\.EchoMessage/);
  assert(error.cause instanceof Error);
  assert(strict.subscription.ended);
  for await (const { message } of lenient) contents.push(message.content);
  assert.deepEqual(contents, ["0", "0", "2"]);
  assert.equal(invalid.length, 1);
  assert.deepEqual(invalid[0][0].payload, BROKEN);
  assert.equal(invalid[0][1].code, ErrorCode.INVALID_ARGUMENT);
});

Deno.test("calls and answers are messages, and each side is told of its own faults", async () => {
  await using bus = await BusFixture.start();
  const errors: ParleyError[] = [];
  const caller = await bus.client();
  const responder = await bus.client({ onError: (error) => errors.push(error) });
  let handled = 0;
  await serveMessages(responder, "sum/Add", AddRequestSchema, AddResponseSchema, ({ a, b }) => {
    handled++;
    return { result: b === 0 ? 1.5 : a + b };
  });
  const add = (a: number, b: number) =>
    callMessage(caller, "sum/Add", AddRequestSchema, AddResponseSchema, { a, b });
  assert.equal((await add(2, 3)).result, 5);
  // The caller's: a request that cannot be encoded, bytes that are none, another type.
  await rejection(add(1.5, 1), "INVALID_ARGUMENT");
  await rejection(caller.call("sum/Add", BROKEN), "INVALID_ARGUMENT");
  const other = caller.call("sum/Add", "", { type: EchoMessageSchema.typeName });
  assert.match(
    (await rejection(other, "INVALID_ARGUMENT")).message,
    /but a parley\.v1\.EchoMessage/,
  );
  assert.equal(handled, 1);
  assert.deepEqual(errors, []);
  // The responder's: an answer that cannot be encoded, bytes that are none, another type.
  await rejection(add(1, 0), "INTERNAL");
  assert.equal(errors.length, 1);
  await responder.serve("bytes/None", () => BROKEN);
  await responder.serve("type/Other", () => ({ payload: "", type: EchoMessageSchema.typeName }));
  for (const method of ["bytes/None", "type/Other"]) {
    const answer = callMessage(caller, method, AddRequestSchema, AddResponseSchema, {});
    assert.match((await rejection(answer, "INTERNAL")).message, /no parley\.v1\.AddResponse/);
  }
  // The server's own methods speak the same way.
  const echoed = await callMessage(
    caller,
    "parley.v1.Demo/Echo",
    EchoMessageSchema,
    EchoMessageSchema,
    { content: "x" },
  );
  assert.equal(echoed.content, "x");
});

Deno.test("what the schema does not allow rejects, and never throws", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  const odd = { a: "x" as unknown as number };
  await rejection(publishMessage(client, "t", AddRequestSchema, odd), "INVALID_ARGUMENT");
  const call = callMessage(client, "a/B", AddRequestSchema, AddResponseSchema, odd);
  await rejection(call, "INVALID_ARGUMENT");
});
