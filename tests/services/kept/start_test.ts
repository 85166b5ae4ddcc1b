/**
 * Where in the history a subscription begins: by seq, time, number, at the beginning, or behind what was
 * received before; and what is told when that is gone.
 */
import assert from "node:assert/strict";
import { ManualClock } from "../../support/manual_clock.ts";
import { CloseReason } from "../../../lib/base/errors.ts";
import type { BusClient } from "../../support/bus_client.ts";
import type { StartInit, SubscribeInit } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import { until } from "../../support/until.ts";
import {
  connect,
  epochOf,
  follow,
  Inbox,
  KeptBus,
  missedBy,
  publishAll,
  range,
  seqsOf,
  startKept,
  storeTest,
} from "./kept_support.ts";
import { subscribe } from "../../support/bus_messages.ts";
import type { TestServer } from "../../support/server.ts";

const START_MS = 1_700_000_000_000;
const micros = (ms: number) => BigInt(ms) * 1000n;

/** Seqs that a new subscriber gets, up to an event that is published when it has subscribed. */
async function seqsFrom(
  server: TestServer,
  publisher: BusClient,
  start: StartInit | undefined,
  what: SubscribeInit = { pattern: "k.a" },
): Promise<{ seqs: number[]; lost: boolean }> {
  await using client = await connect(server);
  const { historyLost: lost } = await follow(client, { ...what, start });
  const [{ seq }] = await publishAll(publisher, { topic: "k.a", type: what.type ?? "" }, 0, 0);
  await client.when(() => client.events.some((event) => event.seq === seq), "the last event");
  return { seqs: seqsOf(client.events).slice(0, -1), lost };
}

storeTest("a subscription begins where it says", async (data) => {
  const clock = new ManualClock(START_MS);
  await using server = await startKept(data, {}, clock);
  await using publisher = await connect(server);
  // Event n is of the millisecond n * 10.
  for (const number of range(1, 20)) {
    clock.advance(10);
    await publishAll(publisher, "k.a", number, number);
  }
  const at = (start: StartInit | undefined) => seqsFrom(server, publisher, start);
  const since = (since: StartInit["since"]) => at({ since });
  clock.advance(1_000_000);
  assert.deepEqual((await since({ case: "all", value: true })).seqs, range(1, 20));
  assert.deepEqual((await since({ case: "seq", value: 0n })).seqs, range(1, 21));
  assert.deepEqual((await since({ case: "seq", value: 18n })).seqs, range(18, 22));
  assert.deepEqual((await since({ case: "seq", value: 10_000n })).seqs, []);
  assert.deepEqual((await since({ case: "last", value: 3 })).seqs, range(22, 24));
  assert.deepEqual((await since({ case: "last", value: 0 })).seqs, []);
  assert.deepEqual((await since({ case: "last", value: 1 })).seqs, [26], "the very last one");
  assert.deepEqual((await since({ case: "last", value: 9999 })).seqs, range(1, 27));
  assert.deepEqual((await at({})).seqs, [], "a start without a where is what is new");
  assert.deepEqual((await at(undefined)).seqs, []);
  const time = (value: bigint) => since({ case: "timeUnixMicros", value });
  assert.deepEqual((await time(0n)).seqs, range(1, 30));
  assert.deepEqual((await time(micros(START_MS + 150))).seqs, range(15, 31));
  assert.deepEqual((await time(micros(START_MS + 150) + 1n)).seqs, range(16, 32), "none older");
  assert.deepEqual((await time(micros(START_MS + 151))).seqs, range(16, 33));
  assert.deepEqual((await time(micros(START_MS + 10_000_000))).seqs, []);
});

