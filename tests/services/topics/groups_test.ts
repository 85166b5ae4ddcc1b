/**
 * Groups over real sockets: each event to one member, fairly, and nothing that was not sent is lost when a
 * member leaves, however it leaves.
 */
import assert from "node:assert/strict";
import { CloseReason } from "../../../lib/base/errors.ts";
import { type BusClient, busTest, Clients } from "../../support/bus_client.ts";
import {
  bytesOf,
  publish,
  publishNumber,
  subscribe,
  textIn,
  unsubscribe,
} from "../../support/bus_messages.ts";
import { DoomedClient } from "../../support/doomed_client.ts";
import { contentOf } from "../../support/frames.ts";
import { CLOSE_ENDS_WRITES } from "../../support/runtime.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settled, settles, until } from "../../support/until.ts";

const WORK = { pattern: "work.>", group: "workers" };

function numbersOf(client: BusClient): number[] {
  return client.events.filter((event) => event.topic.startsWith("work"))
    .map((event) => parseInt(textIn(event.payload)));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** Publishes numbers, each once, a hundred at a time; the last of each hundred is acknowledged. */
async function publishWork(
  publisher: BusClient,
  from: number,
  to: number,
  bytes = 0,
): Promise<void> {
  for (let first = from; first < to; first += 100) {
    const last = Math.min(first + 100, to) - 1;
    const event = (number: number) => ({
      topic: "work.t",
      payload: bytesOf(`${number} `.padEnd(bytes)),
    });
    await publisher.send(...range(first, last).map((number) => publish(event(number))));
    await publisher.ask(publish(event(last)));
  }
}

/** The numbers of all, sorted; fails when one came twice. */
function onceEach(...lists: number[][]): number[] {
  const all = lists.flat().sort((one, other) => one - other);
  for (let index = 1; index < all.length; index++) {
    assert.notEqual(all[index], all[index - 1], `event ${all[index]} came twice`);
  }
  return all;
}

busTest(
  "100,000 events: each to one member, equal members within 10 % of each other",
  async (kind) => {
    const EVENTS = 100_000;
    await using server = await startServer();
    await using clients = new Clients(server, kind);
    const members = await clients.several(4);
    for (const member of members) await member.acknowledged(subscribe(WORK));
    const publisher = await clients.connect();
    for (let first = 0; first < EVENTS; first += 1000) {
      await publisher.send(
        ...range(first, first + 1000).map((number) => publishNumber("work.t", number)),
      );
    }
    const count = () => members.reduce((sum, member) => sum + member.messages.length, 0);
    await until(() => count() >= EVENTS, "all events");
    const lists = members.map(numbersOf);
    assert.equal(onceEach(...lists).length, EVENTS);
    for (const numbers of lists) {
      const share = EVENTS / members.length;
      assert(Math.abs(numbers.length - share) <= share / 10, `${numbers.length} of ${EVENTS}`);
      for (let at = 1; at < numbers.length; at++) assert(numbers[at] > numbers[at - 1], "in order");
    }
    for (const member of members) assert.equal(member.events[0].group, WORK.group);
  },
);

busTest("members come and go in order: each event is handled once", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const publisher = await clients.connect();
  const all: BusClient[] = [];
  for (let round = 0; round < 6; round++) {
    const member = await clients.connect();
    await member.acknowledged(subscribe(WORK));
    all.push(member);
    const publishing = publishWork(publisher, round * 500, round * 500 + 500);
    if (round > 0) {
      const leaver = all[round - 1];
      await leaver.acknowledged(unsubscribe(WORK));
      const before = leaver.events.length;
      await publishing;
      assert.equal(leaver.events.length, before, "nothing follows the acknowledgement");
      leaver.close();
    }
    await publishing;
  }
  await until(
    () => all.reduce((sum, member) => sum + numbersOf(member).length, 0) >= 3000,
    "all events",
  );
  assert.deepEqual(onceEach(...all.map(numbersOf)), range(0, 3000));
});

/**
 * Fills what the system holds for a member that does not read, so that all that follows waits here; or until
 * that member was ended for it, as a loaded machine may do before all is full.
 */
async function fill(server: TestServer, publisher: BusClient): Promise<void> {
  const payload = new Uint8Array(64 * 1024);
  for (;;) {
    for (let count = 0; count < 8; count++) {
      await publisher.ask(publish({ topic: "fill", payload }));
    }
    // Counted is the size of the buffers, so it takes several of them to know that bytes wait.
    const waiting = await settled(() => server.stats().outboxBytes, "the outboxes", 10);
    if (waiting > 2 * 1024 * 1024 || server.stats().slowCloses > 0) return;
  }
}

