/**
 * What is dropped, kept and told when an outbox is full, exactly: subscribers whose writes are held back,
 * with links in memory, so that every byte of every outbox is known.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { MAX_MISSED_TOPICS } from "../../../lib/services/topics/overflow.ts";
import { publish, subscribe, textIn } from "../../support/bus_messages.ts";
import { bytesOf, OverflowPolicy } from "../../support/bus_messages.ts";
import type { ServerMessage } from "../../support/frames.ts";
import { MemoryBus, type MemoryPeer } from "../../support/memory_bus.ts";

const { DISCONNECT, DROP_NEWEST, DROP_OLDEST, UNSPECIFIED } = OverflowPolicy;
const LIMITS = { maxFrameBytes: 2048, maxOutboxBytes: 8192, outboxHighWaterBytes: 4096 };
/** An event of this many payload bytes is a frame of a little over 500. */
const PAYLOAD = 460;

function event(topic: string, number: number, id = 0n) {
  return publish({ topic, payload: bytesOf(`${number} `.padEnd(PAYLOAD)) }, id);
}

/** A subscriber whose first write is held: everything behind the acknowledgement stays in the outbox. */
async function stuckSubscriber(
  bus: MemoryBus,
  ...subscriptions: Parameters<typeof subscribe>[0][]
): Promise<MemoryPeer> {
  const peer = bus.connect();
  await bus.turn(peer, ...subscriptions.map((each) => subscribe(each)));
  peer.link.hold();
  return peer;
}

/** A subscriber whose link is held, and somebody who publishes. */
async function stuckAndPublisher(
  bus: MemoryBus,
  ...subscriptions: Parameters<typeof subscribe>[0][]
): Promise<[stuck: MemoryPeer, publisher: MemoryPeer]> {
  return [await stuckSubscriber(bus, ...subscriptions), bus.connect()];
}

interface Received {
  readonly numbers: number[];
  readonly missed: Map<string, number>;
  readonly errors: { code: ErrorCode; closeReason: CloseReason }[];
  readonly order: string[];
}

function received(messages: ServerMessage[]): Received {
  const seen: Received = { numbers: [], missed: new Map(), errors: [], order: [] };
  for (const { message } of messages) {
    if (message.case === "event") {
      seen.numbers.push(parseInt(textIn(message.value.payload)));
    } else if (message.case === "missed") {
      const { topic, count } = message.value;
      seen.missed.set(topic, (seen.missed.get(topic) ?? 0) + Number(count));
    } else if (message.case === "error") {
      seen.errors.push({ code: message.value.code, closeReason: message.value.closeReason });
    }
    seen.order.push(message.case ?? "");
  }
  return seen;
}

