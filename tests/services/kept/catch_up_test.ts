/**
 * Subscribers of kept topics that do not read: by default they catch up from the history, with no gap and
 * no repetition, while the others go on and memory stays bounded; and those that chose otherwise lose.
 */
import assert from "node:assert/strict";
import { CloseReason } from "../../../lib/base/errors.ts";
import { bytesOf, OverflowPolicy, publish, subscribe } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import type { MemoryPeer } from "../../support/memory_bus.ts";
import { until } from "../../support/until.ts";
import {
  connect,
  follow,
  Inbox,
  KeptBus,
  missedBy,
  range,
  roundTrip,
  seqsOf,
  startKept,
  storeTest,
} from "./kept_support.ts";

const LIMITS = { maxFrameBytes: 4096, maxOutboxBytes: 32_768, outboxHighWaterBytes: 8192 };
const { CATCH_UP, DISCONNECT, DROP_NEWEST, DROP_OLDEST } = OverflowPolicy;

/** A subscriber whose writes are held. */
async function stuck(bus: KeptBus, what: Parameters<typeof subscribe>[0]): Promise<MemoryPeer> {
  const peer = bus.connect();
  await bus.turn(peer, subscribe(what));
  peer.link.hold();
  return peer;
}

storeTest("who stops reading catches up, event by event, while the others go on", async (data) => {
  for (const overflow of [OverflowPolicy.UNSPECIFIED, CATCH_UP]) {
    await using bus = await KeptBus.open(`${data}`, LIMITS);
    const [publisher, reader] = [bus.connect(), bus.connect()];
    await bus.turn(reader, subscribe("k.>"));
    const others = new Inbox(reader);
    const slow = await stuck(bus, { pattern: "k.>", overflow });
    const before = bus.store.topic("k.a")?.lastSeq ?? 0;
    for (const round of range(0, 19)) {
      await bus.keep(publisher, "k.a", [round * 10 + 1, round * 10 + 10], 1000);
      await bus.keep(publisher, "k.b", [round, round], 10);
    }
    assert.equal(bus.feeds, 2, "of both topics");
    assert(slow.session.outbox.size <= LIMITS.maxOutboxBytes);
    assert.equal(others.events.length, 220);
    const inbox = new Inbox(slow);
    slow.link.releaseAll();
    const events = await inbox.whenEvents(220);
    for (const [topic, count] of [["k.a", 200], ["k.b", 20]] as const) {
      const seqs = seqsOf(events.filter((event) => event.topic === topic));
      const first = topic === "k.a" ? before + 1 : seqs[0];
      assert.deepEqual(seqs, range(first, first + count - 1));
    }
    await until(() => bus.feeds === 0, "it is live again");
    await bus.keep(publisher, "k.a", [201, 210]);
    const last = await inbox.whenEvents(230);
    assert.deepEqual(seqsOf(last.slice(220)), range(before + 201, before + 210));
  }
});

Deno.test("the event behind a run that did not fit is not put in front of it", async () => {
  await using bus = await KeptBus.open("", { ...LIMITS, maxFrameBytes: 16_384 });
  const publishers = [bus.connect(), bus.connect()];
  // With subscriptions of their own, their events gather in different runs.
  for (const peer of publishers) await bus.turn(peer, subscribe("other"));
  const slow = await stuck(bus, "k.>");
  await bus.keep(publishers[0], "k.a", [1, 3], 10_000);
  // One batch: a large event of one, which does not fit, and a small one of the other, which would.
  const large = publish({ topic: "k.a", payload: new Uint8Array(10_000) });
  publishers[0].send(large);
  publishers[1].send(publish({ topic: "k.a", payload: bytesOf("small") }));
  await until(() => bus.store.topic("k.a")!.lastSeq === 5, "both are kept");
  slow.link.releaseAll();
  const inbox = new Inbox(slow);
  await inbox.whenEvents(5);
  await until(() => bus.feeds === 0, "it has caught up");
  assert.deepEqual(seqsOf(inbox.events), range(1, 5));
});

