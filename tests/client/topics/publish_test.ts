/**
 * Publishing with the client: acknowledgements, order, backpressure, and where refusals are told.
 */
import assert from "node:assert/strict";
import { AckLevel, connect, ErrorCode, type ParleyError } from "../../../lib/client/mod.ts";
import { settled, settles, until } from "../../support/until.ts";
import { ack, arrived, BusFixture, Collector, numbers } from "../bus_support.ts";
import { FakeServer } from "../fake_server.ts";
import { rejection } from "../rejections.ts";

Deno.test("an acknowledgement says how safe the event is and how many connections got it", async () => {
  await using bus = await BusFixture.start();
  const [one, two, publisher] = [await bus.client(), await bus.client(), await bus.client()];
  const outcome = async (topic: string, options = {}) => {
    const { level, receivers } = await publisher.publish(topic, "x", options);
    return [level, receivers];
  };
  assert.deepEqual(await outcome("a.b"), [AckLevel.ROUTED, 0]);
  await one.subscribe("a.*", {}, () => {});
  await one.subscribe("a.b", {}, () => {});
  await two.subscribe(">", {}, () => {});
  assert.deepEqual(await outcome("a.b"), [AckLevel.ROUTED, 2]);
  assert.deepEqual(await outcome("b"), [AckLevel.ROUTED, 1]);
  assert.deepEqual(await outcome("a.b", { ack: false }), [AckLevel.UNSPECIFIED, undefined]);
});

Deno.test("what cannot be published rejects one by one, with and without an acknowledgement", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  for (const topic of ["", "a.*", "a..b", "a.>", "x".repeat(300), "a b"]) {
    const error = await rejection(client.publish(topic, "x"), "INVALID_ARGUMENT");
    assert.notEqual(error.message, "");
  }
  await rejection(client.publish("a", "x", { type: "no type" }), "INVALID_ARGUMENT");
  const large = new Uint8Array(client.welcome.limits!.maxFrameBytes);
  for (const acknowledged of [true, false]) {
    const options = { ack: acknowledged };
    await rejection(client.publish("a\ud800", "x", options), "INVALID_ARGUMENT");
    await rejection(client.publish("a", "x\ud800", options), "INVALID_ARGUMENT");
    const headers = { a: "\ud800" };
    await rejection(client.publish("a", "x", { ...options, headers }), "INVALID_ARGUMENT");
    await rejection(client.publish("a", large, options), "RESOURCE_EXHAUSTED");
    await rejection(client.publish("a", "x", { ...options, timeoutMs: 0 }), "INVALID_ARGUMENT");
    const aborted = client.publish("a", "x", { ...options, signal: AbortSignal.abort("enough") });
    await assert.rejects(aborted, (reason) => reason === "enough");
    const odd = client.publish("a", 5 as unknown as string, options);
    await rejection(odd, "INVALID_ARGUMENT");
  }
  assert.equal(await client.echo("still here"), "still here");
});

Deno.test("100,000 events without acknowledgements come in order and all", async () => {
  await using bus = await BusFixture.start();
  const [publisher, subscriber] = [await bus.client(), await bus.client()];
  const count = 100_000;
  let next = 0;
  let misplaced = 0;
  await subscriber.subscribe("load.>", {}, ({ payload }) => {
    if (new DataView(payload.buffer, payload.byteOffset).getUint32(0) !== next++) misplaced++;
  });
  for (let index = 0; index < count; index++) {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, index);
    await publisher.publish("load.x", payload, { ack: false });
  }
  await until(() => next === count, "all events");
  assert.equal(misplaced, 0);
});

Deno.test("events keep the order of the calls, however they are published", async () => {
  await using bus = await BusFixture.start();
  // With few in flight, acknowledged events wait for their turn; the others must not overtake them.
  const [publisher, subscriber] = [await bus.client({ maxInFlight: 2 }), await bus.client()];
  const got = new Collector();
  await subscriber.subscribe("mixed", {}, got.take);
  const sent = numbers(2000);
  const padding = " ".repeat(2000);
  await Promise.all(
    sent.map((text, index) => publisher.publish("mixed", text + padding, { ack: index % 3 === 0 })),
  );
  await got.count(sent.length);
  assert.deepEqual(got.texts.map((text) => text.trim()), sent);
});

