/**
 * Subscribers that do not read, over real sockets: their policy acts, every loss is counted, memory stays
 * bounded, publishers feel it when there is none left, and those who read get everything.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { type BusClient, busTest, Clients } from "../../support/bus_client.ts";
import { bytesOf, OverflowPolicy, publish, subscribe, textIn } from "../../support/bus_messages.ts";
import { contentOf, frame, join } from "../../support/frames.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settled, until } from "../../support/until.ts";

const { DISCONNECT, DROP_NEWEST, DROP_OLDEST } = OverflowPolicy;
const MIB = 2 ** 20;
/** More than any system holds of one connection, in events of this size. */
const EVENT_BYTES = 8 * 1024;
const EVENTS = 1500;

/** Publishes numbered events on three topics, as fast as the server takes them; acknowledged at the end. */
async function publishAll(publisher: BusClient, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number++) {
    const payload = bytesOf(`${number} `.padEnd(EVENT_BYTES));
    await publisher.send(publish({ topic: `t.${number % 3}`, payload }));
  }
  await publisher.ask(publish({ topic: "end" }));
}

function numbersOf(client: BusClient): number[] {
  return client.events.filter((event) => event.topic !== "end")
    .map((event) => parseInt(textIn(event.payload)));
}

function missedOf(client: BusClient): Map<string, number> {
  const missed = new Map<string, number>();
  for (const { message } of client.messages) {
    if (message.case !== "missed") continue;
    const { topic, count } = message.value;
    missed.set(topic, (missed.get(topic) ?? 0) + Number(count));
  }
  return missed;
}

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((total, count) => total + count, 0);
}

async function subscribed(server: TestServer, count: number): Promise<void> {
  await until(() => server.stats().subscriptions === count, `${count} subscriptions`);
}

for (const overflow of [DROP_NEWEST, DROP_OLDEST]) {
  busTest(
    `${OverflowPolicy[overflow]}: what came and what was missed is what was published`,
    async (kind) => {
      const limits = { max_outbox_bytes: MIB, max_frame_bytes: 2 ** 18 };
      await using server = await startServer({ limits });
      await using clients = new Clients(server, kind);
      const [publisher, quick] = await clients.several(2);
      const slow = await clients.connect({ reading: false });
      await slow.send(subscribe({ pattern: "t.*", overflow }));
      await quick.acknowledged(subscribe("t.*"));
      await subscribed(server, 2);
      await publishAll(publisher, 0, EVENTS);
      await quick.whenEvents(EVENTS);
      slow.startReading();
      const whole = () => numbersOf(slow).length + sum(missedOf(slow).values()) === EVENTS;
      await slow.when(whole, "every event or the count of it");
      const numbers = numbersOf(slow);
      const missed = missedOf(slow);
      assert(missed.size > 0, "some did not fit");
      for (let rest = 0; rest < 3; rest++) {
        const got = numbers.filter((number) => number % 3 === rest).length;
        assert.equal(got + (missed.get(`t.${rest}`) ?? 0), EVENTS / 3, `topic t.${rest}`);
      }
      for (let at = 1; at < numbers.length; at++) assert(numbers[at] > numbers[at - 1], "in order");
      if (overflow === DROP_OLDEST) assert.equal(numbers.at(-1), EVENTS - 1, "the newest");
      else assert(numbers.at(-1)! < EVENTS - 1);
      assert.equal(server.stats().eventsDropped, sum(missed.values()));
      await publishAll(publisher, EVENTS, EVENTS + 10);
      await slow.when(() => numbersOf(slow).at(-1) === EVENTS + 9, "what is published now");
    },
  );
}

busTest("DISCONNECT: SLOW_CONSUMER is the last word, and others get everything", async (kind) => {
  const limits = { max_outbox_bytes: MIB, max_frame_bytes: 2 ** 18, linger_ms: 10_000 };
  await using server = await startServer({ limits });
  await using clients = new Clients(server, kind);
  const [publisher, quick] = await clients.several(2);
  const slow = await clients.connect({ reading: false });
  await slow.send(subscribe({ pattern: "t.*", overflow: DISCONNECT }));
  await quick.acknowledged(subscribe("t.*"));
  await subscribed(server, 2);
  await publishAll(publisher, 0, EVENTS);
  assert.equal(server.stats().slowCloses, 1);
  assert.equal(server.stats().subscriptions, 1);
  assert.equal((await quick.whenEvents(EVENTS)).length, EVENTS);
  assert.equal(await slow.whenEnded(), "end");
  const numbers = numbersOf(slow);
  assert.deepEqual(numbers, numbers.map((_, index) => index), "what it got is the beginning");
  assert(numbers.length < EVENTS);
  const error = contentOf(slow.messages.at(-1)!, "error");
  assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
  assert.equal(error.closeReason, CloseReason.SLOW_CONSUMER);
  assert.equal(error.retryable, true);
});