storeTest("explicit DISCONNECT ends the connection, DROP_* tell what is missing", async (data) => {
  await using bus = await KeptBus.open(data, LIMITS);
  const publisher = bus.connect();
  const gone = await stuck(bus, { pattern: "k.a", overflow: DISCONNECT });
  const newest = await stuck(bus, { pattern: "k.a", overflow: DROP_NEWEST });
  const oldest = await stuck(bus, { pattern: "k.a", overflow: DROP_OLDEST });
  await bus.keep(publisher, "k.a", [1, 100], 1000);
  assert.equal(gone.session.state, "closing");
  assert.equal(bus.feeds, 0);
  for (const peer of [gone, newest, oldest]) peer.link.releaseAll();
  await bus.settle();
  const last = contentOf(gone.take().at(-1)!, "error");
  assert.equal(last.closeReason, CloseReason.SLOW_CONSUMER);
  for (const peer of [newest, oldest]) {
    const inbox = new Inbox(peer);
    const seqs = seqsOf(inbox.events);
    assert.equal(seqs.length + missedBy(inbox)["k.a"], 100);
    assert.deepEqual(seqs, seqs.toSorted((a, b) => a - b));
    assert(peer === newest ? seqs[0] === 1 : seqs.at(-1) === 100);
  }
});

Deno.test("catching up is for kept topics: on others it is a disconnect", async () => {
  await using bus = await KeptBus.open("", LIMITS);
  const publisher = bus.connect();
  const slow = await stuck(bus, { pattern: ">", overflow: CATCH_UP });
  await bus.keep(publisher, "k.a", [1, 100], 1000);
  assert.equal(slow.session.state, "open");
  for (const number of range(1, 10)) {
    await bus.turn(publisher, publish({ topic: "plain", payload: new Uint8Array(4000) }, 0n));
    if (slow.session.state !== "open") break;
    assert(number < 10, "its outbox is full");
  }
  assert.equal(bus.feeds, 0, "the end of the connection is the end of its feeds");
});

Deno.test("who catches up on one topic gets what is live on others", async () => {
  await using bus = await KeptBus.open("", LIMITS);
  const publisher = bus.connect();
  const slow = await stuck(bus, ">");
  await bus.keep(publisher, "k.a", [1, 100], 1000);
  assert.equal(bus.feeds, 1);
  slow.link.release();
  const inbox = new Inbox(slow);
  await until(() => slow.link.heldWrites > 0, "the next write");
  await bus.turn(publisher, publish({ topic: "plain", payload: bytesOf("now") }));
  slow.link.releaseAll();
  const events = await inbox.whenEvents(101);
  const place = events.findIndex(({ topic }) => topic === "plain");
  assert(place < 100, "it did not wait for the history");
  assert.deepEqual(seqsOf(events.toSpliced(place, 1)), range(1, 100));
});

storeTest(
  "a client that stops reading its socket gets everything when it reads again",
  async (data) => {
    const limits = {
      max_frame_bytes: 65_536,
      max_outbox_bytes: 262_144,
      outbox_high_water_bytes: 65_536,
    };
    await using server = await startKept(data, { limits });
    await using publisher = await connect(server);
    await using reader = await connect(server);
    await using slow = await connect(server, false);
    await follow(reader, { pattern: "k.a" });
    await slow.send(subscribe({ pattern: "k.a" }));
    await until(() => server.stats().subscriptions === 2, "both subscriptions");
    // More than the system's buffers take.
    const count = 1500;
    const payload = new Uint8Array(16_000);
    let mostWaiting = 0;
    for (let number = 1; number <= count; number++) {
      const id = BigInt(number);
      await publisher.send(publish({ topic: "k.a", payload }, id));
      if (number % 50 !== 0) continue;
      for (const each of range(number - 49, number)) await publisher.answerTo(BigInt(each));
      mostWaiting = Math.max(mostWaiting, server.stats().outboxBytes);
    }
    assert.deepEqual(seqsOf(await reader.whenEvents(count)), range(1, count));
    assert(server.stats().eventsOut < 2 * count, "live delivery to it has stopped");
    assert(mostWaiting < 3 * limits.max_outbox_bytes, `${mostWaiting} bytes waited`);
    slow.startReading();
    assert.deepEqual(seqsOf(await slow.whenEvents(count)), range(1, count));
    await roundTrip(slow);
    assert.equal(slow.events.length, count);
  },
);
