/**
 * Subscribing with the client: what comes, to whom, and how many.
 */
import assert from "node:assert/strict";
import { settles } from "../../support/until.ts";
import {
  arrived,
  BusFixture,
  Collector,
  drain,
  numbers,
  receiversOf,
  textOf,
} from "../bus_support.ts";
import { rejection } from "../rejections.ts";

Deno.test("by pattern, by type, or both: each event comes with all that it was published with", async () => {
  await using bus = await BusFixture.start();
  const [publisher, subscriber] = [await bus.client(), await bus.client()];
  const [byPattern, byType, byBoth] = [new Collector(), new Collector(), new Collector()];
  await subscriber.subscribe("a.*", {}, byPattern.take);
  const typed = await subscriber.subscribe("", { type: "acme.T" }, byType.take);
  await subscriber.subscribe("a.>", { type: "acme.T" }, byBoth.take);
  assert.equal(typed.pattern, ">");
  const headers = { one: "1", two: "zwei" };
  await publisher.publish("a.b", "0", { type: "acme.T", headers, messageId: "m" });
  await publisher.publish("a.b", "1");
  await publisher.publish("a.b.c", "2", { type: "acme.T" });
  await publisher.publish("b", "3", { type: "acme.T" });
  await publisher.publish("b", "4", { type: "acme.U" });
  await arrived(publisher, subscriber);
  assert.deepEqual(byPattern.texts, ["0", "1"]);
  assert.deepEqual(byType.texts, ["0", "2", "3"]);
  assert.deepEqual(byBoth.texts, ["0", "2"]);
  const [event] = byPattern.events;
  const { payload: _, timeMicros, ...others } = event;
  assert.deepEqual(others, {
    topic: "a.b",
    type: "acme.T",
    headers,
    messageId: "m",
    sender: publisher.welcome.sessionId,
    seq: 0n,
    group: "",
  });
  assert(timeMicros > 1_600_000_000_000_000n);
});

Deno.test("an iterator gives the events in order; leaving the loop ends the subscription", async () => {
  await using bus = await BusFixture.start();
  const [publisher, subscriber] = [await bus.client(), await bus.client()];
  const subscription = await subscriber.subscribe("t");
  for (const text of numbers(10)) await publisher.publish("t", text);
  const texts: string[] = [];
  for await (const event of subscription) {
    texts.push(textOf(event));
    if (texts.length === 5) break;
  }
  assert.deepEqual(texts, numbers(5));
  assert(subscription.ended);
  await subscription.closed;
  assert.equal(await receiversOf(publisher, "t"), 0);
});

Deno.test("loops over one subscription share its events, and all of them end", async () => {
  await using bus = await BusFixture.start();
  const [publisher, subscriber] = [await bus.client(), await bus.client()];
  const subscription = await subscriber.subscribe("t");
  const loops = [drain(subscription), drain(subscription), drain(subscription)];
  for (const text of numbers(30)) await publisher.publish("t", text);
  await arrived(publisher, subscriber);
  await subscription.unsubscribe();
  const texts = (await settles(Promise.all(loops), "the loops")).flat();
  assert.deepEqual(texts.sort(), numbers(30).sort());
});

Deno.test("what cannot be subscribed to rejects and leaves nothing", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  for (const pattern of ["", "a..b", "a.>.b", "a.b*", "x".repeat(300), "a\ud800"]) {
    await rejection(client.subscribe(pattern), "INVALID_ARGUMENT");
  }
  const options = [
    { type: "no type" },
    { group: "no\ngroup" },
    { maxEvents: 0 },
    {
      maxEvents: 1.5,
    },
    { bufferEvents: 0 },
    { overflow: "wait" as "disconnect" },
    { timeoutMs: -1 },
  ];
  for (const each of options) await rejection(client.subscribe("t", each), "INVALID_ARGUMENT");
  assert.equal(await receiversOf(await bus.client(), "t"), 0);
  assert.equal(await client.echo("still here"), "still here");
});

