/**
 * One connection from its first byte to its last, with the test as its peer: order, batches, bounds,
 * half-closing, last words, and that whatever breaks ends this connection alone.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CloseReason, ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import {
  addMessage,
  ALL_FRAMINGS,
  contentOf,
  echoMessage,
  encode,
  frame,
  helloMessage,
  hex,
  join,
} from "../../support/frames.ts";
import { LogRecords } from "../../support/log_records.ts";
import { turn } from "../../support/outbox.ts";
import { messagesOf, TestSession } from "../../support/session.ts";

const SMALL = { outboxHighWaterBytes: 4096 };

function echoes(count: number, bytes = 100): Uint8Array[] {
  return Array.from(
    { length: count },
    (_, index) => frame(echoMessage(`${index}`.padEnd(bytes, "."), BigInt(index + 1))),
  );
}

Deno.test("answers of one turn leave in one write, in order", async () => {
  const peer = new TestSession().start();
  peer.link.feed(join(...echoes(20, 10)));
  const answers = await peer.wrote(20);
  assert.equal(peer.link.writes.length, 1);
  assert.deepEqual(
    answers.map((answer) => Number(answer.id)),
    answers.map((_, index) => index + 1),
  );
  peer.link.end();
  await peer.ended();
  assert.equal(peer.host.context.counters.traffic.messagesIn, 20);
  assert.equal(peer.host.context.counters.traffic.messagesOut, 20);
});

Deno.test("however the bytes are cut, the answers are the same bytes", async () => {
  const messages = [
    helloMessage({ clientName: "cut" }),
    echoMessage("größer", 1n),
    addMessage(-5, 3, 2n),
    addMessage(2 ** 31 - 1, 1, 3n),
    echoMessage("x".repeat(3000), 4n),
    { id: 5n },
    echoMessage(""),
  ];
  const stream = join(...messages.map((message) => frame(message)));
  const answersFor = async (sizes: Iterator<number>) => {
    const peer = new TestSession().start();
    for (let at = 0; at < stream.length;) {
      const size = sizes.next().value as number;
      peer.link.feed(stream.subarray(at, at + size));
      at += size;
    }
    peer.link.end();
    await peer.ended();
    return peer.link.written;
  };
  const whole = await answersFor([stream.length].values());
  assert.equal(messagesOf(whole, "delimited").length, messages.length);
  assert.deepEqual(await answersFor(fc.sample(fc.constant(1), stream.length).values()), whole);
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.integer({ min: 1, max: 900 })), async (sizes) => {
      assert.deepEqual(await answersFor(sizes), whole);
    }),
    { numRuns: 100 },
  );
});

Deno.test("every prefix of a request, and then the end: answered, or told that it is cut off", async () => {
  for (const framing of ALL_FRAMINGS) {
    const request = encode(echoMessage("Hello, World!"));
    const bytes = frame(request, framing);
    for (let length = 0; length <= bytes.length; length++) {
      const peer = new TestSession(framing === "delimited" ? "tcp" : "raw").start();
      peer.link.feed(bytes.subarray(0, length));
      peer.link.end();
      await peer.ended();
      const answers = peer.messages(framing);
      assert.equal(answers.length, length === 0 ? 0 : 1, `${framing} ${length}`);
      if (length === bytes.length) contentOf(answers[0], "echoMessage");
      else if (length > 0) {
        const error = contentOf(answers[0], "error");
        assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
        assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR);
        assert.match(error.message, new RegExp(`ends after ${length} bytes`));
      }
      assert(peer.link.closed);
    }
  }
});

Deno.test("a raw link gets one write for each answer, in order, and never two messages in one", async () => {
  for (const framing of ["bare", "prefixed32"] as const) {
    const peer = new TestSession("raw").start();
    const contents = Array.from({ length: 30 }, (_, index) => `${index}`.padEnd(index * 40, "."));
    peer.link.feed(join(...contents.map((content) => frame(echoMessage(content), framing))));
    peer.link.end();
    await peer.ended();
    assert.equal(peer.link.writes.length, contents.length);
    const answers = peer.link.writes.map((write) => messagesOf(write, framing));
    assert(answers.every((messages) => messages.length === 1));
    const seen = answers.map(([message]) => contentOf(message, "echoMessage").content);
    assert.deepEqual(seen, contents);
  }
});

Deno.test("a peer that does not read is not read, and memory stays bounded", async () => {
  const peer = new TestSession("tcp", SMALL).start();
  peer.link.hold();
  const requests = echoes(2000);
  for (const request of requests) peer.link.feed(request);
  await peer.link.when(() => peer.link.heldWrites === 1 && peer.session.waiting, "waiting");
  const unread = peer.link.unreadBytes;
  assert(unread > 100_000, `${unread} bytes are left where they are`);
  assert(peer.session.outbox.size <= SMALL.outboxHighWaterBytes + 2 * requests[0].length);
  let largest = 0;
  while (peer.link.unreadBytes > 0) {
    peer.link.release();
    await peer.link.when(() => peer.link.heldWrites === 1 || peer.link.reading, "next");
    largest = Math.max(largest, peer.session.outbox.size);
  }
  assert(largest <= 2 * SMALL.outboxHighWaterBytes, `${largest} bytes at most`);
  peer.link.releaseAll();
  const answers = await peer.wrote(2000);
  assert.deepEqual(
    answers.map((answer) => Number(answer.id)),
    answers.map((_, index) => index + 1),
  );
  peer.link.end();
  await peer.ended();
});

Deno.test("a peer that half-closes gets every answer, also when it reads late", async () => {
  for (const kind of ["tcp", "unix", "raw"] as const) {
    const peer = new TestSession(kind, SMALL).start();
    peer.link.hold();
    const framing = kind === "raw" ? "bare" : "delimited";
    for (let index = 0; index < 200; index++) {
      peer.link.feed(frame(echoMessage(`${index}`.padEnd(1000, ".")), framing));
    }
    peer.link.end();
    while (!peer.link.closed) {
      await peer.link.when(
        () => peer.link.heldWrites > 0 || peer.link.closed,
        "a write or the end",
      );
      peer.link.release();
    }
    await peer.ended();
    assert.equal(peer.messages().length, 200, kind);
  }
});

Deno.test("the end of the input waits for the answers that are still on their way", async () => {
  for (const kind of ["tcp", "raw"] as const) {
    const peer = new TestSession(kind).start();
    peer.link.hold();
    peer.link.feed(frame(echoMessage("late"), kind === "raw" ? "bare" : "delimited"));
    await peer.link.when(() => peer.link.heldWrites === 1, "the answer");
    peer.link.end();
    await turn();
    assert(!peer.link.closed, "its answer is under way");
    peer.link.releaseAll();
    await peer.ended();
    assert.equal(peer.messages().length, 1);
  }
});

Deno.test("after a protocol error there is one last word, and what follows is thrown away", async () => {
  const peer = new TestSession().start();
  peer.link.feed(
    frame(echoMessage("before", 1n)),
    hex("ff ff ff ff 07"),
    new Uint8Array(3_000_000),
  );
  await peer.link.when(() => peer.link.writeClosed && peer.link.reading, "the last word");
  assert.equal(peer.link.unreadBytes, 0, "left unread it would reset the connection");
  const [echo, last, ...more] = peer.messages();
  assert.equal(contentOf(echo, "echoMessage").content, "before");
  const error = contentOf(last, "error");
  assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
  assert.equal(error.closeReason, CloseReason.PROTOCOL_ERROR);
  assert.deepEqual(more, []);
  assert(!peer.link.closed, "the peer may still read");
  peer.link.feed(frame(echoMessage("after")));
  await peer.idle();
  assert.equal(peer.messages().length, 2);
  peer.link.end();
  await peer.ended();
  assert.equal(peer.host.context.counters.ends.protocolErrors, 1);
});

Deno.test("a handler that fails is INTERNAL for its request, logged with its cause, and no more", async () => {
  using logs = new LogRecords();
  const peer = new TestSession();
  const cause = new RangeError("the store is on fire");
  Object.defineProperty(peer.host.context, "serverId", {
    get() {
      throw cause;
    },
  });
  peer.start();
  peer.link.feed(
    frame(echoMessage("a", 1n)),
    frame(helloMessage({}, 2n)),
    frame(addMessage(1, 2, 3n)),
  );
  peer.link.end();
  await peer.ended();
  const [first, failed, last] = peer.messages();
  contentOf(first, "echoMessage");
  const error = contentOf(failed, "error");
  assert.equal(error.code, ErrorCode.INTERNAL);
  assert.equal(error.closeReason, CloseReason.UNSPECIFIED);
  assert.equal(failed.id, 2n);
  assert.doesNotMatch(error.message, /fire/, "a peer learns nothing of our insides");
  assert.equal(contentOf(last, "addResponse").result, 3);
  assert.equal(peer.host.context.counters.internalErrors, 1);
  const logged = logs.records.filter((record) => record.level === "error");
  assert.equal(logged.length, 1);
  assert.equal(logged[0].properties.error, cause);
});

Deno.test("of an answer that a handler began and could not finish nothing is sent", async () => {
  using _logs = new LogRecords();
  const peer = new TestSession();
  let idStart = 0;
  let reads = 0;
  Object.defineProperty(peer.host.context.scan, "idStart", {
    set: (value: number) => idStart = value,
    get() {
      // The first reading measures the answer; by the second it is half written.
      if (++reads === 2) throw new TypeError("broken");
      return idStart;
    },
  });
  peer.start();
  peer.link.feed(frame(echoMessage("a", 1n)), frame(echoMessage("b", 2n)));
  peer.link.end();
  await peer.ended();
  const [failed, next, ...more] = peer.messages();
  assert.equal(contentOf(failed, "error").code, ErrorCode.INTERNAL);
  assert.equal(failed.id, 1n);
  assert.equal(contentOf(next, "echoMessage").content, "b");
  assert.deepEqual(more, []);
});

Deno.test("a defect outside of a handler ends the connection, is logged, and rejects nothing", async () => {
  using logs = new LogRecords();
  const peer = new TestSession();
  peer.link.read = () => Promise.reject(new TypeError("not a function"));
  peer.start();
  await peer.ended();
  assert(peer.link.closed);
  assert.equal(peer.host.context.counters.internalErrors, 1);
  assert.equal(logs.templates("error").length, 1);
});

Deno.test("a reset while reading is one line for debugging, and everything is given back", async () => {
  using logs = new LogRecords();
  const peer = new TestSession().start();
  peer.link.feed(hex("05 0a"));
  await peer.idle();
  peer.link.reset();
  await peer.ended();
  assert.equal(peer.session.state, "closed");
  assert.equal(peer.host.context.counters.internalErrors, 0);
  assert.deepEqual(logs.records.map((record) => record.level), ["debug"]);
});

Deno.test("a reset while writing releases what waits for the peer", async () => {
  const peer = new TestSession("tcp", SMALL).start();
  peer.link.hold();
  for (const request of echoes(200)) peer.link.feed(request);
  await peer.link.when(() => peer.session.waiting, "waiting");
  peer.link.reset();
  await peer.ended();
  assert.equal(peer.session.outbox.size, 0);
  assert.equal(peer.host.context.budget.bytes, 0);
  assert.equal(peer.host.context.counters.internalErrors, 0);
});

Deno.test("a write that fails while nothing is read is found out", async () => {
  const peer = new TestSession().start();
  peer.link.write = () => Promise.reject(new Deno.errors.BrokenPipe("Broken pipe"));
  peer.link.feed(frame(echoMessage("a")));
  await peer.idle();
  peer.link.feed(frame(echoMessage("b")));
  peer.link.end();
  await peer.ended();
  assert.equal(peer.host.context.counters.internalErrors, 0);
  assert.equal(peer.host.context.budget.bytes, 0);
});

Deno.test("end says one last word, whoever says it again", async () => {
  const peer = new TestSession().start();
  await peer.idle();
  const kicked = new ParleyError(ErrorCode.UNAVAILABLE, "kicked", {
    closeReason: CloseReason.KICKED,
  });
  peer.session.end(kicked);
  peer.session.end(kicked);
  peer.session.drain();
  peer.session.finish();
  await peer.link.when(() => peer.link.writeClosed, "the end of sending");
  assert.equal(peer.messages().length, 1);
  assert.equal(contentOf(peer.messages()[0], "error").closeReason, CloseReason.KICKED);
  peer.link.feed(frame(echoMessage("too late")));
  peer.link.end();
  await peer.ended();
  assert.equal(peer.messages().length, 1);
});

Deno.test("a last word waits for a peer that does not read, and does not overtake", async () => {
  const peer = new TestSession("tcp", SMALL).start();
  peer.link.hold();
  for (const request of echoes(200)) peer.link.feed(request);
  await peer.link.when(() => peer.session.waiting, "waiting");
  const answered = peer.host.context.counters.traffic.messagesOut;
  peer.session.end(
    new ParleyError(ErrorCode.UNAVAILABLE, "x", { closeReason: CloseReason.KICKED }),
  );
  assert(!peer.link.writeClosed);
  peer.link.releaseAll();
  await peer.link.when(() => peer.link.writeClosed, "the end of sending");
  const messages = peer.messages();
  assert.equal(messages.length, answered + 1);
  assert.equal(contentOf(messages[answered], "error").closeReason, CloseReason.KICKED);
  peer.link.end();
  await peer.ended();
});

Deno.test("draining tells a client, not a raw one, and goes on answering", async () => {
  for (const kind of ["tcp", "raw"] as const) {
    const framing = kind === "raw" ? "bare" : "delimited";
    const peer = new TestSession(kind).start();
    peer.link.feed(frame(echoMessage("before"), framing));
    await peer.wrote(1);
    peer.session.drain();
    peer.link.feed(frame(echoMessage("after"), framing));
    const messages = await peer.wrote(kind === "raw" ? 2 : 3);
    if (kind === "tcp") {
      const notice = contentOf(messages[1], "error");
      assert.equal(notice.closeReason, CloseReason.SHUTDOWN);
      assert.equal(notice.code, ErrorCode.UNAVAILABLE);
      assert.equal(notice.retryable, true);
    }
    assert.equal(contentOf(messages.at(-1)!, "echoMessage").content, "after");
    peer.session.finish();
    await peer.link.when(() => peer.link.writeClosed, "the end of sending");
    peer.link.end();
    await peer.ended();
  }
});

Deno.test("abort ends a session at once, whatever it waits for", async () => {
  const idle = new TestSession().start();
  await idle.idle();
  idle.session.abort();
  await idle.ended();
  const stuck = new TestSession("tcp", SMALL).start();
  stuck.link.hold();
  for (const request of echoes(200)) stuck.link.feed(request);
  await stuck.link.when(() => stuck.session.waiting, "waiting");
  stuck.session.abort();
  await stuck.ended();
  for (const peer of [idle, stuck]) {
    assert(peer.link.closed);
    assert.equal(peer.session.state, "closed");
    assert.equal(peer.host.context.budget.bytes, 0);
    assert.equal(peer.host.context.counters.internalErrors, 0);
    peer.session.abort();
  }
});
