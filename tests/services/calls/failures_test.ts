/**
 * Every way in which a call can fail, and who is told what: nobody serves, the deadline, connections that
 * vanish on either side, too many, twice, too late, and answers from those who were not asked.
 */
import assert from "node:assert/strict";
import { ManualClock } from "../../support/manual_clock.ts";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { type BusClient, busTest, Clients } from "../../support/bus_client.ts";
import { answer, bytesOf, call, cancel, register, textIn } from "../../support/bus_messages.ts";
import { DoomedClient } from "../../support/doomed_client.ts";
import { contentOf, echoMessage, field, frame, hex, join, varint } from "../../support/frames.ts";
import { nextCall, nextCancel, serve } from "../../support/responder.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";

const METHOD = "acme.Weather/Now";
const ask = () => call({ method: METHOD });

/** The code of the error that a call comes back with. */
async function codeOf(pending: ReturnType<BusClient["ask"]>): Promise<ErrorCode> {
  return contentOf(await pending, "error").code;
}

function whenUnderWay(server: TestServer, calls: number): Promise<void> {
  return until(() => server.stats().callsUnderWay === calls, `${calls} calls under way`);
}

busTest("nobody serves: UNAVAILABLE at once", async (kind) => {
  await using server = await startServer({}, { clock: new ManualClock() });
  await using clients = new Clients(server, kind);
  const [caller, other] = await clients.several(2);
  const error = contentOf(await caller.ask(ask()), "error");
  assert.equal(error.code, ErrorCode.UNAVAILABLE);
  assert.equal(error.retryable, true);
  assert.match(error.message, /nobody answers/);
  await other.acknowledged(register("acme.Weather/Other"));
  assert.equal(await codeOf(caller.ask(ask())), ErrorCode.UNAVAILABLE);
});

busTest(
  "the deadline passes: DEADLINE_EXCEEDED, the responder is told, its answer ignored",
  async (kind) => {
    const clock = new ManualClock();
    await using server = await startServer({ limits: { call_timeout_ms: 2000 } }, { clock });
    await using clients = new Clients(server, kind);
    const [caller, responder] = await clients.several(2);
    await responder.acknowledged(register(METHOD));
    const long = caller.nextId();
    await caller.send(call({ method: METHOD, timeoutMs: 5000 }, long));
    const usual = caller.nextId();
    await caller.send(call({ method: METHOD }, usual));
    const calls = [await nextCall(responder), await nextCall(responder)];
    clock.advance(1999);
    await caller.ask(echoMessage("still nothing"));
    clock.advance(1);
    const error = contentOf(await caller.answerTo(usual), "error");
    assert.equal(error.code, ErrorCode.DEADLINE_EXCEEDED);
    assert.equal(await nextCancel(responder), calls[1].id);
    clock.advance(3000);
    assert.equal(contentOf(await caller.answerTo(long), "error").code, ErrorCode.DEADLINE_EXCEEDED);
    assert.equal(await nextCancel(responder), calls[0].id);
    for (const { id } of calls) await responder.send(answer({ payload: bytesOf("late") }, id));
    await responder.ask(echoMessage("the answers were read"));
    await caller.ask(echoMessage("whatever came is here"));
    assert.deepEqual(caller.messages, []);
    assert.equal(server.stats().callsUnderWay, 0);
  },
);

busTest("the responder vanishes: UNAVAILABLE, however it goes", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const caller = await clients.connect();
  const ways: Record<string, (responder: BusClient) => Promise<void> | void> = {
    "it closes": (responder) => responder.close(),
    "it finishes sending, and can answer no more": (responder) => responder.closeWrite(),
    "it breaks the protocol": (responder) => responder.sendBytes(hex("80 00")),
  };
  for (const [way, vanish] of Object.entries(ways)) {
    const responder = await clients.connect();
    await responder.acknowledged(register(METHOD));
    const pending = caller.ask(ask());
    await nextCall(responder);
    await vanish(responder);
    const error = contentOf(await pending, "error");
    assert.equal(error.code, ErrorCode.UNAVAILABLE, way);
    assert.match(error.message, /may or may not have been carried out/);
    assert.equal(await codeOf(caller.ask(ask())), ErrorCode.UNAVAILABLE, `${way}: no longer asked`);
  }
});

