/**
 * Subscriptions and history: where they begin, that they get each event once whatever the others of the
 * same client read, and that they go on where they were after a reconnect.
 */
import assert from "node:assert/strict";
import { AckLevel, type Client, type Since } from "../../../lib/client/mod.ts";
import { until } from "../../support/until.ts";
import { arrived, Collector, numbers, textOf } from "../bus_support.ts";
import { GapCollector, HistoryFixture, publishAll } from "./history_support.ts";
import { rejection } from "../rejections.ts";

Deno.test("a publish on a kept topic gives its seq, and that of the first one for a duplicate", async () => {
  await using bus = await HistoryFixture.start();
  const client = await bus.client();
  assert.equal((await client.publish("kept.a", "1")).seq, 1n);
  const { seq, duplicate, level } = await client.publish("kept.a", "2", { messageId: "m" });
  assert.deepEqual({ seq, duplicate }, { seq: 2n, duplicate: false });
  assert.notEqual(level, AckLevel.UNSPECIFIED);
  const again = await client.publish("kept.a", "2", { messageId: "m" });
  assert.deepEqual([again.seq, again.duplicate], [2n, true]);
  const plain = await client.publish("plain", "1");
  assert.deepEqual([plain.seq, plain.receivers], [0n, 0]);
  // Somebody gets it, but the server does not tell how many: no number is better than a wrong one.
  const reader = await bus.client();
  const got = new Collector();
  await reader.subscribe("*.a", {}, got.take);
  assert.equal((await client.publish("kept.a", "3")).receivers, undefined);
  await got.count(1);
});

Deno.test("a subscription begins where since says", async () => {
  await using bus = await HistoryFixture.start();
  const client = await bus.client();
  await publishAll(client, "kept.a", ["1", "2", "3", "4"]);
  await publishAll(client, "kept.b", ["one", "two"]);
  const expected: [string, Since, string[]][] = [
    ["kept.a", "all", ["1", "2", "3", "4"]],
    ["kept.a", "new", []],
    ["kept.a", { seq: 3 }, ["3", "4"]],
    ["kept.a", { seq: 0n }, ["1", "2", "3", "4"]],
    ["kept.a", { last: 1 }, ["4"]],
    ["kept.*", { last: 1 }, ["4", "two"]],
    ["kept.a", { time: 3_600_000 }, ["1", "2", "3", "4"]],
    ["kept.a", { time: new Date(0) }, ["1", "2", "3", "4"]],
    ["kept.a", { time: BigInt(Date.now() + 3_600_000) * 1000n }, []],
  ];
  for (const [pattern, since, texts] of expected) {
    const reader = await bus.client();
    const got = new Collector();
    await reader.subscribe(pattern, { since }, got.take);
    // What is told on the presence of a room comes behind all that was read before.
    await got.count(texts.length);
    await arrived(client, reader);
    assert.deepEqual(got.texts.toSorted(), texts.toSorted(), `${pattern} ${String(since)}`);
  }
});

Deno.test("what is no beginning is refused, here or by the server", async () => {
  await using bus = await HistoryFixture.start();
  const client = await bus.client();
  for (
    const since of [
      { seq: -1 },
      { seq: 1.5 },
      { last: 0 },
      { time: NaN },
      { time: -1 },
      "old",
      {},
    ] as unknown as Since[]
  ) {
    const error = await rejection(client.subscribe("kept.a", { since }), "INVALID_ARGUMENT");
    assert.match(error.message, /cannot begin a subscription at/);
  }
  await rejection(client.subscribe("kept.*", { since: { seq: 1 } }), "INVALID_ARGUMENT");
  await rejection(client.subscribe("plain", { since: "all" }), "FAILED_PRECONDITION");
  await rejection(
    client.subscribe("kept.a", { since: "all", group: "g" }),
    "INVALID_ARGUMENT",
  );
});

Deno.test("subscriptions of one client that begin in different places get each event once, in order", async () => {
  await using bus = await HistoryFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client()];
  await publishAll(publisher, "kept.a", ["1", "2", "3"]);
  const recent = new Collector();
  await client.subscribe("kept.*", {}, recent.take);
  await publishAll(publisher, "kept.a", ["4"]);
  await recent.count(1);
  const [all, last, same] = [new Collector(), new Collector(), new Collector()];
  await Promise.all([
    client.subscribe("kept.a", { since: "all" }, all.take),
    client.subscribe("kept.>", { since: { last: 2 } }, last.take),
    // Shares the first one's place at the server.
    client.subscribe("kept.*", { since: "all" }, same.take),
    publishAll(publisher, "kept.a", ["5", "6"]),
  ]);
  await publishAll(publisher, "kept.a", ["7"]);
  for (const each of [recent, all, last, same]) await until(() => each.texts.at(-1) === "7", "7");
  assert.deepEqual(all.texts, ["1", "2", "3", "4", "5", "6", "7"]);
  assert.deepEqual(same.texts, all.texts);
  assert.deepEqual(recent.texts, ["4", "5", "6", "7"]);
  // Where the last two began depends on which of 5 and 6 had been kept by then.
  assert.deepEqual(last.texts, all.texts.slice(-last.texts.length));
  assert(last.texts.length >= 3, last.texts.join());
});