async function letRead(bus: MemoryBus, peer: MemoryPeer): Promise<Received> {
  peer.link.releaseAll();
  await bus.settle();
  return received(peer.take());
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

Deno.test("DROP_NEWEST keeps what fitted and counts the rest; told once it reads", async () => {
  await using bus = new MemoryBus(LIMITS);
  const [stuck, publisher] = await stuckAndPublisher(bus, { pattern: "t", overflow: DROP_NEWEST });
  for (let number = 0; number < 100; number++) await bus.turn(publisher, event("t", number));
  assert(stuck.session.outbox.size <= LIMITS.maxOutboxBytes);
  const { numbers, missed, order } = await letRead(bus, stuck);
  assert(numbers.length >= 10, `${numbers.length}`);
  assert.deepEqual(numbers, range(0, numbers.length));
  assert.deepEqual(missed, new Map([["t", 100 - numbers.length]]));
  assert.equal(order.at(-1), "missed", "told behind what was kept");
  await bus.turn(publisher, event("t", 100));
  assert.deepEqual(received(stuck.take()).numbers, [100], "and then events go on");
});

Deno.test("DROP_OLDEST keeps the newest, but for what is already on its way", async () => {
  await using bus = new MemoryBus(LIMITS);
  const [stuck, publisher] = await stuckAndPublisher(bus, { pattern: "t", overflow: DROP_OLDEST });
  for (let number = 0; number < 100; number++) await bus.turn(publisher, event("t", number));
  assert(stuck.session.outbox.size <= 1.5 * LIMITS.maxOutboxBytes);
  const { numbers, missed } = await letRead(bus, stuck);
  assert.equal(numbers[0], 0, "the write under way");
  const newest = numbers.slice(1);
  assert(newest.length >= 8, `${newest.length}`);
  assert.deepEqual(newest, range(100 - newest.length, 100));
  assert.deepEqual(missed, new Map([["t", 100 - numbers.length]]));
});

Deno.test("DROP_OLDEST keeps the newest of one turn that is larger than the outbox", async () => {
  await using bus = new MemoryBus(LIMITS);
  const [stuck, publisher] = await stuckAndPublisher(bus, { pattern: "t", overflow: DROP_OLDEST });
  await bus.turn(publisher, event("t", 0));
  // A busy publisher is read in large pieces: this makes it one.
  await bus.turn(publisher, ...range(0, 400).map(() => event("nobody", 0)));
  assert(publisher.link.lastReadSpace >= 8 * LIMITS.maxOutboxBytes);
  await bus.turn(publisher, ...range(1, 100).map((number) => event("t", number)));
  assert(stuck.session.outbox.size <= LIMITS.maxOutboxBytes, `${stuck.session.outbox.size}`);
  const { numbers, missed } = await letRead(bus, stuck);
  assert.equal(numbers[0], 0, "the write under way");
  const newest = numbers.slice(1);
  assert(newest.length >= 8, `${newest.length}`);
  assert.deepEqual(newest, range(100 - newest.length, 100));
  assert.deepEqual(missed, new Map([["t", 100 - numbers.length]]));
});

Deno.test("DISCONNECT ends with SLOW_CONSUMER as the last word, and so does no policy", async () => {
  for (const overflow of [DISCONNECT, UNSPECIFIED]) {
    await using bus = new MemoryBus(LIMITS);
    const stuck = await stuckSubscriber(bus, { pattern: "t", overflow });
    const [other, publisher] = [bus.connect(), bus.connect()];
    await bus.turn(other, subscribe("t"));
    for (let number = 0; number < 40; number++) await bus.turn(publisher, event("t", number));
    assert.equal(bus.host.context.counters.ends.slow, 1);
    assert.deepEqual(received(other.take()).numbers, range(0, 40), "the other is unaffected");
    assert(stuck.session.outbox.size < 1000, "what it did not read is let go");
    const { numbers, errors, order } = await letRead(bus, stuck);
    assert.deepEqual(numbers, [0], "the write under way");
    assert.deepEqual(errors, [{
      code: ErrorCode.RESOURCE_EXHAUSTED,
      closeReason: CloseReason.SLOW_CONSUMER,
    }]);
    assert.equal(order.at(-1), "error");
    assert(stuck.link.writeClosed);
    await bus.turn(publisher, event("t", 100));
    assert.deepEqual(stuck.take(), [], "nothing follows the last word");
    stuck.link.end();
    await stuck.ended;
  }
});

Deno.test("losses are told by topic, and beyond 256 topics together", async () => {
  await using bus = new MemoryBus(LIMITS);
  const [stuck, publisher] = await stuckAndPublisher(bus, { pattern: ">", overflow: DROP_NEWEST });
  for (let number = 0; number < 20; number++) await bus.turn(publisher, event("full", number));
  const topics = range(0, 400).map((number) => `t.${number}`);
  for (const topic of topics) {
    await bus.turn(publisher, event(topic, 0), event(topic, 1), event(topic, 2));
  }
  const { numbers, missed } = await letRead(bus, stuck);
  assert.equal(missed.get("full"), 20 - numbers.length);
  assert.equal(missed.size, MAX_MISSED_TOPICS + 1);
  for (const topic of topics.slice(0, MAX_MISSED_TOPICS - 1)) assert.equal(missed.get(topic), 3);
  assert.equal(missed.get(">"), 3 * (400 - MAX_MISSED_TOPICS + 1));
});

Deno.test("of several policies on a connection the oldest matching subscription's decides", async () => {
  await using bus = new MemoryBus(LIMITS);
  const publisher = bus.connect();
  const stuck = await stuckSubscriber(
    bus,
    { pattern: "old.*", overflow: DROP_OLDEST },
    { pattern: "new.*", overflow: DROP_NEWEST },
    { pattern: "*.a", overflow: DISCONNECT },
  );
  await bus.turn(publisher, event("old.a", 0));
  for (let number = 1; number < 60; number++) {
    await bus.turn(publisher, event(number % 2 === 0 ? "old.a" : "new.a", number));
  }
  assert.equal(bus.host.context.counters.ends.slow, 0, "*.a is not the oldest of them");
  const { numbers, missed } = await letRead(bus, stuck);
  const keptOld = numbers.filter((number) => number % 2 === 0);
  const keptNew = numbers.filter((number) => number % 2 === 1);
  assert.deepEqual(keptNew, range(0, keptNew.length).map((index) => 2 * index + 1));
  assert.equal(missed.get("new.a"), 30 - keptNew.length);
  assert.equal(keptOld.at(-1), 58, "the newest");
  assert.equal(missed.get("old.a"), 30 - keptOld.length);
  assert.equal(missed.size, 2);
});

Deno.test("events that another policy protects are not dropped to make room", async () => {
  await using bus = new MemoryBus(LIMITS);
  const publisher = bus.connect();
  const stuck = await stuckSubscriber(
    bus,
    { pattern: "keep", overflow: DISCONNECT },
    { pattern: "drop", overflow: DROP_OLDEST },
  );
  for (let number = 0; number < 10; number++) await bus.turn(publisher, event("keep", number));
  for (let number = 10; number < 60; number++) await bus.turn(publisher, event("drop", number));
  const { numbers, missed } = await letRead(bus, stuck);
  assert.deepEqual(numbers.slice(0, 10), range(0, 10));
  assert.equal(numbers.at(-1), 59);
  assert.deepEqual(missed, new Map([["drop", 60 - numbers.length]]));
});

Deno.test("answers and notices are never dropped", async () => {
  await using bus = new MemoryBus(LIMITS);
  const [stuck, publisher] = await stuckAndPublisher(bus, { pattern: "t", overflow: DROP_OLDEST });
  await bus.turn(publisher, event("t", 0));
  await bus.turn(stuck, ...range(1, 6).map((id) => subscribe("other", BigInt(id))));
  for (let number = 1; number < 80; number++) await bus.turn(publisher, event("t", number));
  const { order } = await letRead(bus, stuck);
  assert.equal(order.filter((kind) => kind === "ack").length, 5);
});

Deno.test("notices do not gather at a peer that does not read, however little is free", async () => {
  await using bus = new MemoryBus({
    ...LIMITS,
    // A share of the stuck is far less than what one alone might hold.
    maxOutboxBytes: 16 * 1024 * 1024,
    maxOutboxTotalBytes: 16 * 1024 * 1024,
  });
  const publisher = bus.connect();
  const stuck = await Promise.all(
    range(0, 24).map(() => stuckSubscriber(bus, { pattern: ">", overflow: DROP_NEWEST })),
  );
  const large = (number: number) =>
    publish({ topic: `t.${number % 100}`, payload: new Uint8Array(2000) });
  for (let number = 0; number < 400; number++) await bus.turn(publisher, large(number));
  const full = bus.host.context.budget.bytes;
  assert(bus.host.context.counters.traffic.eventsDropped > 0);
  for (let number = 0; number < 400; number++) await bus.turn(publisher, large(number));
  assert.equal(bus.host.context.budget.bytes, full, "nothing more is put into full outboxes");
  let dropped = 0;
  for (const peer of stuck) {
    const { numbers, missed } = await letRead(bus, peer);
    const counted = [...missed.values()].reduce((sum, count) => sum + count, 0);
    assert.equal(numbers.length + counted, 800);
    dropped += counted;
  }
  assert.equal(bus.host.context.counters.traffic.eventsDropped, dropped);
});

Deno.test("a group's member that drops an event counts it; nobody else gets it as well", async () => {
  await using bus = new MemoryBus(LIMITS);
  const publisher = bus.connect();
  const members = [
    await stuckSubscriber(bus, { pattern: "t", group: "g", overflow: DROP_NEWEST }),
    await stuckSubscriber(bus, { pattern: "t", group: "g", overflow: DROP_OLDEST }),
  ];
  for (let number = 0; number < 200; number++) await bus.turn(publisher, event("t", number));
  const seen: number[] = [];
  let missed = 0;
  for (const member of members) {
    const got = await letRead(bus, member);
    seen.push(...got.numbers);
    missed += got.missed.get("t") ?? 0;
  }
  assert.equal(new Set(seen).size, seen.length, "nothing twice");
  assert.equal(seen.length + missed, 200);
});

Deno.test("a publisher that does not read what it publishes to itself is told so, last of all", async () => {
  await using bus = new MemoryBus({ ...LIMITS, outboxHighWaterBytes: 8191 });
  const peer = bus.connect();
  await bus.turn(peer, subscribe({ pattern: "t", echo: true }));
  peer.link.hold();
  await bus.turn(peer, event("t", 0));
  // All in one turn, with and without acknowledgement, and something that is answered at the end.
  await bus.turn(peer, ...range(1, 16).map((number) => event("t", number, BigInt(number % 2))));
  await bus.turn(peer, ...range(16, 40).map((number) => event("t", number, BigInt(number))));
  peer.link.releaseAll();
  await bus.settle();
  const { errors, order } = received(peer.take());
  assert.deepEqual(errors.map((error) => error.closeReason), [CloseReason.SLOW_CONSUMER]);
  assert.equal(order.at(-1), "error");
  assert.equal(bus.host.context.counters.internalErrors, 0);
});
