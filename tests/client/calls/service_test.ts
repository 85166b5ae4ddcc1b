/**
 * Calls and services with the client: answers, errors, deadlines and giving up.
 */
import assert from "node:assert/strict";
import {
  type CallAnswer,
  connect,
  ErrorCode,
  ParleyError,
  type ReceivedCall,
} from "../../../lib/client/mod.ts";
import { CloseReason } from "../../../lib/base/errors.ts";
import { until } from "../../support/until.ts";
import { arrived, BusFixture, Collector, Gate, numbers, textOf } from "../bus_support.ts";
import { FakeServer } from "../fake_server.ts";
import { rejection } from "../rejections.ts";

Deno.test("a call carries everything to the handler, and its answer back", async () => {
  await using bus = await BusFixture.start();
  const [caller, responder] = [await bus.client(), await bus.client()];
  let received: ReceivedCall | undefined;
  await responder.serve("acme.Weather/Now", (call) => {
    received = call;
    return { payload: "sunny", type: "acme.Sky", headers: { cached: "no" } };
  });
  const options = { type: "acme.Place", headers: { trace: "1" }, timeoutMs: 1234.5 };
  const answer = await caller.call("acme.Weather/Now", "Bern", options);
  assert.equal(textOf(answer), "sunny");
  assert.equal(answer.type, "acme.Sky");
  assert.deepEqual(answer.headers, { cached: "no" });
  const { payload: _, signal, time: __, ...others } = received!;
  assert.deepEqual(others, {
    method: "acme.Weather/Now",
    type: "acme.Place",
    headers: { trace: "1" },
    sender: caller.welcome.sessionId,
    timeoutMs: 1235,
  });
  assert.equal(textOf(received!), "Bern");
  assert.equal(signal.aborted, false);
});

Deno.test("handlers answer with bytes, text or an answer; a client may call itself", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  const answers: Record<string, CallAnswer | Uint8Array | string> = {
    text: "text",
    bytes: new Uint8Array([1, 2]),
    empty: "",
    whole: { payload: "whole" },
  };
  await client.serve("a/B", (call) => answers[textOf(call)]);
  assert.equal(textOf(await client.call("a/B", "text")), "text");
  assert.deepEqual((await client.call("a/B", "bytes")).payload, new Uint8Array([1, 2]));
  assert.equal((await client.call("a/B", "empty")).payload.length, 0);
  assert.deepEqual(textOf(await client.call("a/B", "whole")), "whole");
});

Deno.test("the client's own deadline reaches the server, and the server's reaches the handler", async () => {
  const timeouts: number[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    for (let calls = 0; calls < 2; calls++) {
      const { id, value } = await peer.expect("call");
      timeouts.push(value.timeoutMs);
      await peer.send({ message: { case: "answer", value: {} }, id });
    }
    await peer.read();
  });
  await using client = await connect(server.url, { requestTimeoutMs: 4321 });
  await client.call("a/B");
  await client.call("a/B", "", { timeoutMs: 99 });
  assert.deepEqual(timeouts, [4321, 99]);
});

Deno.test("an error on purpose reaches the caller as it is, but never ends its connection", async () => {
  await using bus = await BusFixture.start();
  const [caller, responder] = [await bus.client(), await bus.client()];
  await responder.serve("a/B", () => {
    throw new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, "no more today", {
      retryable: true,
      accepted: "tomorrow",
      closeReason: CloseReason.KICKED,
      cause: new Error("secret"),
    });
  });
  const error = await rejection(caller.call("a/B"), "RESOURCE_EXHAUSTED");
  assert.equal(error.message, "no more today; accepted: tomorrow");
  assert.equal(error.reason, "no more today");
  assert.equal(error.retryable, true);
  assert.equal(error.accepted, "tomorrow");
  assert.equal(error.closeReason, CloseReason.UNSPECIFIED);
  assert.equal(error.cause, undefined);
  assert.equal(caller.status, "connected");
  assert.equal(await responder.echo("still here"), "still here");
});

Deno.test("whatever a handler gives or throws, its caller has an answer and its program is told", async () => {
  await using bus = await BusFixture.start();
  const errors: ParleyError[] = [];
  const caller = await bus.client();
  const responder = await bus.client({ onError: (error) => errors.push(error) });
  const limit = responder.welcome.limits!.maxFrameBytes;
  const failure = new Error("a defect");
  const cases: [string, () => unknown, RegExp][] = [
    ["throws", () => {
      throw failure;
    }, /^a defect$/],
    ["rejects", () => Promise.reject("a text"), /^a text$/],
    ["throws nothing", () => {
      throw undefined;
    }, /undefined/],
    ["throws what has no text", () => {
      throw Object.create(null);
    }, /the handler failed/],
    ["gives nothing", () => undefined, /without a payload/],
    ["gives a number", () => 5, /without a payload/],
    ["gives a bad type", () => ({ payload: "", type: "no type" }), /with type "no type"/],
    ["gives bad headers", () => ({ payload: "", headers: { a: "\ud800" } }), /surrogate/],
    ["gives half a pair", () => "\ud800", /surrogate/],
    ["gives too much", () => new Uint8Array(limit), /cannot send a message of \d+ bytes/],
  ];
  const healthy = new Collector();
  await responder.subscribe("t", {}, healthy.take);
  for (const [name, handler, message] of cases) {
    await using _service = await responder.serve("odd/Case", handler as () => string);
    const error = await rejection(caller.call("odd/Case"), "INTERNAL");
    assert.match(error.message, message, name);
  }
  await until(() => errors.length === cases.length, "what the program is told");
  assert.equal(errors[0].cause, failure);
  assert.match(errors[0].message, /the handler of "odd\/Case" failed: a defect/);
  // Not the end of the connection: it still gets its events.
  await caller.publish("t", "x");
  await arrived(caller, responder);
  assert.deepEqual(healthy.texts, ["x"]);
});

