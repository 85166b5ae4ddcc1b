/**
 * Replay joins live delivery: whoever begins in the history while others publish gets every event exactly
 * once and in order, whatever it filters; and what ends a replay leaves nothing behind.
 */
import assert from "node:assert/strict";
import type { Event } from "../../../lib/gen/parley/v1/event_pb.ts";
import type { BusClient } from "../../support/bus_client.ts";
import type { SessionFeeds } from "../../../lib/services/kept/session_feeds.ts";
import { bytesOf, publish, subscribe, unsubscribe } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import { until } from "../../support/until.ts";
import {
  connect,
  epochOf,
  follow,
  Inbox,
  KeptBus,
  publishAll,
  range,
  roundTrip,
  seqsOf,
  startKept,
  storeTest,
  textsOf,
} from "./kept_support.ts";

const TOPICS = ["k.a", "k.b", "k.c"];
const TYPES = ["t.One", "t.Two"];
const ALL = { since: { case: "all", value: true } } as const;
const PUBLISHERS = 8;
const EVENTS_EACH = 600;

/** Publishes numbered events on all topics in turn, with at most 64 that are not acknowledged. */
async function publishAround(client: BusClient, name: number, count: number): Promise<void> {
  const open: bigint[] = [];
  for (let number = 0; number < count; number += 32) {
    const messages = range(number, Math.min(number + 32, count) - 1).map((each) => {
      const id = client.nextId();
      open.push(id);
      const payload = bytesOf(`${name}:${each}`.padEnd(100));
      return publish({ topic: TOPICS[each % 3], type: TYPES[each % 2], payload }, id);
    });
    await client.send(...messages);
    while (open.length > 32) contentOf(await client.answerTo(open.shift()!), "ack");
  }
  for (const id of open) contentOf(await client.answerTo(id), "ack");
}

/** Checks that `got` is `all` less what `wanted` leaves out, once each and in the order of each topic. */
function assertExactly(
  got: readonly Event[],
  all: readonly Event[],
  wanted: (event: Event) => boolean,
  what: string,
): void {
  for (const topic of TOPICS) {
    const expected = all.filter((event) => event.topic === topic && wanted(event));
    const seen = got.filter((event) => event.topic === topic);
    assert.deepEqual(seqsOf(seen), seqsOf(expected), `${what}, ${topic}`);
    assert.deepEqual(textsOf(seen), textsOf(expected), `${what}, ${topic}`);
  }
}

storeTest("eight publish, and whoever joins gets each event once, in order", async (data) => {
  await using server = await startKept(data);
  await using clients = new AsyncDisposableStack();
  const join = async () => clients.use(await connect(server));
  const publishers = await Promise.all(range(1, PUBLISHERS).map(join));
  const sender = await publishers[0].sessionId();
  const silentSender = await publishers[1].sessionId();
  const historyEpoch = await epochOf(publishers[2]);
  const everything = () => true;
  const readers: [string, BusClient, (event: Event) => boolean][] = [];
  const add = async (
    what: string,
    subscription: Parameters<typeof subscribe>[0] & object,
    wanted: (event: Event) => boolean,
    client?: BusClient,
  ) => {
    client ??= await join();
    await follow(client, subscription);
    readers.push([what, client, wanted]);
  };
  // A publisher that wants its own events too, and one that does not.
  await add("echo", { pattern: "k.*", echo: true, start: ALL }, everything, publishers[0]);
  const others = (event: Event) => event.sender !== silentSender;
  await add("no echo", { pattern: "k.*", start: ALL }, others, publishers[1]);
  const publishing = publishers.map((client, index) => publishAround(client, index, EVENTS_EACH));
  const published = () => server.stats().eventsIn;
  for (const share of range(1, 5)) {
    await until(() => published() >= share * 700, "some were published");
    await add("all", { pattern: "k.*", start: ALL }, everything);
    await add("one topic", { pattern: "k.b", start: ALL }, ({ topic }) => topic === "k.b");
    const type = TYPES[1];
    await add("a type", { pattern: "k.*", type, start: ALL }, (event) => event.type === type);
    const positions = [{ topic: "k.a", seq: 100n }];
    await add(
      "resumed",
      { pattern: "k.*", start: { ...ALL, historyEpoch, positions } },
      ({ topic, seq }) => topic !== "k.a" || seq > 100n,
    );
    const both = await join();
    await follow(both, { pattern: "k.a", type: TYPES[0] });
    await add("two patterns", { pattern: "k.>", start: ALL }, everything, both);
  }
  await Promise.all(publishing);
  const history = await join();
  await follow(history, { pattern: "k.*", start: ALL });
  const all = await history.whenEvents(PUBLISHERS * EVENTS_EACH);
  for (const topic of TOPICS) {
    const seqs = seqsOf(all.filter((event) => event.topic === topic));
    assert.deepEqual(seqs, range(1, seqs.length));
  }
  assert(all.some((event) => event.sender === sender));
  for (const [what, client, wanted] of readers) {
    const count = all.filter(wanted).length;
    await client.whenEvents(count);
    await roundTrip(client);
    assertExactly(whole(client, what), all, wanted, what);
  }
});