Deno.test("maxEvents is exact: for an iterator, a callback, beside others, and however fast they come", async () => {
  await using bus = await BusFixture.start();
  const [publisher, subscriber] = [await bus.client(), await bus.client()];
  const callback = new Collector();
  const counted = await subscriber.subscribe("t", { maxEvents: 7 });
  const flood = Promise.all(numbers(50).map((text) => publisher.publish("t", text)));
  const taken = await subscriber.subscribe("t", { maxEvents: 3 }, callback.take);
  await flood;
  for (const text of numbers(10)) await publisher.publish("t", text);
  assert.deepEqual(await settles(drain(counted), "the iterator"), numbers(7));
  await settles(taken.closed, "the callback");
  assert.equal(callback.events.length, 3);
  await subscriber.ping();
  assert.equal(await receiversOf(publisher, "t"), 0);
  const one = await subscriber.subscribe("t", { maxEvents: 1 });
  const other = await subscriber.subscribe("t");
  for (const text of numbers(4)) await publisher.publish("t", text);
  await arrived(publisher, subscriber);
  assert.deepEqual(await drain(one), ["0"]);
  assert.equal(other.waiting, 4);
});

Deno.test("members of a group that count take no event too many", async () => {
  await using bus = await BusFixture.start();
  const [publisher, first, second] = [await bus.client(), await bus.client(), await bus.client()];
  const got = [new Collector(), new Collector()];
  await first.subscribe("jobs", { group: "g", maxEvents: 5 }, got[0].take);
  await second.subscribe("jobs", { group: "g" }, got[1].take);
  for (const text of numbers(40)) await publisher.publish("jobs", text);
  await arrived(publisher, first, second);
  assert.equal(got[0].events.length, 5);
  assert.equal(got[1].events.length, 35);
  const all = [...got[0].texts, ...got[1].texts].sort();
  assert.deepEqual(all, numbers(40).sort());
});

Deno.test("a group spreads over clients and within one: each event goes to one subscription", async () => {
  await using bus = await BusFixture.start();
  const publisher = await bus.client();
  const workers = [await bus.client(), await bus.client(), await bus.client()];
  const got = numbers(4).map(() => new Collector());
  await workers[0].subscribe("jobs.*", { group: "g" }, got[0].take);
  await workers[1].subscribe("jobs.*", { group: "g" }, got[1].take);
  const twin = await workers[2].subscribe("jobs.*", { group: "g" }, got[2].take);
  await workers[2].subscribe("jobs.*", { group: "g" }, got[3].take);
  for (const text of numbers(300)) await publisher.publish("jobs.x", text);
  await arrived(publisher, ...workers);
  const all = got.flatMap((each) => each.texts);
  assert.deepEqual(all.sort(), numbers(300).sort());
  assert.deepEqual(got.map((each) => each.events.length), [100, 100, 50, 50]);
  assert(got[2].events.every((event) => event.group === "g"));
  await twin.unsubscribe();
  for (const text of numbers(30)) await publisher.publish("jobs.x", text);
  await arrived(publisher, ...workers);
  assert.deepEqual(got.map((each) => each.events.length), [110, 110, 50, 60]);
  // A plain subscription of a member gets everything, and the group's share does not count for it.
  const plain = new Collector();
  await workers[2].subscribe("jobs.*", {}, plain.take);
  for (const text of numbers(30)) await publisher.publish("jobs.x", text);
  await arrived(publisher, ...workers);
  assert.deepEqual(plain.texts, numbers(30));
  assert.equal(got.reduce((total, each) => total + each.events.length, 0), 360);
});

Deno.test("subscriptions with the same pattern share one of the server's and end one by one", async () => {
  await using bus = await BusFixture.start();
  const [other, client] = [await bus.client(), await bus.client()];
  const [quiet, echoing] = [new Collector(), new Collector()];
  const first = await client.subscribe("t", {}, quiet.take);
  await client.publish("t", "own 0");
  // The one that joins later wants what the other does not.
  const second = await client.subscribe("t", { echo: true, overflow: "drop_oldest" }, echoing.take);
  assert.equal(await receiversOf(other, "t"), 1);
  await client.publish("t", "own 1");
  await arrived(client, client);
  assert.deepEqual(quiet.texts, ["probe"]);
  assert.deepEqual(echoing.texts, ["probe", "own 1"]);
  await first.unsubscribe();
  await client.publish("t", "own 2");
  await other.publish("t", "other");
  await arrived(other, client);
  assert.deepEqual(echoing.texts, ["probe", "own 1", "own 2", "other"]);
  await second.unsubscribe();
  assert.equal(await receiversOf(other, "t"), 0);
  assert.deepEqual(quiet.texts, ["probe"]);
  // Ended and made anew without waiting in between.
  const third = await client.subscribe("t", {}, quiet.take);
  void third.unsubscribe();
  await client.subscribe("t", {}, quiet.take);
  assert.equal(await receiversOf(other, "t"), 1);
});
