/**
 * A store that fails or does not keep up: publishers are told or made to wait, nobody gets what was not
 * kept, and afterwards the numbers go on without a gap.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { Entry } from "../../../lib/ports/entry.ts";
import { bytesOf, call, publish, publishNumber, subscribe } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import type { MemoryPeer } from "../../support/memory_bus.ts";
import { until } from "../../support/until.ts";
import { Inbox, KeptBus, range, seqsOf, textsOf } from "./kept_support.ts";
import { scriptedStore } from "./scripted_store.ts";

const FULL = new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, "cannot keep it: the disk is full", {
  retryable: true,
});

/** Waits for so many messages of a peer. */
async function messagesOf(peer: MemoryPeer, count: number) {
  const inbox = new Inbox(peer);
  await until(() => {
    inbox.messages.push(...peer.take());
    return inbox.messages.length >= count;
  }, `${count} messages`);
  return inbox.messages;
}

Deno.test("what cannot be kept is refused to all who published it, and delivered to nobody", async () => {
  const { backend, store } = scriptedStore();
  await using bus = new KeptBus(store);
  const [acked, unacked, reader] = [bus.connect(), bus.connect(), bus.connect()];
  await bus.turn(reader, subscribe("k.>"));
  const inbox = new Inbox(reader);
  await bus.keep(acked, "k.a", [1, 2]);
  backend.failure = FULL;
  backend.hold();
  // The first are under way when they fail, the others gather behind them and fail with them.
  acked.send(publishNumber("k.a", 3, 3n), publish({ topic: "k.b", messageId: "m" }, 4n));
  unacked.send(...range(5, 9).map((number) => publishNumber("k.a", number)));
  await until(() => backend.held > 0, "a commit");
  acked.send(publishNumber("k.a", 10, 10n), publishNumber("plain", 11, 11n));
  await bus.settle();
  backend.release();
  const answers = await messagesOf(acked, 4);
  const plain = contentOf(answers.find(({ id }) => id === 11n)!, "ack");
  assert.equal(plain.seq, 0n, "other topics go on");
  for (const id of [3n, 4n, 10n]) {
    const error = contentOf(answers.find((answer) => answer.id === id)!, "error");
    assert.deepEqual([error.code, error.retryable], [ErrorCode.RESOURCE_EXHAUSTED, true]);
    assert.match(error.message, /disk is full/);
  }
  const told = await messagesOf(unacked, 1);
  assert(told.length <= 2, "once a batch, not once an event");
  for (const message of told) {
    assert.equal(contentOf(message, "error").code, ErrorCode.RESOURCE_EXHAUSTED);
    assert.equal(message.id, 0n);
  }
  assert.equal(acked.session.late.awaited, 0);
  backend.failure = null;
  await bus.keep(acked, "k.a", [20, 22]);
  acked.send(publish({ topic: "k.b", messageId: "m" }, 30n));
  const again = contentOf((await messagesOf(acked, 1))[0], "ack");
  assert.deepEqual([again.seq, again.duplicate], [1n, false], "what failed is no first one");
  await inbox.whenEvents(6);
  const events = inbox.events.filter(({ topic }) => topic === "k.a");
  assert.deepEqual(seqsOf(events), range(1, 5), "no gap, and nothing of what failed");
  assert.deepEqual(textsOf(events).map(Number), [1, 2, 20, 21, 22]);
});

Deno.test("those who publish what is kept are not read while the store is behind", async () => {
  const { backend, store } = scriptedStore({ maxStoreBatchEntries: 100 });
  await using bus = new KeptBus(store);
  const [publisher, other] = [bus.connect(), bus.connect()];
  await bus.keep(publisher, "k.a", [1, 1]);
  backend.hold();
  publisher.send(publishNumber("k.a", 2));
  await until(() => backend.held === 1, "a commit");
  for (let number = 3; !store.overloaded; number++) {
    assert(number < 1000, "the store gets too much");
    publisher.send(publishNumber("k.a", number, BigInt(number)));
    await until(() => publisher.link.unreadBytes === 0, "it is read");
  }
  const pending = store.stats().pendingEntries;
  publisher.send(...range(2000, 2999).map((number) => publishNumber("k.a", number)));
  for (const number of range(1, 20)) {
    // Others are served meanwhile, as often as they like.
    await bus.turn(other, publishNumber("plain", number, BigInt(number)));
  }
  assert.equal(contentOf(other.take().at(-1)!, "ack").level, 1);
  assert.equal(store.stats().pendingEntries, pending, "nothing more was taken");
  assert(publisher.link.unreadBytes > 0);
  await bus.pass(3_600_000 - 1);
  await bus.pass(3_600_000 - 1);
  assert.equal(publisher.session.state, "open", "its silence is not its own");
  backend.release();
  await until(() => publisher.link.unreadBytes === 0, "it is read again");
  await until(() => store.stats().pendingEntries === 0, "all is kept");
  assert.equal(store.topic("k.a")!.lastSeq, pending + 1 + 1000);
});