Deno.test("a text of an error that is very long is cut, not refused", async () => {
  await using bus = await BusFixture.start();
  const [caller, responder] = [await bus.client(), await bus.client()];
  await responder.serve("a/B", () => {
    throw new ParleyError(ErrorCode.NOT_FOUND, "x".repeat(3_000_000), {
      accepted: "y".repeat(3_000_000),
    });
  });
  const error = await rejection(caller.call("a/B"), "NOT_FOUND");
  assert.equal(error.reason.length, 4096);
  assert.equal(error.accepted.length, 4096);
});

Deno.test("calls fail at once without a service, and at the deadline without an answer", async () => {
  await using bus = await BusFixture.start();
  const [caller, responder] = [await bus.client(), await bus.client()];
  const error = await rejection(caller.call("no/Body"), "UNAVAILABLE");
  assert.equal(error.retryable, true);
  await rejection(caller.call("no method"), "INVALID_ARGUMENT");
  await rejection(caller.call("a/\ud800"), "INVALID_ARGUMENT");
  await rejection(responder.serve("no method", () => ""), "INVALID_ARGUMENT");
  await rejection(responder.serve("parley.v1.Demo/Echo", () => ""), "PERMISSION_DENIED");
  await rejection(responder.serve("a/B", () => "", { concurrency: 0 }), "INVALID_ARGUMENT");
  await rejection(responder.serve("a/B", () => "", { maxWaiting: -1 }), "INVALID_ARGUMENT");
  const gate = new Gate();
  await responder.serve("a/B", gate.handler);
  await rejection(responder.serve("a/B", () => ""), "ALREADY_EXISTS");
  await rejection(caller.call("a/B", "", { timeoutMs: 500 }), "DEADLINE_EXCEEDED");
  await until(() => gate.calls[0].signal.aborted, "the handler's signal");
  gate.open();
  assert.equal(await caller.echo("still here"), "still here");
});

Deno.test("giving up a call aborts its handler, and a late answer goes nowhere", async () => {
  await using bus = await BusFixture.start();
  const [caller, responder] = [await bus.client(), await bus.client()];
  const gate = new Gate();
  await responder.serve("a/B", gate.handler);
  const controller = new AbortController();
  const given = caller.call("a/B", "given up", { signal: controller.signal });
  const kept = caller.call("a/B", "kept");
  await gate.entered(2);
  controller.abort(new Error("enough"));
  await assert.rejects(given, /enough/);
  const [first, second] = gate.calls;
  await until(() => first.signal.aborted, "the handler's signal");
  assert(first.signal.reason instanceof ParleyError);
  assert.equal(second.signal.aborted, false);
  gate.open();
  assert.equal(textOf(await kept), "answer to kept");
  assert.equal(await caller.echo("still here"), "still here");
});

Deno.test("the Cancel of a call is sent however much waits to leave", async () => {
  const gate = Promise.withResolvers<void>();
  const called = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome({ maxFrameBytes: 1 << 24 });
    const { id } = await peer.expect("call");
    called.resolve();
    await gate.promise;
    await peer.expect("event");
    const cancel = await peer.expect("cancel");
    assert.equal(cancel.id, id);
    await peer.serve();
  });
  await using client = await connect(server.url);
  const controller = new AbortController();
  const call = client.call("a/B", "", { signal: controller.signal });
  await called.promise;
  // More than the system takes while nobody reads.
  await client.publish("t", new Uint8Array(12 << 20), { ack: false });
  controller.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
  gate.resolve();
  assert.equal(await client.echo("x"), "x");
});

Deno.test("10,000 calls at once, over several instances, each get their own answer", async () => {
  await using bus = await BusFixture.start();
  const caller = await bus.client({ pool: 2 });
  const served = [0, 0, 0];
  for (const index of served.keys()) {
    const responder = await bus.client();
    await responder.serve("a/B", (call) => {
      served[index]++;
      return call.payload;
    }, { maxWaiting: 10_000 });
  }
  const sent = numbers(10_000);
  const answers = await Promise.all(sent.map((text) => caller.call("a/B", text)));
  assert.deepEqual(answers.map(textOf), sent);
  assert(served.every((count) => count > 2000), `spread over all: ${served}`);
});
