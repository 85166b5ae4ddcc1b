/**
 * Lost connections and the bus: what is made anew, in which order, who is told, and what is not repeated.
 */
import assert from "node:assert/strict";
import {
  CloseReason,
  connect,
  ErrorCode,
  type Gap,
  type ParleyError,
} from "../../../lib/client/mod.ts";
import { settles, until } from "../../support/until.ts";
import {
  acceptSubscribe,
  ack,
  BusFixture,
  Collector,
  delivery,
  handedCall,
  numbers,
  reconnect,
  textOf,
} from "../bus_support.ts";
import { type FakePeer, FakeServer } from "../fake_server.ts";
import { rejection } from "../rejections.ts";
import { startServer } from "../../support/server.ts";
import { ownPort } from "../../support/own_port.ts";

/** Refuses a request. */
function refuse(peer: FakePeer, id: bigint, message: string): Promise<void> {
  const value = { code: ErrorCode.PERMISSION_DENIED, message };
  return peer.send({ message: { case: "error", value }, id });
}

/** Takes a Register and acknowledges it. */
async function acceptRegister(peer: FakePeer): Promise<string> {
  const { id, value } = await peer.expect("register");
  await peer.send(ack(id));
  return value.method;
}

Deno.test("after a reconnect everything is made anew, the gap is told once, and events come again", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const asked = [];
    for (let count = 0; count < 3; count++) asked.push(await acceptSubscribe(peer));
    if (peer.number < 2) return;
    const shown = asked.map(({ pattern, type, group, echo }) => ({ pattern, type, group, echo }));
    assert.deepEqual(shown, [
      { pattern: "a.*", type: "", group: "", echo: true },
      { pattern: ">", type: "acme.T", group: "", echo: false },
      { pattern: "jobs", type: "", group: "g", echo: false },
    ]);
    await peer.send(delivery("a.b", "again"), delivery("jobs", "job", { group: "g" }));
    await peer.read();
  });
  const gaps: Gap[][] = numbers(3).map(() => []);
  const onGap = (index: number) => (gap: Gap) => void gaps[index].push(gap);
  await using client = await connect(server.url, { reconnect });
  const got = new Collector();
  const first = client.subscribe("a.*", { echo: true, onGap: onGap(0) }, got.take);
  const typed = client.subscribe("", { type: "acme.T", onGap: onGap(1) });
  const grouped = client.subscribe("jobs", { group: "g", onGap: onGap(2) }, got.take);
  await Promise.all([first, typed, grouped]);
  await got.count(2);
  assert.deepEqual(got.texts, ["again", "job"]);
  const reconnected: Gap[] = [{ kind: "reconnected" }, { kind: "reconnected" }];
  assert.deepEqual(gaps, [reconnected, reconnected, reconnected]);
});

Deno.test("subscriptions and services come back before what waits to be published", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await acceptSubscribe(peer);
    await acceptRegister(peer);
    if (peer.number === 0) return;
    const { id, value } = await peer.expect("event");
    assert.equal(textOf(value), "waited");
    await peer.send(ack(id), delivery("t", textOf(value)));
    await peer.read();
  });
  await using client = await connect(server.url, { reconnect: { minMs: 50, maxMs: 50 } });
  const got = new Collector();
  await client.subscribe("t", {}, got.take);
  await client.serve("acme.S/M", () => "");
  await until(() => client.status === "reconnecting", "the loss");
  await client.publish("t", "waited");
  await got.count(1);
});

Deno.test("what is first asked for while there is no connection is asked for once, and has no gap", async () => {
  const asked: string[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number === 0) return;
    for (;;) {
      const message = await peer.read();
      if (message === null) return;
      asked.push(message.message.case ?? "nothing");
      if (message.message.case !== "ping") await peer.send(ack(message.id));
      else await peer.answer(message);
    }
  });
  await using client = await connect(server.url, { reconnect: { minMs: 20, maxMs: 20 } });
  await until(() => client.status === "reconnecting", "the loss");
  const gaps: Gap[] = [];
  await Promise.all([
    client.subscribe("t", { onGap: (gap) => void gaps.push(gap), maxEvents: 5 }),
    client.serve("acme.S/M", () => ""),
  ]);
  await client.ping();
  assert.deepEqual(asked, ["subscribe", "unsubscribe", "register", "ping"]);
  assert.deepEqual(gaps, []);
});

