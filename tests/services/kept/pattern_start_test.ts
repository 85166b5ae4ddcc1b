/**
 * Subscriptions to patterns that begin in the history of more topics than are looked at in one go: topics that
 * were not come to yet, what is published on them meanwhile, and what is left when such a subscription ends.
 */
import assert from "node:assert/strict";
import { CloseReason } from "../../../lib/base/errors.ts";
import { MAX_STARTS } from "../../../lib/services/kept/feeds.ts";
import type { StartInit } from "../../support/bus_messages.ts";
import { bytesOf, publish, subscribe, unsubscribe } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import type { MemoryPeer } from "../../support/memory_bus.ts";
import { Random } from "../../support/random.ts";
import { until } from "../../support/until.ts";
import { Inbox, KeptBus, range, storeTest } from "./kept_support.ts";

/** More than are looked at in one go, and than are fed at once. */
const TOPICS = 700;
const ALL: StartInit = { since: { case: "all", value: true } };
const nameOf = (number: number) => `k.${number % 7}.${number}`;

/** One event of each topic for each of these times, numbered from 1. */
async function keepAll(bus: KeptBus, peer: MemoryPeer, times = 1, topics = TOPICS): Promise<void> {
  for (let time = 0; time < times; time++) {
    const events = range(1, topics).map((number) =>
      publish({ topic: nameOf(number), payload: bytesOf(`${time}`) })
    );
    await bus.turn(peer, ...events);
    await bus.store.flush();
    await bus.settle();
  }
}

/** The seqs that came, by topic. */
function byTopic(inbox: Inbox): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { topic, seq } of inbox.events) {
    found.set(topic, [...found.get(topic) ?? [], Number(seq)]);
  }
  return found;
}

/** A reader whose writes are held back, so that its history is not read to the end. */
async function stuckReader(bus: KeptBus, start: StartInit, pattern = "k.>") {
  const peer = bus.connect();
  peer.link.hold();
  await bus.turn(peer, subscribe({ pattern, start }, 1n));
  await until(() => peer.session.outbox.size > 0, "what waits for the reader");
  return { peer, inbox: new Inbox(peer) };
}

/** Waits until each topic has had its events, and no feed is left. */
async function whenFed(bus: KeptBus, inbox: Inbox, expected: Map<string, number[]>): Promise<void> {
  const count = [...expected.values()].reduce((sum, seqs) => sum + seqs.length, 0);
  await until(() => inbox.events.length >= count && bus.feeds === 0, "the end of the feeds");
  await bus.settle();
  assert.deepEqual(byTopic(inbox), expected);
}

const FEW: ConstructorParameters<typeof KeptBus>[1] = { outboxHighWaterBytes: 64 };

storeTest("topics that were not come to are fed with what comes meanwhile", async (data) => {
  await using bus = await KeptBus.open(data, FEW);
  const publisher = bus.connect();
  await keepAll(bus, publisher, 2);
  const { peer, inbox } = await stuckReader(bus, ALL);
  assert(bus.feeds < 300, `${bus.feeds} feeds at once`);
  await keepAll(bus, publisher);
  // What is opened after the subscription is live.
  await bus.keep(publisher, "k.new", [1, 3]);
  peer.link.releaseAll();
  const expected = new Map(range(1, TOPICS).map((number) => [nameOf(number), [1, 2, 3]]));
  await whenFed(bus, inbox, expected.set("k.new", [1, 2, 3]));
});

storeTest("the last events of each topic are those before the subscription", async (data) => {
  await using bus = await KeptBus.open(data, FEW);
  const publisher = bus.connect();
  await keepAll(bus, publisher, 5);
  const { peer, inbox } = await stuckReader(bus, { since: { case: "last", value: 2 } });
  const touched = range(1, TOPICS).filter((number) => number % 3 === 0);
  await bus.turn(publisher, ...touched.map((number) => publish({ topic: nameOf(number) })));
  await bus.turn(publisher, ...touched.map((number) => publish({ topic: nameOf(number) })));
  await bus.store.flush();
  await bus.settle();
  peer.link.releaseAll();
  const seqs = (number: number) => number % 3 === 0 ? range(4, 7) : [4, 5];
  await whenFed(bus, inbox, new Map(range(1, TOPICS).map((n) => [nameOf(n), seqs(n)])));
});