busTest("a write that makes no progress ends the connection, whatever its policy", async (kind) => {
  const limits = { max_outbox_bytes: MIB, max_frame_bytes: 2 ** 18, write_timeout_ms: 200 };
  await using server = await startServer({ limits });
  await using clients = new Clients(server, kind);
  const [publisher, quick] = await clients.several(2);
  const slow = await clients.connect({ reading: false });
  await slow.send(subscribe({ pattern: "t.*", overflow: DROP_NEWEST }));
  await quick.acknowledged(subscribe("t.*"));
  await subscribed(server, 2);
  await publishAll(publisher, 0, EVENTS);
  await until(() => server.stats().connectionsOpen === 2, "the stalled connection is closed");
  assert.equal(server.stats().slowCloses, 1);
  assert.equal(server.stats().subscriptions, 1);
  await until(() => server.stats().outboxBytes === 0, "its memory is free");
  await quick.whenEvents(EVENTS);
  await slow.whenEnded();
  const numbers = numbersOf(slow);
  assert.deepEqual(numbers, numbers.map((_, index) => index), "the system still gave what it had");
});

busTest(
  "a hundred subscribers that never read: memory is bounded, who reads gets everything",
  async (kind) => {
    // Of a TCP connection the system holds megabytes: a few of them do there.
    const stuck = kind === "unix" ? 100 : 12;
    for (const overflow of [DROP_NEWEST, DROP_OLDEST, DISCONNECT]) {
      const total = 48 * MIB;
      await using server = await startServer({ limits: { max_outbox_total_bytes: total } });
      await using clients = new Clients(server, kind);
      const [publisher, quick] = await clients.several(2);
      for (const client of await clients.several(stuck, { reading: false })) {
        await client.send(subscribe({ pattern: ">", overflow }));
      }
      await quick.acknowledged(subscribe("t.*"));
      await subscribed(server, stuck + 1);
      let most = 0;
      for (let first = 0; first < EVENTS; first += 100) {
        await publishAll(publisher, first, first + 100);
        most = Math.max(most, server.stats().outboxBytes);
      }
      assert(most > 0 && most < total, `${most} of ${total} bytes`);
      const numbers = (await quick.whenEvents(EVENTS)).map((event) =>
        parseInt(textIn(event.payload))
      );
      assert.deepEqual(numbers, numbers.map((_, index) => index));
      const { eventsDropped, slowCloses } = server.stats();
      if (overflow === DISCONNECT) assert(slowCloses > 0 || most < total);
      else assert(eventsDropped > 0, "they lost what they did not read");
      assert.equal(server.stats().subscriptions, stuck + 1 - slowCloses);
      assert.equal(quick.ended, null);
    }
  },
);

busTest("large events that many do not read cost nobody the connection", async (kind) => {
  const limits = {
    max_outbox_bytes: 2 * MIB,
    max_outbox_total_bytes: 4 * MIB,
    max_frame_bytes: 2 ** 18,
  };
  await using server = await startServer({ limits });
  await using clients = new Clients(server, kind);
  const [publisher, reader] = await clients.several(2);
  const stuck = await clients.several(30, { reading: false });
  for (const client of [reader, ...stuck]) {
    await client.send(subscribe({ pattern: "t.*", overflow: DISCONNECT }));
  }
  await subscribed(server, stuck.length + 1);
  const EVENTS = 12;
  // All at once, so that nobody can have read the first when the last comes: 36 MB, if each had a copy.
  const payload = new Uint8Array(100_000);
  const all = Array.from({ length: EVENTS }, () => frame(publish({ topic: "t.0", payload })));
  await publisher.sendBytes(join(...all));
  await reader.whenEvents(EVENTS);
  assert(server.stats().outboxBytes < limits.max_outbox_total_bytes);
  assert.equal(server.stats().slowCloses, 0);
  for (const client of stuck) client.startReading();
  for (const client of stuck) await client.whenEvents(EVENTS);
  await until(() => server.stats().outboxBytes === 0, "all is read");
});

busTest(
  "when memory is used up publishers are not read, and go on when there is some",
  async (kind) => {
    const limits = { max_outbox_bytes: MIB, max_frame_bytes: 2 ** 18, max_outbox_total_bytes: MIB };
    await using server = await startServer({ limits });
    await using clients = new Clients(server, kind);
    const [publisher, asker] = await clients.several(2);
    const stuck = await clients.several(12, { reading: false });
    // What they may lose one by one is not shared, so they use up memory quickly.
    for (const client of stuck) {
      await client.send(subscribe({ pattern: "t.*", overflow: DROP_OLDEST }));
    }
    await subscribed(server, stuck.length);
    // So much that neither the outboxes nor the system between publisher and server hold it.
    const batch = join(...Array.from(
      { length: 16 },
      () => frame(publish({ topic: "t.0", payload: new Uint8Array(16 * 1024) })),
    ));
    const BATCHES = 200;
    let sent = 0;
    const publishing = (async () => {
      for (; sent < BATCHES; sent++) await publisher.sendBytes(batch);
    })();
    const taken = await settled(() => server.stats().messagesIn, "what the server reads", 60);
    assert(sent < BATCHES, `the publisher is held up after ${sent} of ${BATCHES} batches`);
    assert(server.stats().outboxBytes >= limits.max_outbox_total_bytes);
    assert.equal(
      contentOf(await asker.ask({ message: { case: "ping", value: {} } }), "pong").nonce,
      0n,
    );
    for (const client of stuck) client.startReading();
    await publishing;
    const total = stuck.length + BATCHES * 16 + 1;
    await until(() => server.stats().messagesIn >= total, "all that was published");
    assert(taken < total);
    await until(() => server.stats().outboxBytes === 0, "all is read");
    for (const client of stuck) {
      const seen = () => client.events.length + sum(missedOf(client).values());
      await client.when(() => seen() === BATCHES * 16, "every event or the count of it");
    }
  },
);
