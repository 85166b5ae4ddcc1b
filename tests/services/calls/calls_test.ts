/**
 * Calls that come back: answers, typed errors of services, shared load, and the server's own methods.
 */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import {
  AddRequestSchema,
  AddResponseSchema,
  EchoMessageSchema,
} from "../../../lib/gen/parley/v1/demo_pb.ts";
import { busTest, Clients } from "../../support/bus_client.ts";
import {
  answer,
  bytesOf,
  call,
  publish,
  register,
  subscribe,
  textIn,
  unregister,
} from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import { type HandedCall, nextCall, serve } from "../../support/responder.ts";
import { startServer } from "../../support/server.ts";

const METHOD = "acme.Weather/Now";

busTest("a call arrives as it was sent, with stamps, and so does its answer", async (kind) => {
  const clock = new ManualClock();
  await using server = await startServer({}, { clock });
  await using clients = new Clients(server, kind);
  const [caller, responder] = await clients.several(2);
  const sender = await caller.sessionId();
  await responder.acknowledged(register(METHOD));
  const request = {
    method: METHOD,
    payload: new Uint8Array([0, 255]),
    type: "acme.v1.Where",
    headers: { "x-trace": "é" },
    timeoutMs: 5000,
  };
  const id = 2n ** 53n - 1n;
  await caller.send(call(request, id));
  const { id: callId, value } = await nextCall(responder);
  assert.notEqual(callId, 0n);
  const { method, type, headers, timeoutMs } = value;
  assert.deepEqual({ method, type, headers, timeoutMs }, {
    method: request.method,
    type: request.type,
    headers: request.headers,
    timeoutMs: request.timeoutMs,
  });
  assert.deepEqual(new Uint8Array(value.payload), request.payload);
  assert.equal(value.sender, sender);
  assert.equal(value.timeUnixMicros, BigInt(clock.wallMs()) * 1000n);
  const reply = { payload: bytesOf("sunny"), type: "acme.v1.Weather", headers: { a: "ü" } };
  await responder.send(answer(reply, callId));
  const got = contentOf(await caller.answerTo(id), "answer");
  assert.equal(textIn(got.payload), "sunny");
  assert.equal(got.type, reply.type);
  assert.deepEqual(got.headers, reply.headers);
  assert.equal(server.stats().callsUnderWay, 0);
});

busTest("what a client must not say of a call is refused", async (kind) => {
  await using server = await startServer({ limits: { max_headers: 2 } });
  await using clients = new Clients(server, kind);
  const [caller, responder] = await clients.several(2);
  await responder.acknowledged(register(METHOD));
  const codeOf = async (init: Parameters<typeof call>[0]) =>
    contentOf(await caller.ask(call({ method: METHOD, ...init })), "error").code;
  const { INVALID_ARGUMENT, RESOURCE_EXHAUSTED } = ErrorCode;
  assert.equal(await codeOf({ sender: "root" }), INVALID_ARGUMENT);
  assert.equal(await codeOf({ timeUnixMicros: 1n }), INVALID_ARGUMENT);
  assert.equal(await codeOf({ type: "not a type" }), INVALID_ARGUMENT);
  assert.equal(await codeOf({ timeoutMs: 3_600_001 }), INVALID_ARGUMENT);
  assert.equal(await codeOf({ method: "" }), INVALID_ARGUMENT);
  assert.equal(await codeOf({ method: "a b" }), INVALID_ARGUMENT);
  assert.equal(await codeOf({ method: "m".repeat(257) }), INVALID_ARGUMENT);
  assert.equal(await codeOf({ headers: { a: "", b: "", c: "" } }), RESOURCE_EXHAUSTED);
  assert.deepEqual(responder.messages, [], "none of them got through");
  // And all of it at its limit is handed on.
  const longest = "m".repeat(256);
  await responder.acknowledged(register(longest));
  await caller.send(
    call({ method: longest, timeoutMs: 3_600_000, headers: { a: "", b: "" } }, caller.nextId()),
  );
  assert.equal((await nextCall(responder)).value.method, longest);
});

busTest("a service's error is the caller's, but never the end of its connection", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const [caller, responder] = await clients.several(2);
  await responder.acknowledged(register(METHOD));
  const errorFor = async (error: Parameters<typeof answer>[0]["error"]) => {
    const pending = caller.ask(call({ method: METHOD }));
    const { id } = await nextCall(responder);
    await responder.send(answer({ payload: bytesOf("not looked at"), error }, id));
    return contentOf(await pending, "error");
  };
  const typed = await errorFor({
    code: ErrorCode.NOT_FOUND,
    message: "no such town",
    accepted: "a town",
    retryable: true,
    closeReason: CloseReason.KICKED,
  });
  assert.equal(typed.code, ErrorCode.NOT_FOUND);
  assert.equal(typed.message, "no such town");
  assert.equal(typed.accepted, "a town");
  assert.equal(typed.retryable, true);
  assert.equal(typed.closeReason, CloseReason.UNSPECIFIED);
  for (const code of [ErrorCode.UNSPECIFIED, 99 as ErrorCode]) {
    assert.equal((await errorFor({ code, message: "?" })).code, ErrorCode.INTERNAL);
  }
  assert.equal((await errorFor({})).code, ErrorCode.INTERNAL, "an empty error is one");
  assert.equal(caller.ended, null);
});