for (const way of ["closes", "is killed"]) {
  busTest(`a member that ${way} with its share unsent: another gets all of it`, async (kind) => {
    await using server = await startServer();
    await using clients = new Clients(server, kind);
    const [publisher, heir] = await clients.several(2);
    const leaver = way === "closes"
      ? await clients.connect({ reading: false })
      : new DoomedClient(server, kind);
    try {
      await leaver.send(subscribe("fill"), subscribe(WORK));
      await until(() => server.stats().subscriptions === 2, "both subscriptions");
      await fill(server, publisher);
      await publishWork(publisher, 0, 1000, 100);
      await heir.acknowledged(subscribe(WORK));
      if (leaver instanceof DoomedClient) await leaver.kill();
      else leaver.close();
      await heir.whenEvents(1000);
      await publishWork(publisher, 1000, 1100);
      await heir.whenEvents(1100);
      assert.deepEqual(numbersOf(heir), range(0, 1100), "all of it, once, and in order");
      assert(heir.events.every((event) => event.group === WORK.group));
      assert.equal(server.stats().internalErrors, 0);
    } finally {
      if (leaver instanceof DoomedClient) await leaver.kill();
    }
  });
}

busTest(
  "a member whose writes stall: what it can read and what others get is everything, once",
  async (kind) => {
    const EVENTS = 4000;
    await using server = await startServer({ limits: { write_timeout_ms: 300 } });
    await using clients = new Clients(server, kind);
    const [publisher, reader] = await clients.several(2);
    const stuck = await clients.connect({ reading: false });
    await reader.acknowledged(subscribe(WORK));
    await stuck.send(subscribe(WORK), subscribe("fill"));
    await until(() => server.stats().subscriptions === 3, "all subscriptions");
    // Both are equal at first, so the stuck one's buffers fill; what the reader has not got then waits.
    await publishWork(publisher, 0, EVENTS, 3000);
    await fill(server, publisher);
    await publishWork(publisher, EVENTS, EVENTS + 100, 3000);
    await until(() => server.stats().connectionsOpen === 2, "the stuck one is closed");
    assert.equal(server.stats().slowCloses, 1);
    await publisher.ask(publish({ topic: "work.t", payload: bytesOf(`${EVENTS + 100}`) }));
    await stuck.whenEnded();
    const had = numbersOf(stuck);
    assert(had.length > 0, "it could read some");
    const union = () => new Set([...had, ...numbersOf(reader)]);
    await until(() => union().size > EVENTS + 100, "all events");
    assert.equal(union().size, EVENTS + 101);
    // An older runtime finishes the write that was given up if its peer reads again: some may come twice.
    if (CLOSE_ENDS_WRITES) onceEach(had, numbersOf(reader));
  },
);

busTest(
  "a member that is disconnected for being slow: its share is handed on, once",
  async (kind) => {
    const EVENTS = 6000;
    const limits = { max_outbox_bytes: 2 ** 19, max_frame_bytes: 2 ** 16, linger_ms: 10_000 };
    await using server = await startServer({ limits });
    await using clients = new Clients(server, kind);
    const [publisher, reader] = await clients.several(2);
    const slow = await clients.connect({ reading: false });
    await slow.send(subscribe(WORK), subscribe("fill"));
    await until(() => server.stats().subscriptions === 2, "the subscriptions");
    await publishWork(publisher, 0, 50, 3000);
    await reader.acknowledged(subscribe(WORK));
    await publishWork(publisher, 50, EVENTS, 3000);
    const payload = new Uint8Array(60_000);
    while (server.stats().slowCloses === 0) {
      await publisher.ask(
        publish({ topic: "fill", payload }),
      );
    }
    await publishWork(publisher, EVENTS, EVENTS + 100);
    await settles(slow.whenEnded(), "the end of the slow one");
    const last = contentOf(slow.messages.at(-1)!, "error");
    assert.equal(last.closeReason, CloseReason.SLOW_CONSUMER);
    const had = numbersOf(slow);
    assert(had.length >= 50, `${had.length}`);
    await until(() => numbersOf(reader).length + had.length >= EVENTS + 100, "all events");
    assert.deepEqual(onceEach(had, numbersOf(reader)), range(0, EVENTS + 100));
  },
);