Deno.test("a counted subscription goes on counting where it was", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await acceptSubscribe(peer);
    const { id, value } = await peer.expect("unsubscribe");
    assert.equal(value.afterEvents, peer.number === 0 ? 3n : 2n);
    await peer.send(ack(id), delivery("t", `${peer.number}`));
    if (peer.number === 0) return void await peer.expect("ping");
    await peer.send(delivery("t", "2"));
    await peer.read();
  });
  const client = await connect(server.url, { reconnect });
  const got = new Collector();
  const subscription = await client.subscribe("t", { maxEvents: 3 }, got.take);
  await got.count(1);
  client.ping().catch(() => {});
  await settles(subscription.closed, "three events");
  assert.deepEqual(got.texts, ["0", "1", "2"]);
  await client.close();
});

Deno.test("a server that refuses the subscription anew ends it with that; the others live on", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number === 0) {
      await acceptSubscribe(peer);
      await acceptSubscribe(peer);
      return;
    }
    await refuse(peer, (await peer.expect("subscribe")).id, "not any more");
    await acceptSubscribe(peer);
    await peer.send(delivery("b", "x"));
    await peer.read();
  });
  await using client = await connect(server.url, { reconnect });
  const got = new Collector();
  const [refused] = await Promise.all([client.subscribe("a"), client.subscribe("b", {}, got.take)]);
  const error = await rejection(refused[Symbol.asyncIterator]().next(), "PERMISSION_DENIED");
  assert.equal(error.message, "not any more");
  await rejection(refused.closed, "PERMISSION_DENIED");
  await got.count(1);
});

Deno.test("a server that refuses a service anew is told to onError", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number === 0) return void await acceptRegister(peer);
    await refuse(peer, (await peer.expect("register")).id, "not any more");
    await peer.read();
  });
  const errors: ParleyError[] = [];
  await using client = await connect(server.url, {
    reconnect,
    onError: (error) => errors.push(error),
  });
  await client.serve("acme.S/M", () => "");
  await until(() => errors.length === 1, "the refusal");
  assert.equal(errors[0].code, ErrorCode.PERMISSION_DENIED);
  assert.match(errors[0].message, /acme\.S\/M.*not any more/);
});

Deno.test("losses while everything is being made anew end nothing", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await acceptSubscribe(peer);
    // Connections 1 and 2 end within the making anew, and 2 with a reason.
    if (peer.number === 1) return void await peer.expect("subscribe");
    if (peer.number === 2) return await peer.sayWhy(CloseReason.IDLE);
    await acceptSubscribe(peer);
    if (peer.number === 0) return;
    await peer.send(delivery("a", "a"), delivery("b", "b"));
    await peer.read();
  });
  await using client = await connect(server.url, { reconnect });
  const got = new Collector();
  await Promise.all([client.subscribe("a", {}, got.take), client.subscribe("b", {}, got.take)]);
  await got.count(2);
  assert.deepEqual(got.texts, ["a", "b"]);
});

Deno.test("what onGap throws after a reconnect ends its subscription; the connection and the others stay", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await acceptSubscribe(peer);
    await acceptSubscribe(peer);
    if (peer.number === 0) return;
    const { id, value } = await peer.expect("unsubscribe");
    assert.equal(value.pattern, "a");
    await peer.send(ack(id), delivery("b", "x"));
    await peer.read();
  });
  await using client = await connect(server.url, { reconnect, onError: () => {} });
  const got = new Collector();
  const onGap = () => {
    throw new Error("in onGap");
  };
  const [throwing] = await Promise.all([
    client.subscribe("a", { onGap }),
    client.subscribe("b", {}, got.take),
  ]);
  await assert.rejects(settles(throwing.closed, "the end"), /in onGap/);
  await got.count(1);
  assert.equal(server.taken, 2);
});