/** Its events; one that had a live subscription before may have got some of them before the replay. */
function whole(client: BusClient, what: string): Event[] {
  if (what !== "two patterns") return client.events;
  const seen = new Map(client.events.map((event) => [`${event.topic} ${event.seq}`, event]));
  return [...seen.values()].toSorted((one, other) => Number(one.seq - other.seq));
}

storeTest(
  "nothing comes behind the acknowledgement of an unsubscribe, also in a replay",
  async (data) => {
    await using server = await startKept(data);
    await using publisher = await connect(server);
    await publishAll(publisher, "k.a", 1, 5000);
    await using client = await connect(server);
    const [end, begin] = [client.nextId(), client.nextId()];
    await client.send(
      subscribe({ pattern: "k.a", start: ALL }),
      unsubscribe("k.a", end),
    );
    await client.answerTo(end);
    const got = client.events.length;
    await roundTrip(client);
    await publishAll(publisher, "k.a", 5001, 5010);
    await roundTrip(client);
    assert.equal(client.events.length, got);
    // And asking for what is new right behind it does not wake the old replay.
    await client.send(
      subscribe({ pattern: "k.a", start: ALL }),
      unsubscribe("k.a"),
      subscribe("k.a", begin),
    );
    await client.answerTo(begin);
    const before = client.events.length;
    await publishAll(publisher, "k.a", 5011, 5011);
    await client.whenEvents(before + 1);
    assert.equal(client.events.at(-1)!.seq, 5011n);
  },
);

storeTest("one's own events come out of the history as they would have come live", async (data) => {
  await using server = await startKept(data);
  await using other = await connect(server);
  for (const echo of [false, true]) {
    await using client = await connect(server);
    const topic = `k.${echo}`;
    await publishAll(other, topic, 1, 5);
    await publishAll(client, topic, 6, 10);
    await publishAll(other, { topic, type: "t.One" }, 11, 11);
    await follow(client, { pattern: topic, echo, start: ALL });
    const expected = echo ? range(1, 11) : [...range(1, 5), 11];
    await client.when(() => client.events.at(-1)?.seq === 11n, "the last");
    assert.deepEqual(seqsOf(client.events), expected);
  }
});