busTest("cancelling reaches the responder, and whoever cancels gets nothing", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const [caller, other, responder] = await clients.several(3);
  await responder.acknowledged(register(METHOD));
  const id = caller.nextId();
  await caller.send(call({ method: METHOD }, id));
  const handed = await nextCall(responder);
  // Another's cancel with the same id is of another's call.
  await other.send(cancel(id), cancel(999n));
  await other.ask(echoMessage("read"));
  assert.equal(server.stats().callsUnderWay, 1);
  await caller.send(cancel(id));
  assert.equal(await nextCancel(responder), handed.id);
  await responder.send(answer({ payload: bytesOf("late") }, handed.id));
  await responder.ask(echoMessage("read"));
  await caller.ask(echoMessage("read"));
  assert.deepEqual(caller.messages, []);
  // The id is free again.
  await caller.send(call({ method: METHOD }, id));
  await responder.send(answer({ payload: bytesOf("again") }, (await nextCall(responder)).id));
  assert.equal(textIn(contentOf(await caller.answerTo(id), "answer").payload), "again");
});

busTest("the caller vanishes: the responder gets Cancel", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const responder = await clients.connect();
  await responder.acknowledged(register(METHOD));
  await using caller = new DoomedClient(server, kind);
  // What it has not read when it dies makes that a reset: a mere end of input could still be waiting.
  await caller.send(
    call({ method: METHOD }, 1n),
    call({ method: METHOD }, 2n),
    echoMessage("unread"),
  );
  const ids = [(await nextCall(responder)).id, (await nextCall(responder)).id];
  const written = () => server.stats().messagesIn >= 4 && server.stats().outboxBytes === 0;
  await until(written, "the echo is written");
  await caller.kill();
  const cancelled = [await nextCancel(responder), await nextCancel(responder)];
  assert.deepEqual(cancelled.toSorted(), ids.toSorted());
  assert.equal(server.stats().callsUnderWay, 0);
});

busTest(
  "a caller that ends without a reset may be waiting: the responder gets Cancel at the deadline",
  async (kind) => {
    const clock = new ManualClock();
    await using server = await startServer({}, { clock });
    await using clients = new Clients(server, kind);
    const [caller, responder] = await clients.several(2);
    await responder.acknowledged(register(METHOD));
    await caller.send(call({ method: METHOD, timeoutMs: 1000 }, 1n));
    const { id } = await nextCall(responder);
    caller.close();
    await responder.ask(echoMessage("read"));
    clock.advance(1000);
    assert.equal(await nextCancel(responder), id);
    await until(() => server.stats().connectionsOpen === 1, "the caller is gone");
  },
);

busTest("an answer counts once, and from the connection that was asked", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const [caller, responder, thief] = await clients.several(3);
  await responder.acknowledged(register(METHOD));
  await thief.acknowledged(register("acme.Thief/Now"));
  const pending = caller.ask(ask());
  const { id } = await nextCall(responder);
  await thief.send(answer({ payload: bytesOf("stolen") }, id));
  await caller.send(answer({ payload: bytesOf("my own") }, id));
  await responder.send(answer({ payload: bytesOf("guessed") }, id + 1n));
  await thief.ask(echoMessage("read"));
  await caller.ask(echoMessage("read"));
  await responder.send(
    answer({ payload: bytesOf("true") }, id),
    answer({ payload: bytesOf("twice") }, id),
  );
  assert.equal(textIn(contentOf(await pending, "answer").payload), "true");
  await responder.ask(echoMessage("read"));
  await caller.ask(echoMessage("read"));
  assert.deepEqual([...caller.messages, ...thief.messages], []);
  const error = contentOf(await thief.ask(echoMessage("still here")), "echoMessage");
  assert.equal(error.content, "still here");
  await thief.send({ message: { case: "answer", value: {} } });
  await thief.when(() => thief.messages.length > 0, "the refusal of an answer without an id");
  assert.equal(contentOf(thief.messages[0], "error").code, ErrorCode.INVALID_ARGUMENT);
});