/** Publishes while the door is shut, and waits until the client is there again. */
async function whileShut(bus: HistoryFixture, client: Client, publish: () => Promise<unknown>) {
  bus.shut();
  await until(() => client.status === "reconnecting", "the loss");
  await publish();
  bus.open();
  await until(() => client.status === "connected", "the connection");
}

Deno.test("after a reconnect kept topics go on without a gap, also those of which nothing had come", async () => {
  await using bus = await HistoryFixture.start();
  const [publisher, client] = [await bus.client(), await bus.behindDoor()];
  await publishAll(publisher, "kept.old", ["never wanted"]);
  const [one, all, typed] = [new GapCollector(), new GapCollector(), new GapCollector()];
  await client.subscribe("kept.a", { onGap: one.onGap }, one.take);
  await client.subscribe("kept.>", { onGap: all.onGap }, all.take);
  await client.subscribe("kept.a", { type: "T", onGap: typed.onGap }, typed.take);
  await publisher.publish("kept.a", "1");
  await all.count(1);
  for (let round = 0; round < 3; round++) {
    await whileShut(bus, client, async () => {
      await publisher.publish("kept.a", "2", { type: "T" });
      await publishAll(publisher, `kept.new${round}`, ["3"]);
      await publishAll(publisher, "kept.old", ["4"]);
    });
  }
  await publisher.publish("kept.a", "5", { type: "T" });
  // Which topic comes last is not said, only the order within each.
  await Promise.all([one.count(5), typed.count(4), all.count(11)]);
  assert.deepEqual(one.texts, ["1", "2", "2", "2", "5"]);
  assert.deepEqual(typed.texts, ["2", "2", "2", "5"]);
  assert.deepEqual(all.texts.toSorted(), ["1", "2", "2", "2", "3", "3", "3", "4", "4", "4", "5"]);
  assert.deepEqual([one.gaps, all.gaps, typed.gaps], [[], [], []]);
});

Deno.test("a pattern that matches plain topics too is told that of those events may be missing", async () => {
  await using bus = await HistoryFixture.start();
  const [publisher, client] = [await bus.client(), await bus.behindDoor()];
  const [mixed, plain] = [new GapCollector(), new GapCollector()];
  await client.subscribe(">", { onGap: mixed.onGap }, mixed.take);
  await client.subscribe("plain", { onGap: plain.onGap }, plain.take);
  await publisher.publish("kept.a", "1");
  await mixed.count(1);
  await whileShut(bus, client, async () => {
    await publishAll(publisher, "kept.a", ["2"]);
    await publishAll(publisher, "plain", ["lost"]);
  });
  await mixed.count(2);
  await publisher.publish("plain", "3");
  await plain.count(1);
  await mixed.count(3);
  assert.deepEqual(mixed.texts, ["1", "2", "3"]);
  assert.deepEqual(mixed.gaps, [{ kind: "reconnected" }]);
  assert.deepEqual(plain.gaps, [{ kind: "reconnected" }]);
});

Deno.test("own events do not come back out of the history, whatever session published them", async () => {
  await using bus = await HistoryFixture.start();
  const [other, client] = [await bus.client(), await bus.behindDoor()];
  const [others, everything] = [new Collector(), new Collector()];
  await client.subscribe("kept.a", {}, others.take);
  await client.subscribe("kept.a", { type: "T", echo: true }, everything.take);
  await client.publish("kept.a", "mine", { type: "T" });
  await everything.count(1);
  await whileShut(bus, client, () => other.publish("kept.a", "theirs", { type: "T" }));
  await client.publish("kept.a", "mine again", { type: "T" });
  await everything.count(3);
  await others.count(1);
  assert.deepEqual(others.texts, ["theirs"]);
  assert.deepEqual(everything.texts, ["mine", "theirs", "mine again"]);
});

