/**
 * What time does to those who are held up by others, or by themselves: they are not taken for gone, and not waited for too long.
 * The clock moves only when the test says so.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { contentOf, echoMessage, frame, helloMessage } from "../../support/frames.ts";
import { TestSession } from "../../support/session.ts";

const LIMITS = {
  pingIntervalMs: 100,
  pingTimeoutMs: 250,
  writeTimeoutMs: 300,
  lingerMs: 50,
  drainQuietMs: 20,
};

async function greeted(): Promise<TestSession> {
  const peer = new TestSession("tcp", LIMITS).start();
  peer.link.feed(frame(helloMessage({ answersPings: true })));
  await peer.wrote(1);
  await peer.idle();
  return peer;
}

Deno.test("while others wait for their turn, a drain takes no silence for the end of what a peer sends", async () => {
  const peer = new TestSession("tcp", LIMITS).start();
  await peer.idle();
  peer.session.drain();
  await peer.wrote(1);
  const { turns } = peer.host.context;
  Object.defineProperty(turns, "waiting", { value: 1, configurable: true });
  for (let count = 0; count < 10; count++) peer.pass(100);
  assert.equal(peer.session.state, "draining", "what it sent may wait in its socket");
  Object.defineProperty(turns, "waiting", { value: 0, configurable: true });
  peer.pass(19);
  assert.equal(peer.session.state, "draining");
  peer.pass(1);
  assert.equal(peer.session.state, "closing");
  await peer.link.when(() => peer.link.writeClosed, "the end of sending");
  peer.link.end();
  await peer.ended();
});

Deno.test("who is not read for the sake of others is not taken for gone", async () => {
  const peer = await greeted();
  peer.session.heldUp = true;
  for (let count = 0; count < 20; count++) peer.pass(200);
  assert.equal(peer.session.state, "open", "nothing of it could be heard");
  assert.equal(peer.messages().length, 1, "nor asked for");
  peer.session.heldUp = false;
  peer.pass(100);
  contentOf((await peer.wrote(2))[1], "ping");
  peer.link.end();
  await peer.ended();
});

Deno.test("who is ended because it does not read has no longer than lingering for its last word", async () => {
  const peer = await greeted();
  peer.link.hold();
  peer.link.feed(frame(echoMessage("not read")));
  await peer.link.when(() => peer.link.heldWrites === 1, "an answer that it does not read");
  peer.session.endUnread(
    new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, "too slow", {
      closeReason: CloseReason.SLOW_CONSUMER,
    }),
  );
  peer.pass(LIMITS.lingerMs - 1);
  assert(!peer.link.closed);
  peer.pass(1);
  assert(peer.link.closed, "long before the write time-out");
  await peer.ended();
});