Deno.test("a session that waits for a store that stands still can be ended", async () => {
  const { backend, store } = scriptedStore({ maxStoreBatchEntries: 1 });
  await using bus = new KeptBus(store);
  const publisher = bus.connect();
  backend.hold();
  publisher.send(publishNumber("k.a", 1, 1n));
  await until(() => backend.held === 1, "a commit");
  publisher.send(publishNumber("k.a", 2, 2n));
  await until(() => publisher.session.heldUp, "it waits");
  publisher.session.abort();
  await publisher.ended;
  backend.release();
});

Deno.test("a publisher that does not read its acknowledgements does not fill the memory", async () => {
  const { backend, store } = scriptedStore();
  await using bus = new KeptBus(store, {
    maxFrameBytes: 1024,
    maxOutboxBytes: 4096,
    outboxHighWaterBytes: 1024,
  });
  for (const failure of [null, FULL]) {
    const publisher = bus.connect();
    const { session, link } = publisher;
    link.hold();
    backend.hold();
    backend.failure = failure;
    const events = range(1, 2000).map((number) => publishNumber("k.a", number, BigInt(number)));
    publisher.send(...events);
    await until(() => session.late.awaited === 2000, "all are handed over");
    backend.release();
    await until(() => session.state === "closing", "its end");
    assert(session.outbox.size < 2 * 4096, `${session.outbox.size} bytes wait`);
    link.releaseAll();
    await bus.settle();
    const last = contentOf(publisher.take().at(-1)!, "error");
    assert.equal(last.closeReason, CloseReason.SLOW_CONSUMER);
    await until(() => session.late.awaited === 0, "nothing is awaited");
  }
});

Deno.test("what fails inside of a listener of the store concerns one entry alone", async () => {
  const { store } = scriptedStore();
  await using bus = new KeptBus(store);
  const publisher = bus.connect();
  const topic = store.openTopic("k.a");
  const broken = {
    session: null,
    committed() {
      throw new Error("broken ticket");
    },
    failed() {},
  };
  const body = bytesOf("");
  bus.host.kept!.append(topic, new Entry().setBody(body, 0, 0), broken, null);
  publisher.send(publishNumber("k.a", 2, 2n));
  assert.equal(contentOf((await messagesOf(publisher, 1))[0], "ack").seq, 2n);
  assert.equal(bus.host.context.counters.internalErrors, 1);
});

Deno.test("a connection has so many calls of the server's own under way, and no more", async () => {
  const { backend, store } = scriptedStore();
  await using bus = new KeptBus(store);
  const peer = bus.connect();
  const method = (name: string) => `parley.v1.Rooms/${name}`;
  const name = (text: string) => Uint8Array.of(10, text.length, ...bytesOf(text));
  await bus.turn(
    peer,
    call({ method: method("ClaimName"), payload: name("ann") }, 1n),
    call({ method: method("Join"), payload: name("tea") }, 2n),
  );
  await messagesOf(peer, 2);
  backend.hold();
  const said = Uint8Array.of(...name("tea"), 18, 2, ...bytesOf("hi"));
  const says = range(1, 300).map((id) =>
    call({ method: method("Say"), payload: said }, BigInt(id))
  );
  peer.send(...says);
  await until(() => peer.session.heldUp, "it waits");
  assert.equal(peer.session.late.calls, 64);
  backend.release();
  const answers = await messagesOf(peer, 300);
  assert.deepEqual(answers.map(({ id }) => Number(id)), range(1, 300));
  assert.equal(peer.session.late.calls, 0);
});