busTest("an id that is in use: ALREADY_EXISTS, and the first call goes on", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const [caller, other, responder] = await clients.several(3);
  await responder.acknowledged(register(METHOD));
  await caller.send(call({ method: METHOD }, 7n));
  const { id } = await nextCall(responder);
  await caller.send(call({ method: METHOD }, 7n));
  assert.equal(contentOf(await caller.answerTo(7n), "error").code, ErrorCode.ALREADY_EXISTS);
  await other.send(call({ method: METHOD }, 7n));
  await nextCall(responder);
  await responder.send(answer({ payload: bytesOf("first") }, id));
  assert.equal(textIn(contentOf(await caller.answerTo(7n), "answer").payload), "first");
});

busTest("too many calls: RESOURCE_EXHAUSTED, for one caller and for all", async (kind) => {
  const limits = { max_calls_per_connection: 3, max_calls: 5 };
  await using server = await startServer({ limits });
  await using clients = new Clients(server, kind);
  const [one, other, responder] = await clients.several(3);
  await responder.acknowledged(register(METHOD));
  for (const id of [1n, 2n, 3n]) await one.send(call({ method: METHOD }, id));
  await one.send(call({ method: METHOD }, 4n));
  const mine = contentOf(await one.answerTo(4n), "error");
  assert.equal(mine.code, ErrorCode.RESOURCE_EXHAUSTED);
  assert.equal(mine.accepted, "at most 3 calls under way");
  assert.equal(mine.retryable, true);
  // Without an id nobody waits for an answer, but it is a call all the same.
  await other.send(call({ method: METHOD }), call({ method: METHOD }, 2n));
  await whenUnderWay(server, 5);
  await other.send(call({ method: METHOD }, 3n));
  const all = contentOf(await other.answerTo(3n), "error");
  assert.equal(all.code, ErrorCode.RESOURCE_EXHAUSTED);
  assert.equal(all.accepted, "at most 5 calls under way");
  const handed = [];
  while (handed.length < 5) handed.push(await nextCall(responder));
  await responder.send(answer({}, handed[0].id));
  contentOf(await one.answerTo(1n), "answer");
  await other.send(call({ method: METHOD }, 4n));
  await nextCall(responder);
});

busTest(
  "a caller that has finished sending still gets its answers, and then the end",
  async (kind) => {
    await using server = await startServer();
    await using clients = new Clients(server, kind);
    const [caller, responder] = await clients.several(2);
    await responder.acknowledged(register(METHOD));
    await caller.send(call({ method: METHOD }, 1n), call({ method: METHOD }, 2n));
    await caller.closeWrite();
    const calls = [await nextCall(responder), await nextCall(responder)];
    await responder.ask(echoMessage("the caller's end of input is read by now, or soon"));
    for (const { id } of calls) await responder.send(answer({ payload: bytesOf(`${id}`) }, id));
    assert.equal(await caller.whenEnded(), "end");
    assert.deepEqual(caller.messages.map(({ id, message }) => [id, message.case]), [
      [1n, "answer"],
      [2n, "answer"],
    ]);
  },
);

busTest("a caller that calls itself and finishes sending is not left waiting", async (kind) => {
  await using server = await startServer({}, { clock: new ManualClock() });
  await using clients = new Clients(server, kind);
  const client = await clients.connect();
  await client.acknowledged(register(METHOD));
  await client.send(call({ method: METHOD }, 9n));
  await client.closeWrite();
  assert.equal(await client.whenEnded(), "end");
  const { code } = contentOf(
    client.messages.find(({ message }) => message.case === "error")!,
    "error",
  );
  assert.equal(code, ErrorCode.UNAVAILABLE);
});

busTest("a drain waits for calls under way", async (kind) => {
  await using server = await startServer({ limits: { drain_quiet_ms: 1 } });
  await using clients = new Clients(server, kind);
  const [caller, responder, idler] = await clients.several(3);
  await responder.acknowledged(register(METHOD));
  const pending = caller.ask(ask());
  const { id } = await nextCall(responder);
  const stopped = server.server.stop();
  for (const client of [caller, responder]) {
    await client.when(() => client.messages.length > 0, "the notice");
    assert.equal(contentOf(client.messages[0], "error").closeReason, CloseReason.SHUTDOWN);
  }
  assert.equal(await idler.whenEnded(), "end", "who has nothing under way is done");
  assert.deepEqual([caller.ended, responder.ended], [null, null]);
  await responder.send(answer({ payload: bytesOf("in time") }, id));
  assert.equal(textIn(contentOf(await pending, "answer").payload), "in time");
  idler.close();
  for (const client of [caller, responder]) {
    assert.equal(await client.whenEnded(), "end");
    client.close();
  }
  await stopped;
});

