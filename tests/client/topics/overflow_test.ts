/**
 * Programs that take events too slowly: the local queue by each policy, and what the server says was missed.
 */
import assert from "node:assert/strict";
import { connect, type Gap, ParleyError } from "../../../lib/client/mod.ts";
import { OverflowPolicy } from "../../../lib/gen/parley/v1/event_pb.ts";
import { settles, until } from "../../support/until.ts";
import {
  acceptSubscribe,
  ack,
  arrived,
  BusFixture,
  Collector,
  delivery,
  drain,
  numbers,
} from "../bus_support.ts";
import { FakeServer, type ServerMessageInit } from "../fake_server.ts";
import { rejection } from "../rejections.ts";

/** Collects gaps. */
function gapLog() {
  const gaps: Gap[] = [];
  return { gaps, onGap: (gap: Gap) => void gaps.push(gap) };
}

/** A notice of the server's. */
function missed(topic: string, count: number): ServerMessageInit {
  return { message: { case: "missed", value: { topic, count: BigInt(count) } } };
}

/** How many events the gaps tell, by topic. */
function countsOf(gaps: Gap[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const gap of gaps) {
    if (gap.kind === "missed") counts[gap.topic] = (counts[gap.topic] ?? 0) + Number(gap.count);
  }
  return counts;
}

const KEPT = [
  { overflow: "drop_oldest", kept: [96, 100], lost: { "t.old": 60, "t.new": 36 } },
  { overflow: "drop_newest", kept: [0, 4], lost: { "t.old": 56, "t.new": 40 } },
] as const;

for (const { overflow, kept, lost } of KEPT) {
  Deno.test(`${overflow}: what waits is what the policy keeps, and every loss is told by its topic`, async () => {
    await using bus = await BusFixture.start();
    const [publisher, client] = [await bus.client(), await bus.client()];
    const { gaps, onGap } = gapLog();
    const slow = await client.subscribe("t.*", { overflow, bufferEvents: 4, onGap });
    const quick = new Collector();
    await client.subscribe("t.*", {}, quick.take);
    for (const text of numbers(100)) {
      await publisher.publish(Number(text) < 60 ? "t.old" : "t.new", text);
    }
    await arrived(publisher, client);
    await slow.unsubscribe();
    assert.deepEqual(await drain(slow), numbers(100).slice(...kept));
    assert.deepEqual(countsOf(gaps), lost);
    assert.deepEqual(quick.texts, numbers(100));
  });
}

Deno.test("disconnect: the subscription ends with an error behind what waits; the connection stays", async () => {
  await using bus = await BusFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client()];
  const { gaps, onGap } = gapLog();
  const slow = await client.subscribe("t", { bufferEvents: 4, onGap });
  const quick = new Collector();
  await client.subscribe("t", {}, quick.take);
  for (const text of numbers(10)) await publisher.publish("t", text);
  await arrived(publisher, client);
  const texts: string[] = [];
  const error = await rejection(
    drain(slow, (text) => void texts.push(text)),
    "RESOURCE_EXHAUSTED",
  );
  assert.match(error.message, /"t" ended.* 4 events waiting/);
  assert.notEqual(error.accepted, "");
  assert.deepEqual(texts, numbers(4));
  assert.deepEqual(gaps, []);
  assert.deepEqual(quick.texts, numbers(10));
  await assert.rejects(slow.closed, ParleyError);
});

Deno.test("a loop that keeps up loses nothing, however small its queue", async () => {
  await using bus = await BusFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client()];
  const subscription = await client.subscribe("t", { bufferEvents: 1, maxEvents: 50 });
  const loop = drain(subscription);
  for (const text of numbers(50)) {
    await publisher.publish("t", text);
    await client.ping();
  }
  assert.deepEqual(await loop, numbers(50));
});

Deno.test("maxEvents counts what the program gets, not what was dropped", async () => {
  await using bus = await BusFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client()];
  for (const overflow of ["drop_oldest", "drop_newest"] as const) {
    const { gaps, onGap } = gapLog();
    const options = { overflow, bufferEvents: 2, maxEvents: 5, onGap };
    const subscription = await client.subscribe("t", options);
    for (const text of numbers(20)) await publisher.publish("t", text);
    await arrived(publisher, client);
    assert.equal(subscription.ended, false);
    const texts = await drain(subscription, async () => {
      if (subscription.waiting > 0 || subscription.ended) return;
      await publisher.publish("t", "more");
      await arrived(publisher, client);
    });
    assert.equal(texts.length, 5);
    assert.deepEqual(countsOf(gaps), { t: 18 });
    assert.equal((await publisher.publish("t", "x")).receivers, 0);
  }
});

Deno.test("what onGap throws ends the subscription that drops, and nothing else", async () => {
  await using bus = await BusFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client({ onError: () => {} })];
  const throwing = await client.subscribe("t", {
    overflow: "drop_newest",
    bufferEvents: 1,
    onGap: () => {
      throw new Error("in onGap");
    },
  });
  const healthy = new Collector();
  await client.subscribe("t", {}, healthy.take);
  for (const text of numbers(5)) await publisher.publish("t", text);
  await arrived(publisher, client);
  await assert.rejects(settles(throwing.closed, "the end"), /in onGap/);
  assert.deepEqual(healthy.texts, numbers(5));
});

Deno.test("what the server dropped is told to the subscriptions that it concerns", async () => {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    const policies = [];
    for (let asked = 0; asked < 4; asked++) policies.push((await acceptSubscribe(peer)).overflow);
    assert.deepEqual(policies, [
      OverflowPolicy.DROP_OLDEST,
      OverflowPolicy.DROP_NEWEST,
      OverflowPolicy.CATCH_UP,
      OverflowPolicy.DROP_OLDEST,
    ]);
    await peer.send(missed("a.b", 3), missed("c", 2), missed(">", 7), delivery("c", "last"));
    await peer.read();
  });
  await using client = await connect(server.url);
  const logs = numbers(4).map(gapLog);
  await client.subscribe("a.*", { overflow: "drop_oldest", onGap: logs[0].onGap });
  await client.subscribe("a.b.>", { overflow: "drop_newest", onGap: logs[1].onGap });
  await client.subscribe("c", { onGap: logs[2].onGap });
  const all = new Collector();
  await client.subscribe(">", { overflow: "drop_oldest", onGap: logs[3].onGap }, all.take);
  await all.count(1);
  assert.deepEqual(logs.map(({ gaps }) => countsOf(gaps)), [
    { "a.b": 3, ">": 7 },
    { ">": 7 },
    { c: 2, ">": 7 },
    { "a.b": 3, c: 2, ">": 7 },
  ]);
});

Deno.test("when the server drops events of a counted subscription, it is told not to count any more", async () => {
  const asked: string[] = [];
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await acceptSubscribe(peer);
    const { id, value } = await peer.expect("unsubscribe");
    assert.equal(value.afterEvents, 3n);
    await peer.send(ack(id), delivery("t", "0"), missed("t", 2));
    await acceptSubscribe(peer);
    await peer.send(delivery("t", "3"), missed("t", 1), delivery("t", "5"), delivery("t", "6"));
    const last = await peer.expect("unsubscribe");
    assert.equal(last.value.afterEvents, 0n);
    await peer.send(ack(last.id));
    asked.push("all of it");
    await peer.read();
  });
  await using client = await connect(server.url);
  const got = new Collector();
  const subscription = await client.subscribe("t", { maxEvents: 3 }, got.take);
  await settles(subscription.closed, "the third event");
  await until(() => asked.length === 1, "the end of the script");
  assert.deepEqual(got.texts, ["0", "3", "5"]);
});