storeTest(
  "positions resume exactly, topic by topic, and others begin as the start says",
  async (data) => {
    await using server = await startKept(data);
    await using publisher = await connect(server);
    const historyEpoch = await epochOf(publisher);
    for (const topic of ["k.a", "k.b", "k.c"]) await publishAll(publisher, topic, 1, 10);
    await using client = await connect(server);
    const ack = await follow(client, {
      pattern: "k.*",
      start: {
        historyEpoch,
        since: { case: "last", value: 2 },
        // The last is none of this subscription's: it says nothing about its history.
        positions: [
          { topic: "k.a", seq: 7n },
          { topic: "k.b", seq: 10n },
          { topic: "elsewhere", seq: 99n },
        ],
      },
    });
    assert.equal(ack.historyLost, false);
    const events = await client.whenEvents(5);
    const by = (topic: string) => seqsOf(events.filter((event) => event.topic === topic));
    assert.deepEqual([by("k.a"), by("k.b"), by("k.c")], [[8, 9, 10], [], [9, 10]]);
  },
);

storeTest("positions of another history, or beyond its end, are told as lost", async (data) => {
  await using server = await startKept(data);
  await using publisher = await connect(server);
  const historyEpoch = await epochOf(publisher);
  await publishAll(publisher, "k.a", 1, 5);
  const all = { case: "all", value: true } as const;
  const from = (start: StartInit) => seqsFrom(server, publisher, start);
  const position = (seq: bigint, topic = "k.a") => [{ topic, seq }];
  assert.deepEqual(await from({ historyEpoch: "old", positions: position(3n), since: all }), {
    seqs: range(1, 5),
    lost: true,
  }, "they mean nothing, so it begins as the start says");
  assert.deepEqual(await from({ positions: position(3n) }), { seqs: [], lost: true });
  const beyond = await from({ historyEpoch, positions: position(100n), since: all });
  assert.deepEqual(beyond, { seqs: [], lost: true });
  assert.deepEqual(await from({ historyEpoch, positions: position(8n) }), {
    seqs: [],
    lost: false,
  });
  await using client = await connect(server);
  const { historyLost } = await follow(client, {
    pattern: "k.*",
    start: { historyEpoch, positions: position(1n, "k.never") },
  });
  assert.equal(historyLost, true, "a topic that never was");
});

storeTest("who resumes behind what was trimmed is told how much is missing", async (data) => {
  const keep = [{ pattern: "k.>", max_events: 10 }];
  await using server = await startKept(data, { keep });
  await using publisher = await connect(server);
  const historyEpoch = await epochOf(publisher);
  await publishAll(publisher, "k.a", 1, 100);
  const resumed = async (start: StartInit) => {
    // The trimming is done by and by; whatever has been trimmed is told.
    for (;;) {
      await using client = await connect(server);
      await follow(client, { pattern: "k.a", start });
      await client.when(() => client.events.some(({ seq }) => seq === 100n), "the last event");
      const seqs = seqsOf(client.events);
      const missed = missedBy(client)["k.a"] ?? 0;
      const first = seqs[0];
      assert.deepEqual(seqs, range(first, 100));
      if (first === 91) return { missed, first };
      assert.equal(client.ended, null);
    }
  };
  const positions = [{ topic: "k.a", seq: 5n }];
  assert.deepEqual(await resumed({ historyEpoch, positions }), { missed: 85, first: 91 });
  assert.deepEqual(await resumed({ since: { case: "seq", value: 3n } }), { missed: 88, first: 91 });
  const all = { case: "all", value: true } as const;
  assert.deepEqual(await resumed({ since: all }), { missed: 0, first: 91 });
});

Deno.test("a history that is trimmed to nothing while it is read is told, and live goes on", async () => {
  await using bus = await KeptBus.open("", { outboxHighWaterBytes: 1024 });
  const [publisher, reader] = [bus.connect(), bus.connect()];
  await bus.keep(publisher, "k.a", [1, 100], 5000);
  const inbox = new Inbox(reader);
  reader.link.hold();
  await bus.turn(
    reader,
    subscribe({ pattern: "k.a", start: { since: { case: "seq", value: 1n } } }, 1n),
  );
  // The acknowledgement is held, and behind it what the first page brought.
  await until(() => reader.session.outbox.size > 1024, "the first page");
  await bus.store.trim(bus.store.topic("k.a")!, 101);
  reader.link.releaseAll();
  await until(() => bus.feeds === 0, "the end of the feed");
  await bus.keep(publisher, "k.a", [101, 101]);
  await until(() => inbox.events.at(-1)?.seq === 101n, "what is live");
  const seqs = seqsOf(inbox.events);
  assert.equal(new Set(seqs).size, seqs.length);
  assert.equal(seqs.length + missedBy(inbox)["k.a"], 101, "each was given, or told as missed");
});

