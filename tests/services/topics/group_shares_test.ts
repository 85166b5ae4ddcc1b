/**
 * What a member leaves unsent, to the byte: with links in memory, so that the test decides how much of a
 * write went out before it failed.
 */
import assert from "node:assert/strict";
import { publishNumber, subscribe, textIn } from "../../support/bus_messages.ts";
import { publish } from "../../support/bus_messages.ts";
import { bytesOf, OverflowPolicy, unsubscribe } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import { MemoryBus, type MemoryPeer } from "../../support/memory_bus.ts";

const WORK = { pattern: "work", group: "g" };

function numbers(peer: MemoryPeer): number[] {
  return peer.take().flatMap(({ message }) =>
    message.case === "event" ? [Number(textIn(message.value.payload))] : []
  );
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** A member whose first write is under way and held, with everything later waiting behind it. */
async function heldMember(
  bus: MemoryBus,
  publisher: MemoryPeer,
  events: number,
): Promise<MemoryPeer> {
  const member = bus.connect();
  await bus.turn(member, subscribe(WORK));
  member.link.hold();
  for (let number = 0; number < events; number++) {
    await bus.turn(publisher, publishNumber("work", number));
  }
  assert.equal(member.link.heldWrites, 1);
  return member;
}

Deno.test("wherever a write is cut off, exactly the events that were not whole are handed on", async () => {
  const EVENTS = 8;
  let frameBytes = 0;
  for (let cut = 0; frameBytes === 0 || cut <= 3 * frameBytes + 1; cut++) {
    await using bus = new MemoryBus();
    const publisher = bus.connect();
    const member = bus.connect();
    await bus.turn(member, subscribe(WORK));
    member.link.hold();
    // Three in the write that is cut off, the others behind it.
    await bus.turn(publisher, ...range(0, 3).map((number) => publishNumber("work", number)));
    frameBytes = member.session.outbox.size / 3;
    for (const number of range(3, EVENTS)) await bus.turn(publisher, publishNumber("work", number));
    const heir = bus.connect();
    await bus.turn(heir, subscribe(WORK));
    member.link.bytesWritten += Math.min(cut, 3 * frameBytes);
    member.link.reset();
    await member.ended;
    await bus.settle();
    const whole = Math.min(3, Math.floor(cut / frameBytes));
    assert.deepEqual(numbers(heir), range(whole, EVENTS), `cut after ${cut} bytes`);
    assert.equal(bus.host.context.budget.bytes, 0);
  }
});

Deno.test("a share is spread over those who are left, with its stamps", async () => {
  await using bus = new MemoryBus();
  const publisher = bus.connect();
  const member = await heldMember(bus, publisher, 90);
  const heirs = [bus.connect(), bus.connect(), bus.connect()];
  for (const heir of heirs) await bus.turn(heir, subscribe(WORK));
  member.link.reset();
  await member.ended;
  await bus.settle();
  const seen: number[] = [];
  for (const heir of heirs) {
    const events = heir.take().flatMap(({ message }) =>
      message.case === "event" ? [message.value] : []
    );
    assert.equal(events.length, 30);
    assert(events.every((event) => event.group === "g" && event.sender === "memory-1"));
    seen.push(...events.map((event) => Number(textIn(event.payload))));
  }
  assert.deepEqual(seen.sort((one, other) => one - other), range(0, 90));
});

Deno.test("a share goes to the group of its own pattern, and not to one of the same name", async () => {
  await using bus = new MemoryBus();
  const publisher = bus.connect();
  const other = bus.connect();
  await bus.turn(other, subscribe({ pattern: ">", group: "g" }));
  const member = await heldMember(bus, publisher, 5);
  assert.deepEqual(numbers(other), range(0, 5), "the other group has got them by itself");
  const heir = bus.connect();
  await bus.turn(heir, subscribe(WORK));
  member.link.reset();
  await member.ended;
  await bus.settle();
  assert.deepEqual(numbers(heir), range(0, 5));
  assert.deepEqual(numbers(other), []);
  // And with nobody left in its own group it ends there.
  const last = await heldMember(bus, publisher, 2);
  heir.link.reset();
  last.link.reset();
  await Promise.all([heir.ended, last.ended]);
  await bus.settle();
  assert.deepEqual(numbers(other), range(0, 2));
});

Deno.test("a publisher does not get its own events back, unless it wants them", async () => {
  for (const echo of [false, true]) {
    await using bus = new MemoryBus();
    const publisher = bus.connect();
    const member = await heldMember(bus, publisher, 5);
    await bus.turn(publisher, subscribe({ ...WORK, echo }));
    member.link.reset();
    await member.ended;
    await bus.settle();
    assert.deepEqual(numbers(publisher), echo ? range(0, 5) : []);
  }
});

Deno.test("a member that only wants a few more gets no more of a share", async () => {
  await using bus = new MemoryBus();
  const publisher = bus.connect();
  const member = await heldMember(bus, publisher, 10);
  const [few, many] = [bus.connect(), bus.connect()];
  for (const heir of [few, many]) await bus.turn(heir, subscribe(WORK));
  await bus.turn(few, unsubscribe({ ...WORK, afterEvents: 2n }));
  member.link.reset();
  await member.ended;
  await bus.settle();
  assert.equal(numbers(few).length, 2);
  assert.equal(numbers(many).length, 8);
});

Deno.test("plain events of one that leaves are not given to others", async () => {
  await using bus = new MemoryBus();
  const publisher = bus.connect();
  const member = bus.connect();
  await bus.turn(member, subscribe(WORK), subscribe("*"));
  member.link.hold();
  for (let number = 0; number < 5; number++) {
    await bus.turn(publisher, publishNumber("work", number));
  }
  const heir = bus.connect();
  await bus.turn(heir, subscribe(WORK));
  member.link.reset();
  await member.ended;
  await bus.settle();
  assert.deepEqual(numbers(heir), range(0, 5), "once");
});

for (const way of ["published", "handed on"]) {
  Deno.test(`what a full member is ended for goes to another: ${way}`, async () => {
    const LIMIT = 4096;
    await using bus = new MemoryBus({
      maxFrameBytes: 1024,
      maxOutboxBytes: LIMIT,
      outboxHighWaterBytes: 1024,
    });
    const [publisher, full, other] = [bus.connect(), bus.connect(), bus.connect()];
    await bus.turn(full, subscribe(WORK), subscribe("fill.*"));
    await bus.turn(
      other,
      subscribe({ ...WORK, overflow: OverflowPolicy.DROP_OLDEST }),
      subscribe({ pattern: "fill.>", overflow: OverflowPolicy.DROP_OLDEST }),
    );
    for (const peer of [full, other]) peer.link.hold();
    const filler = (topic: string, bytes: number) =>
      publish({ topic, payload: new Uint8Array(bytes) });
    // Both hold the same and nearly all they may; the one that is ended a little less, so it is chosen.
    await bus.turn(publisher, filler("fill.a", 10));
    await bus.turn(publisher, ...range(0, 4).map((number) => publishNumber("work", number)));
    for (let count = 0; count < 4; count++) await bus.turn(publisher, filler("fill.a", 900));
    const free = LIMIT - full.session.outbox.size;
    await bus.turn(publisher, filler("fill.a.b", 2));
    assert(free > 0 && free < 250, `${free}`);
    assert(other.session.outbox.size > full.session.outbox.size);
    const large = publish({ topic: "work", payload: bytesOf("4".padEnd(300)) });
    if (way === "published") {
      await bus.turn(publisher, { ...large, id: 1n });
      assert.equal(contentOf(publisher.take().at(-1)!, "ack").receivers, 1);
    } else {
      const leaver = bus.connect();
      await bus.turn(leaver, subscribe(WORK));
      leaver.link.hold();
      await bus.turn(publisher, large);
      assert.equal(bus.host.context.counters.ends.slow, 0, "the idle one has got it");
      leaver.link.reset();
      await leaver.ended;
    }
    assert.equal(bus.host.context.counters.ends.slow, 1);
    for (const peer of [full, other]) peer.link.releaseAll();
    await bus.settle();
    const work = other.take().flatMap(({ message }) =>
      message.case === "event" && message.value.topic === "work"
        ? [parseInt(textIn(message.value.payload))]
        : []
    );
    assert(work.includes(4), "the one that did not fit");
    full.link.end();
    await full.ended;
  });
}

Deno.test("full members that fall one after the other fall side by side, not on the stack", async () => {
  const MEMBERS = 1500;
  const LIMIT = 2048;
  await using bus = new MemoryBus({
    maxFrameBytes: 1024,
    maxOutboxBytes: LIMIT,
    outboxHighWaterBytes: 1024,
  });
  const publisher = bus.connect();
  const members = range(0, MEMBERS).map(() => bus.connect());
  for (const member of members) {
    member.send(subscribe("fill"), subscribe(WORK));
    member.link.hold();
  }
  await bus.settle();
  const filler = (bytes: number) => publish({ topic: "fill", payload: new Uint8Array(bytes) });
  await bus.turn(publisher, filler(900));
  const held = members[0].session.outbox.size;
  await bus.turn(publisher, filler(900));
  const frameOf900 = members[0].session.outbox.size - held;
  // Now there is room for one event of the group, and not for two.
  await bus.turn(publisher, filler(LIMIT - held - frameOf900 - (frameOf900 - 900) - 50));
  await bus.turn(publisher, ...range(0, MEMBERS).map((number) => publishNumber("work", number)));
  assert.equal(bus.host.context.counters.ends.slow, 0);
  const { size } = members[0].session.outbox;
  assert(members.every((member) => member.session.outbox.size > LIMIT - 30), `${size}`);
  members[0].link.reset();
  await members[0].ended;
  await bus.settle();
  assert.equal(bus.host.context.counters.ends.slow, MEMBERS - 1);
  assert.equal(bus.host.context.counters.internalErrors, 0);
  assert.equal(bus.host.bus.subscriptions, 0);
});
