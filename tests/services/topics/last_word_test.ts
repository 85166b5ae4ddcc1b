/**
 * Nothing of others follows the last word of a connection: no event, no call, no answer, however the end
 * comes about, and whatever is published meanwhile.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import {
  call,
  publish,
  publishNumber,
  register,
  subscribe,
  unsubscribe,
} from "../../support/bus_messages.ts";
import { contentOf, echoMessage, hex } from "../../support/frames.ts";
import { until } from "../../support/until.ts";
import { MemoryBus, type MemoryPeer } from "../../support/memory_bus.ts";

const IDLE = { idleTimeoutMs: 1000 };

/** A subscriber, also in a group and as a responder, whose writes are held. */
async function busySubscriber(bus: MemoryBus): Promise<MemoryPeer> {
  const peer = bus.connect();
  await bus.turn(
    peer,
    subscribe({ pattern: ">", echo: true }),
    subscribe({ pattern: ">", group: "g" }),
    register("m"),
  );
  peer.link.hold();
  return peer;
}

const ends: Record<string, (bus: MemoryBus, peer: MemoryPeer) => Promise<void>> = {
  "it breaks the protocol": async (bus, peer) => {
    peer.link.feed(hex("80 00"));
    await bus.settle();
  },
  "it breaks the protocol within a turn that publishes": async (bus, peer) => {
    peer.send(publishNumber("own", 1), publishNumber("own", 2));
    peer.link.feed(hex("80 00"));
    await bus.settle();
  },
  "it is idle": (bus) => bus.pass(600),
};

for (const [way, end] of Object.entries(ends)) {
  Deno.test(`when ${way}, the error is the last message`, async () => {
    await using bus = new MemoryBus(IDLE);
    const peer = await busySubscriber(bus);
    await bus.pass(500);
    const publisher = bus.connect();
    await bus.turn(publisher, publishNumber("t", 1));
    await end(bus, peer);
    assert.equal(peer.session.state, "closing");
    const id = 7n;
    await bus.turn(publisher, publish({ topic: "t" }, 1n), call({ method: "m" }, id));
    const answers = publisher.take();
    assert.equal(contentOf(answers[0], "ack").receivers, 0, "it is no receiver any more");
    assert.equal(contentOf(answers[1], "error").code, ErrorCode.UNAVAILABLE);
    peer.link.releaseAll();
    await bus.settle();
    const last = peer.take().at(-1)!;
    assert.notEqual(contentOf(last, "error").closeReason, CloseReason.UNSPECIFIED);
    assert(peer.link.writeClosed, "and then its side is closed");
    assert.equal(bus.host.bus.subscriptions, 0);
  });
}

Deno.test("a subscriber that has finished sending gets what waits and no more, and is let go", async () => {
  await using bus = new MemoryBus();
  const [peer, publisher] = [bus.connect(), bus.connect()];
  await bus.turn(peer, subscribe("t"));
  peer.link.hold();
  await bus.turn(publisher, publishNumber("t", 1));
  peer.link.end();
  // Its write is held, so it is still there when the next events are published.
  for (let look = 0; peer.session.state === "open"; look++) {
    assert(look < 1000, "the end of input is noticed");
    await null;
  }
  publisher.send(publish({ topic: "t" }, 2n));
  await publisher.link.when(() => publisher.link.writes.length > 0, "the acknowledgement");
  assert.equal(contentOf(publisher.take()[0], "ack").receivers, 0);
  peer.link.releaseAll();
  await peer.ended;
  assert.equal(peer.take().filter(({ message }) => message.case === "event").length, 1);
});

Deno.test("a session that is ended while its subscription is counted down is counted once", async () => {
  await using bus = new MemoryBus({
    maxFrameBytes: 1024,
    maxOutboxBytes: 2048,
    outboxHighWaterBytes: 1024,
  });
  const publisher = bus.connect();
  const slow = bus.connect();
  await bus.turn(slow, subscribe("t"), unsubscribe({ pattern: "t", afterEvents: 3n }));
  slow.link.hold();
  const large = () => publish({ topic: "t", payload: new Uint8Array(900) });
  for (let count = 0; count < 3; count++) await bus.turn(publisher, large());
  assert.equal(bus.host.context.counters.ends.slow, 1);
  // Were it counted twice, those that count later would not be noticed any more.
  const other = bus.connect();
  await bus.turn(other, subscribe("t"), unsubscribe({ pattern: "t", afterEvents: 2n }));
  for (let number = 0; number < 5; number++) await bus.turn(publisher, publishNumber("t", number));
  assert.equal(other.take().length, 2);
  assert.equal(bus.host.bus.subscriptions, 0);
});

Deno.test("a request behind one's own overflow is not answered behind the last word", async () => {
  const requests = [echoMessage("too late", 3n), subscribe("u", 4n), publish({ topic: "t" }, 5n)];
  for (const request of requests) {
    await using bus = new MemoryBus({
      maxFrameBytes: 1024,
      maxOutboxBytes: 4096,
      outboxHighWaterBytes: 4095,
    });
    const peer = bus.connect();
    await bus.turn(peer, subscribe({ pattern: "t", echo: true }));
    peer.link.hold();
    const event = (bytes: number) => publish({ topic: "t", payload: new Uint8Array(bytes) });
    await bus.turn(peer, event(900));
    await bus.turn(peer, event(900));
    // One read, so that they gather in one run, which is handed out in front of the request.
    peer.send(...Array.from({ length: 40 }, () => event(40)), request);
    await until(() => bus.host.context.counters.ends.slow === 1, "the overflow");
    peer.link.releaseAll();
    await bus.settle();
    const cases = peer.take().map(({ message }) => message.case);
    assert.deepEqual(cases, ["event", "error"]);
    assert.equal(bus.host.context.counters.internalErrors, 0);
  }
});
