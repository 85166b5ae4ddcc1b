/**
 * Any id that a client may choose is repeated in the answer, also when that comes later: acknowledgements of what
 * is stored, settlements, the server's own methods, and calls that others answer, give up, or never answer.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { create, toBinary } from "@bufbuild/protobuf";
import { Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { HistoryRequestSchema } from "../../../lib/gen/parley/v1/room_pb.ts";
import { jobs, pull, push } from "../queues/queue_support.ts";
import { BusClient, busTest, Clients } from "../../support/bus_client.ts";
import { answer, bytesOf, call, cancel, publish, textIn } from "../../support/bus_messages.ts";
import { type ClientMessageInit, contentOf } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";

const IDS = [1n, 127n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n];
const METHOD = "acme.Echo/Say";

async function ask(client: BusClient, message: ClientMessageInit, id: bigint) {
  await client.send({ ...message, id });
  return await client.answerTo(id);
}

async function nextOf<C extends "call" | "cancel">(client: BusClient, kind: C) {
  const place = () => client.messages.findIndex(({ message }) => message.case === kind);
  await client.when(() => place() >= 0, `a ${kind}`);
  const [message] = client.messages.splice(place(), 1);
  return { id: message.id, value: contentOf(message, kind) };
}

busTest("what is stored is acknowledged under any id", async (kind) => {
  await using server = await startServer({
    keep: [{ pattern: "k.>" }],
    queue: [{ name: "bound", bind: ["plain"] }],
  });
  await using client = await BusClient.connect(server, kind);
  await pull(client, "q", 10);
  let seq = 0n;
  for (const id of IDS) {
    seq++;
    const kept = contentOf(await ask(client, publish({ topic: "k.a" }), id), "ack");
    assert.equal(kept.seq, seq);
    contentOf(await ask(client, publish({ topic: "plain" }), id), "ack");
    const job = { message: { case: "job" as const, value: { queue: "q" } } };
    assert.equal(contentOf(await ask(client, job, id), "ack").seq, seq);
    const [held] = await jobs(client, 1);
    const value = { consumer: 1n, tokens: [held.token], verdict: Verdict.ACK };
    const settle = { message: { case: "settle" as const, value } };
    assert.deepEqual(contentOf(await ask(client, settle, id), "settled").lateTokens, []);
    assert.equal(
      contentOf(await ask(client, settle, id), "error").code,
      ErrorCode.FAILED_PRECONDITION,
    );
  }
});

busTest("what is refused late is refused under any id, and without one", async (kind) => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, kind);
  const payload = toBinary(
    HistoryRequestSchema,
    create(HistoryRequestSchema, { room: "BAD NAME" }),
  );
  const history = call({ method: "parley.v1.Rooms/History", payload });
  for (const id of [0n, ...IDS]) {
    assert.equal(
      contentOf(await ask(client, history, id), "error").code,
      ErrorCode.INVALID_ARGUMENT,
    );
  }
  await push(client, { queue: "still.there" });
  assert.equal(server.stats().internalErrors, 0);
});

busTest("calls come back under any id, each form of it a key of its own", async (kind) => {
  await using server = await startServer();
  await using clients = new Clients(server, kind);
  const [caller, responder] = await clients.several(2);
  const register = { case: "register" as const, value: { method: METHOD } };
  contentOf(await responder.ask({ message: register }), "ack");
  for (const id of IDS) {
    await caller.send(call({ method: METHOD, payload: bytesOf(`${id}`) }, id));
    const { id: callId, value } = await nextOf(responder, "call");
    const twice = contentOf(await ask(caller, call({ method: METHOD }), id), "error");
    assert.equal(twice.code, ErrorCode.ALREADY_EXISTS, "it is under way");
    await responder.send(answer({ payload: value.payload }, callId));
    assert.equal(textIn(contentOf(await caller.answerTo(id), "answer").payload), `${id}`);

    await caller.send(call({ method: METHOD }, id));
    const given = await nextOf(responder, "call");
    await caller.send(cancel(id));
    assert.equal((await nextOf(responder, "cancel")).id, given.id);

    await caller.send(call({ method: METHOD, timeoutMs: 1 }, id));
    const late = contentOf(await caller.answerTo(id), "error");
    assert.equal(late.code, ErrorCode.DEADLINE_EXCEEDED);
    await nextOf(responder, "call");
    await nextOf(responder, "cancel");
  }
  // Neighbours that one number could not tell apart.
  for (const id of [2n ** 53n, 2n ** 53n + 1n]) await caller.send(call({ method: METHOD }, id));
  await responder.send(answer({ payload: bytesOf("first") }, (await nextOf(responder, "call")).id));
  await responder.send(
    answer({ payload: bytesOf("second") }, (await nextOf(responder, "call")).id),
  );
  assert.equal(textIn(contentOf(await caller.answerTo(2n ** 53n), "answer").payload), "first");
  assert.equal(
    textIn(contentOf(await caller.answerTo(2n ** 53n + 1n), "answer").payload),
    "second",
  );
  assert.equal(server.stats().callsUnderWay, 0);
});

busTest("an answer under an id that the server never gave is passed over", async (kind) => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, kind);
  for (const id of IDS) {
    await client.send(answer({ payload: bytesOf("nobody asked") }, id), cancel(id));
  }
  await push(client, { queue: "still.there" });
  assert.equal(client.messages.length, 0);
});