Deno.test("a place that becomes free belongs to the one who waits longest", async () => {
  const topics: string[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    while (topics.length < 3) {
      const { id, value } = await peer.expect("event");
      topics.push(value.topic);
      if (topics.length > 1) await peer.send(ack(id));
    }
    await peer.read();
  });
  await using client = await connect(server.url, { maxInFlight: 1 });
  const controller = new AbortController();
  const first = client.publish("first", "x", { signal: controller.signal });
  const second = client.publish("second", "x");
  await until(() => topics.length === 1, "the first event");
  controller.abort(new Error("enough"));
  // In the same turn, before the client has looked at who waits.
  const third = client.publish("third", "x");
  await assert.rejects(first, /enough/);
  await Promise.all([second, third]);
  assert.deepEqual(topics, ["first", "second", "third"]);
});

Deno.test("a pool publishes in order, too", async () => {
  await using bus = await BusFixture.start();
  const [publisher, subscriber] = [await bus.client({ pool: 4 }), await bus.client({ pool: 3 })];
  const got = new Collector();
  await subscriber.subscribe("pooled", {}, got.take);
  await Promise.all(
    numbers(500).map((text, index) => publisher.publish("pooled", text, { ack: index % 2 === 0 })),
  );
  await got.count(500);
  assert.deepEqual(got.texts, numbers(500));
  assert.equal(new Set(got.events.map((event) => event.sender)).size, 1);
});

Deno.test("own events do not come back through another connection of the pool", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client({ pool: 3 });
  const got = new Collector();
  await client.subscribe("own", {}, got.take);
  await Promise.all(numbers(20).map((text) => client.publish("own", text)));
  await arrived(client, client);
  assert.deepEqual(got.texts, []);
});

Deno.test("a server that does not read holds publishers back; none is lost", async () => {
  const gate = Promise.withResolvers<void>();
  const total = 600;
  const received: string[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await gate.promise;
    while (received.length < total) received.push((await peer.expect("event")).value.type);
  });
  await using client = await connect(server.url);
  const payload = new Uint8Array(64 * 1024);
  let done = 0;
  const all = numbers(total).map(async (type) => {
    await client.publish("t", payload, { ack: false, type });
    done++;
  });
  const before = await settled(() => done, "a publisher that is held back");
  assert(before < total, "not all could be handed over");
  await rejection(
    client.publish("t", "x", { ack: false, timeoutMs: 1 }),
    "DEADLINE_EXCEEDED",
  );
  const controller = new AbortController();
  const given = client.publish("t", "x", { ack: false, signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(given, /enough/);
  gate.resolve();
  await settles(Promise.all(all), "publishers once the server reads");
  await until(() => received.length === total, "all events");
  assert.deepEqual(received, numbers(total));
});

Deno.test("refusals of what was not to be acknowledged are told to onError", async () => {
  await using bus = await BusFixture.start();
  const errors: ParleyError[] = [];
  const client = await bus.client({ onError: (error) => errors.push(error) });
  const silent = await bus.client();
  await client.publish("a.*", "x", { ack: false });
  await client.publish("b", "x", { ack: false, type: "no type" });
  await silent.publish("a.*", "x", { ack: false });
  // The refusals were sent before these answers.
  await client.ping();
  assert.equal(await silent.echo("x"), "x");
  assert.equal(errors.length, 2);
  assert(errors.every((error) => error.code === ErrorCode.INVALID_ARGUMENT));
  assert.match(errors[0].message, /a\.\*/);
});

Deno.test("events without acknowledgements wait for a connection, and reject when there is none any more", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number === 0) return;
    assert.equal((await peer.expect("event")).value.topic, "later");
  });
  const client = await connect(server.url, { reconnect: { minMs: 1, maxMs: 10, attempts: 3 } });
  await until(() => client.status === "reconnecting", "the loss");
  await client.publish("later", "x", { ack: false });
  server.stopListening();
  await until(() => client.status === "closed", "the end of the attempts");
  await rejection(client.publish("never", "x", { ack: false }), "UNAVAILABLE");
  await client.close();
});

Deno.test("closing sends what was published before", async () => {
  await using bus = await BusFixture.start();
  const [publisher, subscriber] = [await bus.client(), await bus.client()];
  const got = new Collector();
  await subscriber.subscribe("last", {}, got.take);
  for (const text of numbers(1000)) void publisher.publish("last", text, { ack: false });
  await publisher.close();
  await got.count(1000);
  assert.deepEqual(got.texts, numbers(1000));
  await rejection(publisher.publish("last", "x", { ack: false }), "FAILED_PRECONDITION");
});
