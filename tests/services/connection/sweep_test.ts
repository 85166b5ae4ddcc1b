/**
 * What happens because time passes: pings, silence, stalled writes, lingering and the end of a drain.
 * The clock moves only when the test says so.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { beginSweep, sweepSession } from "../../../lib/services/connection/sweep.ts";
import { contentOf, echoMessage, frame, helloMessage } from "../../support/frames.ts";
import { TestSession } from "../../support/session.ts";

const LIMITS = {
  pingIntervalMs: 100,
  pingTimeoutMs: 250,
  idleTimeoutMs: 1000,
  keepaliveMs: 400,
  writeTimeoutMs: 300,
  lingerMs: 50,
  drainQuietMs: 20,
  outboxHighWaterBytes: 2048,
};

async function greeted(answersPings: boolean): Promise<TestSession> {
  const peer = new TestSession("tcp", LIMITS).start();
  peer.link.feed(frame(helloMessage({ answersPings })));
  await peer.wrote(1);
  await peer.idle();
  return peer;
}

async function lastWord(peer: TestSession): Promise<void> {
  await peer.link.when(() => peer.link.writeClosed, "the end of sending");
  peer.link.end();
  await peer.ended();
}

const pong = frame({ message: { case: "pong", value: {} } });

Deno.test("who answers pings is pinged after silence, once, and lives as long as it answers", async () => {
  const peer = await greeted(true);
  for (let round = 1; round <= 20; round++) {
    peer.pass(99);
    assert.equal(peer.messages().length, round, "not yet");
    peer.pass(1);
    const messages = await peer.wrote(round + 1);
    contentOf(messages[round], "ping");
    peer.pass(100);
    await peer.idle();
    assert.equal(peer.messages().length, round + 1, "one ping for one silence");
    peer.link.feed(pong);
    await peer.idle();
  }
  assert.equal(peer.session.state, "open");
  peer.link.end();
  await peer.ended();
});

Deno.test("every byte is a sign of life", async () => {
  const peer = await greeted(true);
  for (let round = 1; round <= 10; round++) {
    peer.pass(90);
    peer.link.feed(frame(echoMessage("alive")));
    await peer.wrote(1 + round);
    await peer.idle();
  }
  assert(peer.messages().every((message) => message.message.case !== "ping"));
  peer.link.end();
  await peer.ended();
});

Deno.test("who offered to answer pings and does not is told IDLE and closed", async () => {
  const peer = await greeted(true);
  peer.pass(100);
  await peer.wrote(2);
  peer.pass(149);
  assert.equal(peer.session.state, "open");
  peer.pass(1);
  await lastWord(peer);
  const error = contentOf(peer.messages()[2], "error");
  assert.equal(error.closeReason, CloseReason.IDLE);
  assert.equal(error.code, ErrorCode.DEADLINE_EXCEEDED);
  assert.equal(error.retryable, true);
  assert.equal(peer.host.context.counters.ends.idle, 1);
});

Deno.test("who cannot be pinged stays until the idle limit, then is told IDLE", async () => {
  const silent = new TestSession("tcp", LIMITS).start();
  await silent.idle();
  for (const peer of [silent, await greeted(false)]) {
    const before = peer.messages().length;
    // What it took of the answer to its hello counts from here on.
    peer.pass(0);
    for (let ms = 0; ms < 999; ms += 27) peer.pass(27);
    assert.equal(peer.session.state, "open");
    assert.equal(peer.messages().length, before, "never pinged");
    peer.pass(1);
    await lastWord(peer);
    assert.equal(contentOf(peer.messages()[before], "error").closeReason, CloseReason.IDLE);
  }
});

Deno.test("what is sent to a client that only listens, and taken, is a sign of life", async () => {
  for (const hello of [false, true]) {
    const peer = hello ? await greeted(false) : new TestSession("tcp", LIMITS).start();
    await peer.idle();
    const before = peer.messages().length;
    for (let round = 1; round <= 10; round++) {
      peer.pass(900);
      peer.session.send({ case: "pong", value: {} });
      peer.session.outbox.flush();
      await peer.wrote(before + round);
    }
    // The sweep that sees it taken is where the time begins anew.
    peer.pass(1);
    peer.pass(999);
    assert.equal(peer.session.state, "open");
    peer.pass(1);
    await lastWord(peer);
    assert.equal(contentOf(peer.messages().at(-1)!, "error").closeReason, CloseReason.IDLE);
  }
});

Deno.test("what is taken of a write that had to wait is a sign of life of who answers pings, too", async () => {
  const peer = await greeted(true);
  peer.link.hold();
  peer.session.send({ case: "pong", value: {} });
  peer.session.outbox.flush();
  await peer.link.when(() => peer.link.heldWrites === 1, "a write");
  peer.pass(90);
  for (let round = 0; round < 10; round++) {
    peer.link.bytesWritten++;
    peer.pass(90);
  }
  assert.equal(peer.session.state, "open");
  assert.equal(peer.session.pingedMs, 0, "it was not silent");
  peer.link.releaseAll();
  await peer.idle();
  // What is taken at once may only have been taken by our own system.
  for (let round = 0; round < 3; round++) {
    peer.pass(90);
    peer.link.bytesWritten++;
  }
  await peer.wrote(3);
  contentOf(peer.messages()[2], "ping");
  peer.link.end();
  await peer.ended();
});

Deno.test("of who cannot be pinged the system is asked after a silence, and then every 1,500 ms", async () => {
  const limits = { ...LIMITS, idleTimeoutMs: 1_000_000 };
  const peer = new TestSession("tcp", limits).start();
  await peer.idle();
  for (let ms = 0; ms < 399; ms += 57) peer.pass(57);
  assert.deepEqual(peer.link.probes, []);
  peer.pass(1);
  assert.deepEqual(peer.link.probes, [400]);
  peer.pass(1499);
  assert.equal(peer.link.probes.length, 1);
  peer.pass(1);
  assert.equal(peer.link.probes.length, 2);
  // The more there are, the more rarely each is asked.
  peer.host.context.counters.connections.open = 20_000;
  peer.pass(1500);
  peer.pass(19_999);
  assert.equal(peer.link.probes.length, 3);
  peer.pass(1);
  assert.equal(peer.link.probes.length, 4);
  peer.link.feed(frame(echoMessage("here")));
  await peer.wrote(1);
  peer.pass(399);
  assert.equal(peer.link.probes.length, 4);
  assert.equal(peer.messages().length, 1, "no byte was sent for it");
  peer.link.end();
  await peer.ended();

  const pingable = await greeted(true);
  pingable.pass(100);
  pingable.pass(100);
  assert.deepEqual(pingable.link.probes, [], "pings are enough");
  pingable.link.end();
  await pingable.ended();
});

Deno.test("only so many are probed in one sweep", async () => {
  const peer = new TestSession("tcp", { ...LIMITS, idleTimeoutMs: 1_000_000 }).start();
  await peer.idle();
  let sessions = 0;
  for (beginSweep(peer.host.context); peer.host.context.probesLeft > 0; sessions++) {
    peer.session.nextProbeMs = 0;
    peer.clock.advance(400);
    peer.host.context.tick();
    sweepSession(peer.session, peer.host.context.nowMs);
  }
  assert.equal(sessions, 250);
  peer.session.nextProbeMs = 0;
  sweepSession(peer.session, peer.host.context.nowMs);
  assert.equal(peer.link.probes.length, 250);
  peer.link.end();
  await peer.ended();
});

Deno.test("a link that answers probes is probed, and lives as long as it gives signs of life", async () => {
  const peer = new TestSession("ws", LIMITS);
  peer.link.answersProbes = true;
  peer.start();
  await peer.idle();
  for (let round = 1; round <= 20; round++) {
    peer.pass(99);
    assert.equal(peer.link.probes.length, round - 1, "not yet");
    peer.pass(1);
    assert.equal(peer.link.probes.length, round);
    peer.pass(100);
    assert.equal(peer.link.probes.length, round, "one probe for one silence");
    peer.link.signs++;
    peer.pass(1);
  }
  assert.equal(peer.session.state, "open", "also past the idle limit");
  peer.pass(100);
  peer.pass(149);
  assert.equal(peer.session.state, "open");
  peer.pass(1);
  await lastWord(peer);
  const messages = peer.messages();
  assert.equal(messages.length, 1);
  assert.equal(contentOf(messages[0], "error").closeReason, CloseReason.IDLE);
});

Deno.test("who has finished sending is not taken for gone because it answers no probes", async () => {
  const peer = new TestSession("ws", LIMITS);
  peer.link.answersProbes = true;
  peer.start();
  await peer.idle();
  // It waits for an answer.
  peer.session.late.begin();
  peer.link.end();
  await peer.link.when(() => peer.session.inputEnded, "the end of input");
  peer.pass(500);
  peer.pass(499);
  assert.equal(peer.session.state, "open");
  assert.deepEqual(peer.link.probes, [400], "but its system is asked");
  peer.session.late.end();
  peer.session.answered();
  await peer.ended();
});

Deno.test("a silent raw client is closed at the idle limit without a word", async () => {
  const peer = new TestSession("raw", LIMITS).start();
  await peer.idle();
  peer.pass(999);
  assert.equal(peer.session.state, "open");
  peer.pass(1);
  await lastWord(peer);
  assert.equal(peer.link.writes.length, 0, "it would be taken for an answer");
  assert.equal(peer.host.context.counters.ends.idle, 1);
});

Deno.test("a write without progress for the write timeout ends the connection", async () => {
  const peer = new TestSession("tcp", LIMITS).start();
  peer.link.hold();
  peer.link.feed(frame(echoMessage("x")));
  await peer.link.when(() => peer.link.heldWrites === 1, "a write");
  peer.pass(299);
  assert(!peer.link.closed);
  peer.pass(1);
  await peer.ended();
  assert(peer.link.closed);
  assert.equal(peer.host.context.counters.ends.slow, 1);
});

Deno.test("a write that waits for the server itself is no stall of its peer", async () => {
  const peer = new TestSession("text", LIMITS).start();
  const link = peer.link as { isPreparing?: boolean };
  peer.link.hold();
  peer.link.feed(frame(echoMessage("x")));
  await peer.link.when(() => peer.link.heldWrites === 1, "a write");
  link.isPreparing = true;
  for (let round = 0; round < 3; round++) peer.pass(250);
  assert.equal(peer.session.state, "open");
  // From when it is the peer's turn it has the whole time.
  link.isPreparing = false;
  peer.pass(299);
  assert(!peer.link.closed);
  peer.pass(1);
  await peer.ended();
  assert.equal(peer.host.context.counters.ends.slow, 1);
});

Deno.test("a slow write that makes progress is left alone, also past the idle limit", async () => {
  const peer = new TestSession("tcp", LIMITS).start();
  peer.link.hold();
  for (let count = 0; count < 100; count++) peer.link.feed(frame(echoMessage("x".repeat(100))));
  await peer.link.when(() => peer.session.waiting, "waiting");
  for (let round = 0; round < 20; round++) {
    peer.pass(250);
    // The peer took a little of the batch.
    peer.link.bytesWritten++;
  }
  assert.equal(peer.session.state, "open");
  assert.equal(peer.host.context.counters.ends.slow + peer.host.context.counters.ends.idle, 0);
  peer.link.releaseAll();
  peer.link.end();
  await peer.ended();
  assert.equal(peer.messages().length, 100);
});

Deno.test("an idle connection has no stalled write, however long it is idle", async () => {
  const peer = new TestSession("tcp", LIMITS).start();
  peer.link.feed(frame(echoMessage("x")));
  await peer.wrote(1);
  await peer.idle();
  for (let count = 0; count < 3; count++) peer.pass(310);
  assert.equal(peer.session.state, "open");
  // A write that begins now has the whole time for itself.
  peer.link.hold();
  peer.link.feed(frame(echoMessage("y")));
  await peer.link.when(() => peer.link.heldWrites === 1, "a write");
  peer.pass(1);
  peer.pass(298);
  assert(!peer.link.closed);
  peer.link.releaseAll();
  peer.link.end();
  await peer.ended();
});

Deno.test("a peer that does not close after the last word is closed when lingering is over", async () => {
  const peer = new TestSession("tcp", LIMITS).start();
  await peer.idle();
  peer.session.finish();
  await peer.link.when(() => peer.link.writeClosed, "the end of sending");
  peer.pass(49);
  assert(!peer.link.closed);
  peer.pass(1);
  await peer.ended();
  assert(peer.link.closed);
});

Deno.test("while draining, a quiet connection is finished, and not before its answers have left", async () => {
  const peer = new TestSession("tcp", LIMITS).start();
  await peer.idle();
  peer.session.drain();
  await peer.wrote(1);
  peer.pass(19);
  peer.link.hold();
  peer.link.feed(frame(echoMessage("in time")));
  await peer.link.when(() => peer.link.heldWrites === 1, "the answer");
  peer.pass(100);
  assert.equal(peer.session.state, "draining", "its answer has not left");
  peer.link.releaseAll();
  await peer.idle();
  peer.pass(20);
  assert.equal(peer.session.state, "closing");
  await lastWord(peer);
  const [notice, answer] = peer.messages();
  assert.equal(contentOf(notice, "error").closeReason, CloseReason.SHUTDOWN);
  assert.equal(contentOf(answer, "echoMessage").content, "in time");
});