Deno.test("without reconnecting, the next connection of a pool takes the place of the first", async () => {
  const firsts: number[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    for (;;) {
      const message = await peer.read();
      if (message === null) return;
      const { case: kind } = message.message;
      if (kind === "ping") await peer.answer(message);
      else await peer.send(ack(message.id));
      if (kind === "subscribe") firsts.push(peer.number);
      if (kind === "event") await peer.send(delivery("t", `from ${firsts.length}`));
      if (kind === "register" && firsts.length < 3) return;
    }
  });
  const client = await connect(server.url, { reconnect: false, pool: 3 });
  const gaps: Gap[] = [];
  const got = new Collector();
  await client.subscribe("t", { onGap: (gap) => void gaps.push(gap) }, got.take);
  await client.serve("acme.S/M", () => "");
  // Each connection that takes the Register ends; the last one stays.
  await until(() => firsts.length === 3, "the third connection");
  assert.equal(new Set(firsts).size, 3);
  assert.equal(client.status, "connected");
  await client.publish("t", "x");
  await got.count(1);
  assert.deepEqual(got.texts, ["from 3"]);
  assert.deepEqual(gaps, [{ kind: "reconnected" }, { kind: "reconnected" }]);
  await client.close();
});

Deno.test("a connection that the server wants drained stays until its calls are answered", async () => {
  const answers: string[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    if (peer.number > 0) {
      await acceptRegister(peer);
      await peer.read();
      return;
    }
    await acceptRegister(peer);
    await peer.send(handedCall("acme.S/M", 7n, "one"));
    await peer.sayWhy(CloseReason.SHUTDOWN);
    const { id, value } = await peer.expect("answer");
    answers.push(`${id} ${textOf(value)}`);
    assert.equal(await peer.read(), null);
  });
  await using client = await connect(server.url, { reconnect });
  const gate = Promise.withResolvers<void>();
  await client.serve("acme.S/M", async (call) => {
    await gate.promise;
    return call.payload;
  });
  await until(() => server.taken === 2, "the next connection");
  gate.resolve();
  await until(() => answers.length === 1, "the answer");
  assert.deepEqual(answers, ["7 one"]);
});

Deno.test("a real server that is started again gets its subscriptions and services back", async () => {
  using own = ownPort();
  const listen = { tcp: `127.0.0.1:${own.port}`, raw: "", unix: "" };
  const first = await startServer({ listen });
  const url = `parley://127.0.0.1:${own.port}`;
  const [client, other] = [await connect(url, { reconnect }), await connect(url, { reconnect })];
  const gaps: Gap[] = [];
  const got = new Collector();
  await client.subscribe("t", { onGap: (gap) => void gaps.push(gap) }, got.take);
  await client.serve("acme.S/M", (call) => call.payload);
  await first[Symbol.asyncDispose]();
  await using _second = await startServer({ listen });
  await until(() => gaps.length === 1, "the gap");
  await client.ping();
  assert.equal((await other.publish("t", "again")).receivers, 1);
  assert.equal(textOf(await other.call("acme.S/M", "call")), "call");
  await got.count(1);
  assert.deepEqual(gaps, [{ kind: "reconnected" }]);
  await Promise.all([client.close(), other.close()]);
});

Deno.test("a group survives the loss of members: another client takes over", async () => {
  await using bus = await BusFixture.start();
  const publisher = await bus.client();
  const [first, second] = [await connect(bus.url), await bus.client()];
  const got = new Collector();
  await first.subscribe("jobs", { group: "g" }, got.take);
  await second.subscribe("jobs", { group: "g" }, got.take);
  for (const text of numbers(10)) await publisher.publish("jobs", text);
  await first.close();
  for (const text of numbers(10)) await publisher.publish("jobs", text);
  await got.count(20);
  assert.deepEqual(got.texts.sort(), [...numbers(10), ...numbers(10)].sort());
});