storeTest("a time that is still to come begins with what is new, on every topic", async (data) => {
  await using bus = await KeptBus.open(data, FEW);
  const [publisher, reader] = [bus.connect(), bus.connect()];
  await keepAll(bus, publisher);
  const inbox = new Inbox(reader);
  const value = BigInt(bus.clock.wallMs() + 60_000) * 1000n;
  const since = { case: "timeUnixMicros", value } as const;
  // In one read with an event behind it, of a topic that was not come to.
  const last = nameOf(TOPICS);
  await bus.turn(reader, subscribe({ pattern: "k.>", echo: true, start: { since } }, 1n));
  await bus.turn(publisher, publish({ topic: last }), publish({ topic: nameOf(1) }));
  await bus.store.flush();
  await whenFed(bus, inbox, new Map([[last, [2]], [nameOf(1), [2]]]));
});

storeTest("positions go before the start, also for topics that are come to later", async (data) => {
  await using bus = await KeptBus.open(data, FEW);
  const publisher = bus.connect();
  await keepAll(bus, publisher, 3);
  const positions = [1, TOPICS].map((number) => ({ topic: nameOf(number), seq: 2n }));
  const start = { ...ALL, positions, historyEpoch: bus.store.epoch };
  const { peer, inbox } = await stuckReader(bus, start);
  peer.link.releaseAll();
  const expected = new Map(range(1, TOPICS).map((number) => [nameOf(number), [1, 2, 3]]));
  await whenFed(bus, inbox, expected.set(nameOf(1), [3]).set(nameOf(TOPICS), [3]));
});

storeTest("an Unsubscribe ends what was not come to, and what comes next is live", async (data) => {
  await using bus = await KeptBus.open(data, FEW);
  const publisher = bus.connect();
  await keepAll(bus, publisher, 2);
  const { peer, inbox } = await stuckReader(bus, ALL);
  const other = subscribe("k.3.>", 2n);
  // In one read: the second subscription must find nothing left of the first, but k.3.> keeps its share.
  peer.send(other, unsubscribe("k.>", 3n), subscribe("k.>", 4n));
  peer.link.releaseAll();
  const acked = () => inbox.messages.some(({ id }) => id === 4n);
  await until(() => inbox.events.length >= 0 && acked(), "the second subscription");
  await until(() => bus.feeds === 0, "the end of the feeds");
  const before = byTopic(inbox);
  await keepAll(bus, publisher);
  await until(() => inbox.events.length >= before.size * 2 + TOPICS, "what is live");
  for (const [topic, seqs] of byTopic(inbox)) {
    const whole = topic.startsWith("k.3.") || before.has(topic);
    assert.deepEqual(seqs, whole ? [1, 2, 3] : [3], topic);
  }
  assert(before.size < TOPICS / 2, `${before.size} topics`);
});

storeTest("a topic that is forgotten and made anew is fed once", async (data) => {
  await using bus = await KeptBus.open(data, FEW);
  const publisher = bus.connect();
  await keepAll(bus, publisher);
  const { peer, inbox } = await stuckReader(bus, ALL);
  const [early, late] = [nameOf(300), nameOf(TOPICS)];
  for (const name of [early, late]) {
    await bus.host.kept!.forgetting.remove(bus.store.topic(name)!);
    await bus.keep(publisher, name, [1, 2]);
  }
  peer.link.releaseAll();
  const expected = new Map(range(1, TOPICS).map((number) => [nameOf(number), [1]]));
  await whenFed(bus, inbox, expected.set(early, [2, 3]).set(late, [2, 3]));
});