busTest(
  "an answer that is no protobuf message ends its connection, not the caller's",
  async (kind) => {
    await using server = await startServer();
    await using clients = new Clients(server, kind);
    const caller = await clients.connect();
    const bodies = [
      field(2, hex("ff")),
      field(3, field(1, hex("c3"))),
      field(4, hex("08")),
      hex("0a 05 00"),
      hex("08 01"),
    ];
    for (const [index, body] of bodies.entries()) {
      const responder = await clients.connect();
      await responder.acknowledged(register(METHOD));
      const pending = caller.ask(ask());
      const { id } = await nextCall(responder);
      const message = join(field(10, body), hex("78"), varint(id));
      await responder.sendBytes(frame(message));
      if (index === 0) {
        // A bad type breaks a rule, not the protocol: both are told, and the connection goes on.
        await responder.when(() => responder.messages.length > 0, "the refusal");
        assert.equal(contentOf(responder.messages[0], "error").code, ErrorCode.INVALID_ARGUMENT);
        assert.equal(await codeOf(pending), ErrorCode.INTERNAL);
        responder.close();
        await until(() => server.stats().connectionsOpen === 1, "the responder is gone");
        continue;
      }
      assert.equal(await codeOf(pending), ErrorCode.UNAVAILABLE);
      assert.equal(await responder.whenEnded(), "end");
      const last = contentOf(responder.messages.at(-1)!, "error");
      assert.equal(last.closeReason, CloseReason.PROTOCOL_ERROR);
    }
  },
);

busTest("a responder that does not read is not given calls without end", async (kind) => {
  const limits = { max_outbox_bytes: 2 ** 20, max_frame_bytes: 2 ** 18 };
  await using server = await startServer({ limits });
  await using clients = new Clients(server, kind);
  const caller = await clients.connect();
  const stuck = await clients.connect({ reading: false });
  await stuck.send(register(METHOD, 1n));
  await until(() => server.stats().messagesIn === 1, "it is registered");
  const payload = new Uint8Array(200_000);
  let refused = 0;
  for (let count = 0; count < 100 && refused === 0; count++) {
    await caller.send(call({ method: METHOD, payload }, caller.nextId()));
    await caller.ask(echoMessage("read"));
    refused = caller.messages.filter(({ message }) => message.case === "error").length;
  }
  assert.equal(refused, 1);
  const error = contentOf(
    caller.messages.find(({ message }) => message.case === "error")!,
    "error",
  );
  assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
  assert.match(error.message, /does not keep up/);
  // Buffers are taken in pieces, the last of which need not be full.
  const piece = 128 * 1024;
  assert(server.stats().outboxBytes <= limits.max_outbox_bytes + 2 * payload.length + piece);
  const quick = await clients.connect();
  await serve(quick, METHOD, () => bytesOf("quick"));
  assert.equal(textIn(contentOf(await caller.ask(ask()), "answer").payload), "quick");
});

busTest(
  "an answer that breaks a rule: the caller gets INTERNAL, the responder is told",
  async (kind) => {
    await using server = await startServer();
    await using clients = new Clients(server, kind);
    const [caller, responder] = await clients.several(2);
    await responder.acknowledged(register(METHOD));
    const pending = caller.ask(ask());
    const { id } = await nextCall(responder);
    await responder.send(answer({ payload: bytesOf("x"), type: "no type" }, id));
    assert.equal(await codeOf(pending), ErrorCode.INTERNAL);
    // Under no id: the responder may have a request of its own with the id of that call.
    const refusal = await responder.answerTo(0n);
    assert.match(contentOf(refusal, "error").message, /no type/);
    assert.equal(
      contentOf(await responder.ask(echoMessage("alive")), "echoMessage").content,
      "alive",
    );
  },
);