busTest("several instances share the calls", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const caller = await clients.connect();
  const responders = await clients.several(4);
  for (const responder of responders) await responder.acknowledged(register(METHOD));
  const ids = Array.from({ length: 400 }, () => caller.nextId());
  await caller.send(...ids.map((id) => call({ method: METHOD }, id)));
  // Nobody answers before all are handed out: who is quicker gets more.
  const held = await Promise.all(responders.map(async (responder) => {
    const calls: HandedCall[] = [];
    while (calls.length < 100) calls.push(await nextCall(responder));
    return calls;
  }));
  for (const [index, calls] of held.entries()) {
    for (const { id } of calls) await responders[index].send(answer({}, id));
  }
  for (const id of ids) contentOf(await caller.answerTo(id), "answer");
});

busTest("a busy instance gets no more calls than its idle neighbours can spare", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const [caller, stuck, quick] = await clients.several(3);
  await stuck.acknowledged(register(METHOD));
  await serve(quick, METHOD, () => bytesOf("quick"));
  let answered = 0;
  for (let index = 0; index < 50; index++) {
    const pending = caller.ask(call({ method: METHOD }));
    const first = await Promise.race([pending, nextCall(stuck).then(() => null)]);
    if (first === null) {
      pending.catch(() => {});
      continue;
    }
    answered++;
  }
  assert.equal(answered, 49, "the stuck one has one in hand, and that is more than none");
});

busTest("the server's own methods are there, and nobody takes their names", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const client = await clients.connect();
  const echo = contentOf(
    await client.ask(call({
      method: "parley.v1.Demo/Echo",
      payload: toBinary(EchoMessageSchema, create(EchoMessageSchema, { content: "größer" })),
    })),
    "answer",
  );
  assert.equal(echo.type, "parley.v1.EchoMessage");
  assert.equal(fromBinary(EchoMessageSchema, echo.payload).content, "größer");
  const add = async (a: number, b: number) =>
    await client.ask(call({
      method: "parley.v1.Demo/Add",
      payload: toBinary(AddRequestSchema, create(AddRequestSchema, { a, b })),
    }));
  const sum = contentOf(await add(-5, 3), "answer");
  assert.equal(sum.type, "parley.v1.AddResponse");
  assert.equal(fromBinary(AddResponseSchema, sum.payload).result, -2);
  assert.equal(contentOf(await add(2 ** 31 - 1, 1), "error").code, ErrorCode.INVALID_ARGUMENT);
  const garbage = call({ method: "parley.v1.Demo/Echo", payload: new Uint8Array([0xff]) });
  assert.equal(contentOf(await client.ask(garbage), "error").code, ErrorCode.INVALID_ARGUMENT);
  const unknown = contentOf(await client.ask(call({ method: "parley.v1.Demo/Nope" })), "error");
  assert.equal(unknown.code, ErrorCode.UNIMPLEMENTED);
  for (const method of ["parley.v1.Demo/Echo", "parley.x"]) {
    const error = contentOf(await client.ask(register(method)), "error");
    assert.equal(error.code, ErrorCode.PERMISSION_DENIED);
  }
});

busTest("methods are offered and taken back, up to the limit", async (kind) => {
  await using server = await startServer({ limits: { max_methods_per_connection: 2 } });
  await using clients = new Clients(server, kind);
  const [caller, responder] = await clients.several(2);
  await responder.acknowledged(register("a"));
  await responder.acknowledged(register("b"));
  await responder.acknowledged(register("b"));
  const error = contentOf(await responder.ask(register("c")), "error");
  assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
  for (const bad of ["", "a b", "m".repeat(257)]) {
    const refusal = contentOf(await responder.ask(register(bad)), "error");
    assert.equal(refusal.code, ErrorCode.INVALID_ARGUMENT);
  }
  const pending = caller.ask(call({ method: "a" }));
  const { id } = await nextCall(responder);
  await responder.acknowledged(unregister("a"));
  const nobody = contentOf(await caller.ask(call({ method: "a" })), "error");
  assert.equal(nobody.code, ErrorCode.UNAVAILABLE);
  await responder.send(answer({ payload: bytesOf("late but fine") }, id));
  assert.equal(textIn(contentOf(await pending, "answer").payload), "late but fine");
  const twice = contentOf(await responder.ask(unregister("a")), "error");
  assert.equal(twice.code, ErrorCode.NOT_FOUND);
  await responder.acknowledged(register("c"));
});

busTest("a client calls itself, and keeps its place among events", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const client = await clients.connect();
  await client.acknowledged(register(METHOD));
  await client.acknowledged(subscribe({ pattern: "t", echo: true }));
  const id = client.nextId();
  await client.send(publish({ topic: "t" }), call({ method: METHOD }, id), publish({ topic: "t" }));
  await client.when(() => client.messages.length >= 3, "two events and a call");
  assert.deepEqual(client.messages.map(({ message }) => message.case), ["event", "call", "event"]);
  const { id: callId } = await nextCall(client);
  await client.send(answer({ payload: bytesOf("me") }, callId));
  assert.equal(textIn(contentOf(await client.answerTo(id), "answer").payload), "me");
});