storeTest("a session reads on once one of too many starts is through", async (data) => {
  await using bus = await KeptBus.open(data, FEW);
  const [publisher, reader] = [bus.connect(), bus.connect()];
  await keepAll(bus, publisher);
  const inbox = new Inbox(reader);
  reader.link.hold();
  const types = range(1, MAX_STARTS);
  const ask = (number: number) => subscribe({ pattern: "k.>", type: `t${number}`, start: ALL });
  await bus.turn(reader, subscribe({ pattern: "k.>", start: ALL }), ...types.slice(2).map(ask));
  const { subscriptions } = bus.host.bus;
  assert.equal(subscriptions, MAX_STARTS - 1);
  assert.equal(reader.session.holds, 0, "one below as many as may be");
  await bus.turn(reader, ask(1), ask(2));
  assert.equal(bus.host.bus.subscriptions, MAX_STARTS, "the next has to wait");
  assert.equal(reader.session.holds, 1);
  reader.link.releaseAll();
  await until(() => bus.host.bus.subscriptions === MAX_STARTS + 1, "the next subscription");
  await until(() => bus.feeds === 0, "the end of the feeds");
  assert.equal(inbox.events.length >= TOPICS, true);
});

Deno.test("past as many feeds as there may be, the connection with the most is ended", async () => {
  const most = 60;
  await using bus = await KeptBus.open("", { outboxHighWaterBytes: 64, maxFeeds: most });
  const publisher = bus.connect();
  await keepAll(bus, publisher, 1, 50);
  const few = await stuckReader(bus, ALL, "k.1.>");
  const one = bus.feeds;
  assert(one > 3 && one < 10, `${one}`);
  const many = await stuckReader(bus, ALL);
  assert(bus.feeds <= most && bus.feeds > 40, `${bus.feeds}`);
  assert.equal(many.peer.session.state, "open", "as many as there may be");
  const next = bus.connect();
  next.link.hold();
  next.send(subscribe({ pattern: "k.>", start: ALL }, 1n));
  await until(() => many.peer.session.state !== "open" || next.session.state !== "open", "the end");
  assert.equal(few.peer.session.state, "open");
  const ended = many.peer.session.state === "open" ? next : many.peer;
  ended.link.releaseAll();
  const said = new Inbox(ended);
  await until(
    () => said.events.length >= 0 && said.messages.at(-1)?.message.case === "error",
    "why",
  );
  const error = contentOf(said.messages.at(-1)!, "error");
  assert.equal(error.closeReason, CloseReason.SLOW_CONSUMER);
  assert.match(error.message, /behind on \d+ kept topics, more than any other/);
});

storeTest("random subscribers of many topics get each event once, and in order", async (data) => {
  const seed = Number(Deno.env.get("START_SEED") ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`START_SEED=${seed}`);
  const random = new Random(seed);
  await using bus = await KeptBus.open(data, { outboxHighWaterBytes: 2000 });
  const publisher = bus.connect();
  await keepAll(bus, publisher, 2);
  const readers = range(1, 6).map(() => {
    const peer = bus.connect();
    return { peer, inbox: new Inbox(peer), pattern: "", holding: false };
  });
  for (let round = 0; round < 150; round++) {
    const reader = random.pick(readers);
    const dice = random.below(10);
    if (dice < 3) {
      reader.holding = !reader.holding;
      if (reader.holding) reader.peer.link.hold();
      else reader.peer.link.releaseAll();
    } else if (dice < 5 && reader.pattern === "") {
      reader.pattern = random.pick(["k.>", "k.1.>", "k.*.*", "k.2.*"]);
      const last = { since: { case: "last", value: 1 + random.below(3) } } as const;
      reader.peer.send(
        subscribe({ pattern: reader.pattern, start: random.pick([ALL, last]) }, 1n),
      );
    } else {
      const some = range(1, 20).map(() => nameOf(1 + random.below(TOPICS)));
      publisher.send(...some.map((topic) => publish({ topic })));
    }
    await bus.settle();
  }
  await bus.store.flush();
  for (const { peer } of readers) peer.link.releaseAll();
  await until(() => bus.feeds === 0, "the end of the feeds");
  await bus.settle();
  const lastSeqs = new Map([...bus.store.topics()].map(({ name, lastSeq }) => [name, lastSeq]));
  for (const { inbox, pattern } of readers) {
    const found = byTopic(inbox);
    for (const [name, last] of lastSeqs) {
      const wanted = pattern !== "" &&
        (!/\d/.test(pattern) || name.startsWith(pattern.slice(0, 4)));
      const seqs = found.get(name) ?? [];
      if (!wanted) assert.deepEqual(seqs, []);
      else assert.deepEqual(seqs, range(seqs[0] ?? NaN, last), `${name} for ${pattern}`);
    }
  }
});