Deno.test("a feed that goes further back while a time is looked up goes all the way", async () => {
  await using bus = await KeptBus.open("");
  const [publisher, reader] = [bus.connect(), bus.connect()];
  await bus.keep(publisher, "k.a", [1, 10]);
  bus.clock.advance(1000);
  await bus.keep(publisher, "k.a", [11, 20]);
  const value = micros(bus.clock.wallMs());
  const inbox = new Inbox(reader);
  // In one read: the second subscription is there before the time of the first was found.
  await bus.turn(
    reader,
    subscribe({ pattern: "k.*", start: { since: { case: "timeUnixMicros", value } } }),
    subscribe({ pattern: "k.a", start: { since: { case: "all", value: true } } }),
  );
  assert.deepEqual(seqsOf(await inbox.whenEvents(20)), range(1, 20));
  await bus.turn(
    reader,
    subscribe({ pattern: "k.>", start: { since: { case: "all", value: true } } }),
    subscribe({ pattern: "k.a", start: { since: { case: "timeUnixMicros", value } } }),
  );
  assert.deepEqual(seqsOf(await inbox.whenEvents(40)).slice(20), range(1, 20));
  assert.equal(bus.feeds, 0);
});

Deno.test("a feed that goes back while it waits for the store drops what it asked for", async () => {
  await using bus = await KeptBus.open("");
  const [publisher, reader] = [bus.connect(), bus.connect()];
  await bus.keep(publisher, "k.a", [1, 20]);
  const { store } = bus;
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  const held =
    <A extends unknown[], R>(method: (...args: A) => Promise<R>) => async (...args: A) => {
      if (asked++ === 0) await gate.promise;
      return await method.apply(store, args);
    };
  const second = subscribe({ pattern: "k.a", start: { since: { case: "all", value: true } } });
  store.read = held(store.read);
  const last = { since: { case: "last", value: 5 } } as const;
  reader.send(subscribe({ pattern: "k.*", start: last }));
  await until(() => asked === 1, "a page is asked for");
  await bus.turn(reader, second);
  gate.resolve();
  const inbox = new Inbox(reader);
  assert.deepEqual(seqsOf(await inbox.whenEvents(20)), range(1, 20));
  assert.deepEqual(missedBy(inbox), {}, "nothing was trimmed");
});

Deno.test("a feed that goes back while its time is being looked up does not forget that", async () => {
  await using bus = await KeptBus.open("");
  const [publisher, reader] = [bus.connect(), bus.connect()];
  await bus.keep(publisher, "k.a", [1, 20]);
  const gate = Promise.withResolvers<number>();
  let asked = false;
  bus.store.seqAt = () => {
    asked = true;
    return gate.promise;
  };
  const value = micros(bus.clock.wallMs());
  const time = { since: { case: "timeUnixMicros", value } } as const;
  reader.send(subscribe({ pattern: "k.*", start: time }));
  await until(() => asked, "the time is looked up");
  const all = { since: { case: "all", value: true } } as const;
  await bus.turn(reader, subscribe({ pattern: "k.a", start: all }));
  gate.resolve(15);
  assert.deepEqual(seqsOf(await new Inbox(reader).whenEvents(20)), range(1, 20));
});

Deno.test("a history that cannot be read ends the connection, with the reason", async () => {
  await using bus = await KeptBus.open("");
  const [publisher, reader] = [bus.connect(), bus.connect()];
  await bus.keep(publisher, "k.a", [1, 3]);
  bus.store.read = () => Promise.reject(new Error("the disk is gone"));
  reader.send(subscribe({ pattern: "k.a", start: { since: { case: "all", value: true } } }, 1n));
  await until(() => reader.session.state === "closing", "the end");
  await bus.settle();
  const error = contentOf(reader.take().at(-1)!, "error");
  assert.equal(error.closeReason, CloseReason.INTERNAL);
  assert.equal(error.retryable, true);
  assert.doesNotMatch(error.message, /disk/);
  assert.equal(bus.feeds, 0);
});
