/**
 * The turns of a service's handlers, and what becomes of its calls when it stops, or the connection is lost.
 */
import assert from "node:assert/strict";
import { connect, ErrorCode, ParleyError } from "../../../lib/client/mod.ts";
import { settles, until } from "../../support/until.ts";
import { ack, BusFixture, Gate, handedCall, numbers, reconnect, textOf } from "../bus_support.ts";
import { FakeServer } from "../fake_server.ts";
import { rejection } from "../rejections.ts";

Deno.test("handlers run side by side up to their concurrency; the rest waits in order, or is refused", async () => {
  await using bus = await BusFixture.start();
  const [caller, responder] = [await bus.client(), await bus.client()];
  const gate = new Gate();
  await responder.serve("a/B", gate.handler, { concurrency: 2, maxWaiting: 3 });
  const calls = numbers(5).map((text) => caller.call("a/B", text));
  await gate.entered(2);
  const refusal = await rejection(caller.call("a/B", "one too many"), "RESOURCE_EXHAUSTED");
  assert.equal(refusal.retryable, true);
  assert.equal(gate.calls.length, 2);
  gate.open(1);
  await gate.entered(3);
  gate.open();
  await gate.entered(5);
  gate.open();
  const answers = (await Promise.all(calls)).map(textOf);
  assert.deepEqual(answers, numbers(5).map((text) => `answer to ${text}`));
  assert.deepEqual(gate.calls.map(textOf), numbers(5));
});

Deno.test("calls that are given up while they wait free their place, and are not handled", async () => {
  await using bus = await BusFixture.start();
  const [caller, responder] = [await bus.client(), await bus.client()];
  const gate = new Gate();
  await responder.serve("a/B", gate.handler, { concurrency: 1, maxWaiting: 1 });
  const first = caller.call("a/B", "first");
  await gate.entered(1);
  for (const text of numbers(5)) {
    const controller = new AbortController();
    const given = caller.call("a/B", text, { signal: controller.signal });
    // The echo of the responder is behind the call, and after the next one it is behind the Cancel.
    await caller.ping();
    await responder.ping();
    controller.abort(new Error("enough"));
    await assert.rejects(given, /enough/);
    await caller.ping();
    await responder.ping();
  }
  const last = caller.call("a/B", "last");
  await caller.ping();
  await responder.ping();
  gate.open();
  await gate.entered(2);
  gate.open();
  assert.equal(textOf(await first), "answer to first");
  assert.equal(textOf(await last), "answer to last");
  assert.deepEqual(gate.calls.map(textOf), ["first", "last"]);
});

Deno.test("stop() takes no new calls and answers those it has; it may be called again", async () => {
  await using bus = await BusFixture.start();
  const [caller, responder] = [await bus.client(), await bus.client()];
  const gate = new Gate();
  const service = await responder.serve("a/B", gate.handler, { concurrency: 1 });
  const calls = numbers(3).map((text) => caller.call("a/B", text));
  await gate.entered(1);
  const stops = [service.stop(), service.stop(), service[Symbol.asyncDispose]()];
  await responder.ping();
  await rejection(caller.call("a/B"), "UNAVAILABLE");
  for (let entered = 1; entered <= 3; entered++) {
    await gate.entered(entered);
    gate.open();
  }
  await settles(Promise.all(stops), "the stop");
  assert.equal((await Promise.all(calls)).length, 3);
  await service.stop();
  // The method is free again.
  await responder.serve("a/B", () => "new");
  assert.equal(textOf(await caller.call("a/B")), "new");
});

Deno.test("closing the client answers the calls it has, however large, and their handlers may still ask", async () => {
  await using bus = await BusFixture.start();
  const [caller, responder] = [await bus.client(), await bus.client()];
  const gate = Promise.withResolvers<void>();
  const large = new Uint8Array(900_000);
  let entered = 0;
  await responder.serve("a/B", async () => {
    entered++;
    await gate.promise;
    assert.equal(await responder.echo("in the handler"), "in the handler");
    return large;
  });
  const calls = numbers(8).map(() => caller.call("a/B"));
  await until(() => entered === 8, "the calls");
  const closing = responder.close();
  gate.resolve();
  const answers = await settles(Promise.all(calls), "the answers");
  assert(answers.every(({ payload }) => payload.length === large.length));
  await closing;
});

Deno.test("closing does not wait for ever for a handler: its signal is aborted", async () => {
  await using bus = await BusFixture.start();
  const caller = await bus.client();
  const responder = await bus.client({ requestTimeoutMs: 50 });
  const gate = new Gate();
  await responder.serve("a/B", gate.handler);
  const call = rejection(caller.call("a/B"), "UNAVAILABLE");
  await gate.entered(1);
  await settles(responder.close(), "the close");
  // At once, and not only when the connection is given up, which takes as long again.
  assert.match(String(gate.calls[0].signal.reason), /the client is being closed/);
  await call;
  gate.open();
});

Deno.test("when the connection is lost, handlers are told and their answers dropped", async () => {
  const refused = Promise.withResolvers<void>();
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await peer.send(ack((await peer.expect("register")).id));
    if (peer.number === 0) {
      await peer.send(handedCall("a/B", 1n, "lost"));
      await peer.expect("ping");
      return;
    }
    await peer.send(handedCall("a/B", 1n, "found"));
    const { id, value } = await peer.expect("answer");
    assert.equal(id, 1n);
    assert.equal(textOf(value), "answer to found");
    await peer.send({ message: { case: "cancel", value: {} }, id: 1n });
    await peer.send({ message: { case: "cancel", value: {} }, id: 99n });
    await peer.send(handedCall("no/More", 2n));
    const { value: refusal } = await peer.expect("answer");
    assert.equal(refusal.error?.code, ErrorCode.UNAVAILABLE);
    refused.resolve();
    await peer.answer((await peer.read())!);
    await peer.send(ack((await peer.expect("unregister")).id));
  });
  const client = await connect(server.url, { reconnect });
  const gate = new Gate();
  await client.serve("a/B", gate.handler);
  await gate.entered(1);
  client.ping().catch(() => {});
  await gate.entered(2);
  const [lost, found] = gate.calls;
  assert(lost.signal.aborted);
  assert(lost.signal.reason instanceof ParleyError);
  assert.equal(found.signal.aborted, false);
  gate.open();
  await refused.promise;
  assert.equal(await client.echo("x"), "x");
  await client.close();
});

Deno.test("a responder that vanishes makes its calls UNAVAILABLE; the next call goes to another", async () => {
  await using bus = await BusFixture.start();
  const [caller, second] = [await bus.client(), await bus.client()];
  const first = await connect(bus.url, { requestTimeoutMs: 20 });
  const gate = new Gate();
  await first.serve("a/B", gate.handler);
  const call = rejection(caller.call("a/B"), "UNAVAILABLE");
  await gate.entered(1);
  await second.serve("a/B", () => "second");
  await first.close();
  await call;
  assert.equal(textOf(await caller.call("a/B")), "second");
  gate.open();
});
