/**
 * Commits and histories that take long: they are handed out in turns, and all the while each subscriber gets
 * each event once and in order, whether it is live, reads the history, or changes from one to the other.
 */
import assert from "node:assert/strict";
import { ManualClock } from "../../support/manual_clock.ts";
import { openMemoryStore } from "../../../lib/adapters/memory/store.ts";
import { openSqliteStore } from "../../../lib/adapters/sqlite/store.ts";
import { TURN_MS } from "../../../lib/services/connection/fair_turns.ts";
import { bytesOf, publish, subscribe } from "../../support/bus_messages.ts";
import { FakePoll } from "../../support/fake_poll.ts";
import { until } from "../../support/until.ts";
import { Inbox, KeptBus, range, seqsOf, storeTest } from "./kept_support.ts";

/** A clock on which everything takes long: it goes on whenever it is looked at. */
class BusyClock extends ManualClock {
  override monotonicMs(): number {
    this.advance(TURN_MS / 3);
    return super.monotonicMs();
  }

  override wallMs(): number {
    return Math.floor(super.wallMs());
  }
}

async function openBusy(data: string, poll: FakePoll): Promise<KeptBus> {
  const store = data === "" ? openMemoryStore() : await openSqliteStore({ directory: data });
  return new KeptBus(store, {}, new BusyClock(), poll);
}

const EVENTS = 400;

storeTest("a commit of many events is handed out in turns", async (data) => {
  const poll = new FakePoll();
  await using bus = await openBusy(data, poll);
  const [publisher, subscriber] = [bus.connect(), bus.connect()];
  const inbox = new Inbox(subscriber);
  await bus.turn(subscriber, subscribe({ pattern: "k.a" }, 1n));
  const before = poll.polls;
  const topic = "k.a";
  const events = range(1, EVENTS).map((number) =>
    publish({ topic, payload: bytesOf(`${number}`) })
  );
  publisher.send(...events);
  assert.deepEqual(seqsOf(await inbox.whenEvents(EVENTS)), range(1, EVENTS));
  assert(poll.polls - before > 3, `${poll.polls - before} polls`);
});

storeTest("the memory of a page that was handed out is given back at once", async (data) => {
  await using bus = await openBusy(data, new FakePoll());
  const { store } = bus;
  const pages: Uint8Array[] = [];
  const read = store.read.bind(store);
  store.read = async (topic, request) => {
    const page = await read(topic, request);
    pages.push(page.bytes);
    return page;
  };
  const publisher = bus.connect();
  publisher.send(
    ...range(1, EVENTS).map((number) => publish({ topic: "k.a", payload: bytesOf(`${number}`) })),
  );
  await until(() => store.topic("k.a")?.lastSeq === EVENTS, "all events are kept");
  const subscriber = bus.connect();
  const inbox = new Inbox(subscriber);
  const start = { since: { case: "all", value: true } } as const;
  subscriber.send(subscribe({ pattern: "k.a", start }, 1n));
  assert.deepEqual(seqsOf(await inbox.whenEvents(EVENTS)), range(1, EVENTS));
  await until(
    () => pages.length > 0 && pages.every(({ length }) => length === 0),
    "every page is given back",
  );
});

storeTest("who comes while a commit is handed out gets each event once", async (data) => {
  const poll = new FakePoll();
  await using bus = await openBusy(data, poll);
  const publisher = bus.connect();
  const late: Inbox[] = [];
  const starts = [
    { since: { case: "all", value: true } },
    { since: { case: "seq", value: 1n } },
    { since: { case: "last", value: EVENTS * 3 } },
  ] as const;
  // Whenever the sockets are looked at, somebody new comes: with each walk half done, too.
  poll.onPoll = (count) => {
    if (late.length >= 30 || count % 2 === 1) return;
    const peer = bus.connect();
    late.push(new Inbox(peer));
    peer.send(subscribe({ pattern: "k.a", start: starts[late.length % starts.length] }, 1n));
  };
  for (let round = 0; round < 3; round++) {
    const numbers = range(round * EVENTS + 1, (round + 1) * EVENTS);
    publisher.send(
      ...numbers.map((number) => publish({ topic: "k.a", payload: bytesOf(`${number}`) })),
    );
    await bus.settle();
    await bus.store.flush();
    await bus.settle();
  }
  assert(late.length > 5, `${late.length} came`);
  for (const inbox of late) {
    assert.deepEqual(seqsOf(await inbox.whenEvents(3 * EVENTS)), range(1, 3 * EVENTS));
  }
  await until(() => bus.feeds === 0, "the end of all feeds");
  assert.equal(bus.host.context.counters.internalErrors, 0);
});
