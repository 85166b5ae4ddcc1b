/**
 * What happens because time passes: pings, silence, stalled writes, lingering and the end of a drain.
 * The clock moves only when the test says so.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../lib/base/errors.ts";
import { contentOf, echoMessage, frame, helloMessage } from "../support/frames.ts";
import { TestSession } from "../support/session.ts";

const LIMITS = {
  pingIntervalMs: 100,
  pingTimeoutMs: 250,
  idleTimeoutMs: 1000,
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
  assert.equal(peer.host.counters.idleCloses, 1);
});

Deno.test("who cannot be pinged stays until the idle limit, then is told IDLE", async () => {
  const silent = new TestSession("tcp", LIMITS).start();
  await silent.idle();
  for (const peer of [silent, await greeted(false)]) {
    const before = peer.messages().length;
    for (let ms = 0; ms < 999; ms += 27) peer.pass(27);
    assert.equal(peer.session.state, "open");
    assert.equal(peer.messages().length, before, "never pinged");
    peer.pass(1);
    await lastWord(peer);
    assert.equal(contentOf(peer.messages()[before], "error").closeReason, CloseReason.IDLE);
  }
});

Deno.test("a silent raw client is closed at the idle limit without a word", async () => {
  const peer = new TestSession("raw", LIMITS).start();
  await peer.idle();
  peer.pass(999);
  assert.equal(peer.session.state, "open");
  peer.pass(1);
  await lastWord(peer);
  assert.equal(peer.link.writes.length, 0, "it would be taken for an answer");
  assert.equal(peer.host.counters.idleCloses, 1);
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
  assert.equal(peer.host.counters.slowCloses, 1);
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
  assert.equal(peer.host.counters.slowCloses + peer.host.counters.idleCloses, 0);
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