storeTest(
  "a subscription that ends after some events counts those of its history",
  async (data) => {
    await using server = await startKept(data);
    await using publisher = await connect(server);
    await publishAll(publisher, "k.a", 1, 3000);
    await using client = await connect(server);
    const end = client.nextId();
    await client.send(
      subscribe({ pattern: "k.a", start: ALL }),
      unsubscribe({ pattern: "k.a", afterEvents: 1500n }, end),
    );
    const ackedAt = () => client.messages.findIndex(({ id }) => id === end);
    await client.when(() => ackedAt() >= 0, "the acknowledgement");
    await publishAll(publisher, "k.a", 3001, 3010);
    // What had left before the second message was looked at does not count.
    const acked = ackedAt();
    const before = client.messages.slice(0, acked).filter(({ message }) =>
      message.case === "event"
    );
    const count = before.length + 1500;
    await client.whenEvents(count);
    await roundTrip(client);
    assert.deepEqual(seqsOf(client.events), range(1, count));
    assert.equal(server.stats().subscriptions, 0);
  },
);

storeTest("one that counts ends across the join of history and live", async (data) => {
  await using bus = await KeptBus.open(data);
  const [publisher, reader] = [bus.connect(), bus.connect()];
  await bus.keep(publisher, "k.a", [1, 10]);
  const inbox = new Inbox(reader);
  await bus.turn(
    reader,
    subscribe({ pattern: "k.a", start: ALL }),
    unsubscribe({ pattern: "k.a", afterEvents: 15n }),
  );
  await inbox.whenEvents(10);
  await bus.keep(publisher, "k.a", [11, 30]);
  assert.deepEqual(seqsOf(await inbox.whenEvents(15)), range(1, 15));
  assert.equal(bus.host.bus.subscriptions, 0);
  assert.equal(bus.feeds, 0);
});

storeTest("who disconnects in a replay leaves nothing behind", async (data) => {
  await using bus = await KeptBus.open(data);
  const publisher = bus.connect();
  await bus.keep(publisher, "k.a", [1, 200], 8000);
  for (const end of ["reset", "end", "abort"] as const) {
    const reader = bus.connect();
    reader.link.hold();
    reader.send(subscribe({ pattern: "k.>", start: ALL }, 1n));
    await until(() => reader.session.outbox.size > 100_000, "a page waits");
    assert.equal(bus.feeds, 1);
    const feeds = reader.session.slots.feeds as SessionFeeds;
    if (end === "abort") reader.session.abort();
    else reader.link[end]();
    reader.link.releaseAll();
    await reader.ended;
    assert.equal(bus.feeds, 0);
    await until(() => bus.host.context.budget.bytes === 0, "nothing waits for it");
    await until(() => !feeds.pumping, "the end of its task");
  }
  assert.equal(bus.host.context.counters.internalErrors, 0);
});

Deno.test("many that come at once are fed by and by", async () => {
  await using bus = await KeptBus.open("", { maxOutboxTotalBytes: 1024 * 1024 });
  const publisher = bus.connect();
  await bus.keep(publisher, "k.a", [1, 300], 4000);
  const store = bus.store;
  const read = store.read.bind(store);
  let reading = 0;
  let most = 0;
  store.read = async (topic, request) => {
    most = Math.max(most, ++reading);
    try {
      return await read(topic, request);
    } finally {
      reading--;
    }
  };
  const inboxes = range(1, 100).map(() => new Inbox(bus.connect()));
  for (const { peer } of inboxes.slice(0, 50)) peer.link.hold();
  for (const { peer } of inboxes) peer.send(subscribe({ pattern: "k.a", start: ALL }, 1n));
  // Those who read get everything, though the others hold all that there may be.
  for (const inbox of inboxes.slice(50)) await inbox.whenEvents(300);
  assert(most <= 32, `${most} pages at once`);
  // What all may hold, the pages that were read before that was full, and a small page for each; counted are
  // buffers, which may be twice as large as what is in them.
  const held = bus.host.context.budget.bytes;
  assert(held < 2 * (1 + 8 + 2) * 1024 * 1024, `${held} bytes wait`);
  for (const { peer } of inboxes) peer.link.releaseAll();
  for (const inbox of inboxes) assert.deepEqual(seqsOf(await inbox.whenEvents(300)), range(1, 300));
});