Deno.test("connections that are lost again and again under load lose and repeat nothing", async () => {
  await using bus = await HistoryFixture.start();
  const [publisher, client] = [await bus.client(), await bus.behindDoor()];
  const [fresh, all] = [new GapCollector(), new GapCollector()];
  await client.subscribe("kept.*", { onGap: fresh.onGap }, fresh.take);
  await client.subscribe("kept.a", { since: "all", onGap: all.onGap }, all.take);
  const texts = numbers(2000);
  let published = 0;
  const publishing = (async () => {
    for (const text of texts) {
      await publisher.publish("kept.a", text);
      published++;
    }
  })();
  for (let round = 1; round <= 10; round++) {
    await until(() => published >= round * 150, "more events");
    bus.shut();
    await until(() => client.status === "reconnecting", "the loss");
    bus.open();
    await until(() => client.status === "connected", "the connection");
  }
  await publishing;
  await fresh.count(texts.length);
  await all.count(texts.length);
  assert.deepEqual(fresh.texts, texts);
  assert.deepEqual(all.texts, texts);
  assert.deepEqual([fresh.gaps, all.gaps], [[], []]);
});

Deno.test("a program that is slow catches up on kept topics and misses nothing", async () => {
  await using bus = await HistoryFixture.start();
  const [publisher, client] = [await bus.client(), await bus.client()];
  const texts = numbers(300);
  await publishAll(publisher, "kept.a", texts.slice(0, 200));
  const gaps: unknown[] = [];
  const onGap = (gap: unknown) => void gaps.push(gap);
  // One that shares the server's subscription, and one that is alone with it.
  for (const pattern of ["kept.a", "kept.*"]) {
    await client.subscribe("kept.a", {}, () => {});
    const slow = await client.subscribe(pattern, { since: "all", bufferEvents: 8, onGap });
    if (pattern === "kept.a") await publishAll(publisher, "kept.a", texts.slice(200));
    const got: string[] = [];
    for await (const event of slow) {
      got.push(textOf(event));
      assert(slow.waiting <= 8);
      if (got.length === texts.length) break;
    }
    assert.deepEqual(got, texts);
  }
  assert.deepEqual(gaps, []);
});

Deno.test("a server without its history says so, and the subscription begins anew", async () => {
  await using bus = await HistoryFixture.start();
  const client = await bus.behindDoor();
  const [all, fresh, plain] = [new GapCollector(), new GapCollector(), new GapCollector()];
  await client.subscribe("kept.a", { since: "all", onGap: all.onGap }, all.take);
  await client.subscribe("kept.>", { onGap: fresh.onGap }, fresh.take);
  await client.subscribe("plain", { onGap: plain.onGap }, plain.take);
  await publishAll(await bus.client(), "kept.a", ["1", "2"]);
  await all.count(2);
  await fresh.count(2);
  await bus.restart();
  await until(() => all.gaps.length === 1, "the loss of the history");
  const publisher = await bus.client();
  await client.ping();
  await publishAll(publisher, "kept.a", ["3", "4"]);
  await all.count(4);
  await fresh.count(4);
  assert.deepEqual(all.texts, ["1", "2", "3", "4"]);
  assert.deepEqual(fresh.texts, all.texts);
  assert.deepEqual(all.gaps, [{ kind: "history_lost" }]);
  assert.deepEqual(fresh.gaps, [{ kind: "history_lost" }]);
  assert.deepEqual(plain.gaps, [{ kind: "reconnected" }]);
});

Deno.test("topics that the server keeps no more are told as lost, and go on with what is new", async () => {
  await using bus = await HistoryFixture.start();
  const client = await bus.behindDoor();
  const got = new GapCollector();
  const [unasked, asked] = [
    await client.subscribe("kept.a", { onGap: got.onGap }, got.take),
    await client.subscribe("kept.b", { since: "all" }),
  ];
  await publishAll(await bus.client(), "kept.a", ["1"]);
  await got.count(1);
  await bus.restart({ keep: [] });
  await rejection(asked.closed, "FAILED_PRECONDITION");
  await client.ping();
  await publishAll(await bus.client(), "kept.a", ["2"]);
  await got.count(2);
  assert.deepEqual(got.gaps, [{ kind: "history_lost" }]);
  assert.equal(unasked.ended, false);
});

Deno.test("subscriptions go on across a restart of a server that keeps its topics on disk", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-history-" });
  try {
    await using bus = await HistoryFixture.start({ data });
    const client = await bus.behindDoor();
    const [fresh, all] = [new GapCollector(), new GapCollector()];
    await publishAll(await bus.client(), "kept.a", ["before"]);
    await client.subscribe("kept.>", { onGap: fresh.onGap }, fresh.take);
    await client.subscribe("kept.a", { since: "all", onGap: all.onGap }, all.take);
    await publishAll(await bus.client(), "kept.a", ["1"]);
    bus.shut();
    await publishAll(await bus.client(), "kept.a", ["2"]);
    await bus.restart();
    await publishAll(await bus.client(), "kept.a", ["3"]);
    await all.count(4);
    await fresh.count(3);
    assert.deepEqual(all.texts, ["before", "1", "2", "3"]);
    assert.deepEqual(fresh.texts, ["1", "2", "3"]);
    assert.deepEqual([all.gaps, fresh.gaps], [[], []]);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});
