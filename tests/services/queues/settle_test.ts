/**
 * Settlements over the wire: what each verdict does, which tokens are late, and what is refused.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { type Job, Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { BusClient } from "../../support/bus_client.ts";
import { contentOf, field, frame, hex, join, textOf, varint } from "../../support/frames.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import {
  ack,
  assertRefused,
  infoOf,
  jobs,
  pull,
  push,
  pushAll,
  settle,
  type SettleInit,
  texts,
  waiting,
} from "./queue_support.ts";

const { FAILED_PRECONDITION, INVALID_ARGUMENT } = ErrorCode;
const { ACK, NACK, REJECT, RELEASE, EXTEND } = Verdict;
const VERDICTS = [ACK, NACK, REJECT, RELEASE, EXTEND];

/** Runs `test` with a client that holds jobs "0" to "4" of queue "q". */
async function withHeld(
  test: (client: BusClient, held: Job[], server: TestServer) => Promise<void>,
): Promise<void> {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pushAll(client, "q", ["0", "1", "2", "3", "4"]);
  await pull(client, "q", 10);
  await test(client, await jobs(client, 5), server);
}

async function late(client: BusClient, verdict: Verdict, held: readonly Job[], more?: SettleInit) {
  return contentOf(await settle(client, verdict, held, more), "settled").lateTokens;
}

async function allLate(client: BusClient, verdict: Verdict, held: readonly Job[], consumer = 1n) {
  const answer = await settle(client, verdict, held, { consumer });
  assertRefused(contentOf(answer, "error"), FAILED_PRECONDITION, /not hold: the lease is over/);
}

for (const verdict of VERDICTS) {
  Deno.test(`${Verdict[verdict]} of many names exactly the late ones, in their order`, () =>
    withHeld(async (client, held) => {
      await ack(client, held[1], held[3]);
      assert.deepEqual(await late(client, verdict, held), [held[1].token, held[3].token]);
      const { ready, leased, dead, done, delayed } = await infoOf(client, "q");
      const counts = [ready, leased, delayed, dead, done].map(Number);
      if (verdict === ACK) assert.deepEqual(counts, [0, 0, 0, 0, 5]);
      if (verdict === NACK) assert.deepEqual(counts, [0, 0, 3, 0, 2]);
      if (verdict === REJECT) assert.deepEqual(counts, [0, 0, 0, 3, 2]);
      if (verdict === RELEASE) assert.deepEqual(counts, [0, 3, 0, 0, 2], "it has them again");
      if (verdict === EXTEND) assert.deepEqual(counts, [0, 3, 0, 0, 2]);
    }));

  Deno.test(`${Verdict[verdict]} of none but late ones is an error, and nothing changes`, () =>
    withHeld(async (client, held) => {
      await ack(client, held[0], held[1]);
      await allLate(client, verdict, [held[0], held[1], held[0]]);
      const { leased, done } = await infoOf(client, "q");
      assert.deepEqual([leased, done], [3n, 2n]);
      await ack(client, ...held.slice(2));
    }));
}

Deno.test("a token that is named twice is late the second time", () =>
  withHeld(async (client, [job]) => {
    assert.deepEqual(await late(client, ACK, [job, job, job]), [job.token, job.token]);
  }));

Deno.test("tokens are those of one consumer of one connection", () =>
  withHeld(async (client, held, server) => {
    await using other = await BusClient.connect(server, "tcp");
    await pull(other, "q", 5);
    await pull(client, "q", 5, 2n);
    await allLate(other, ACK, held);
    await allLate(client, ACK, held, 2n);
    await allLate(client, ACK, held, 3n);
    await allLate(client, ACK, held, 2n ** 64n - 1n);
    await ack(client, ...held);
  }));

Deno.test("tokens that nobody was ever given are late, whatever they are", () =>
  withHeld(async (client, held) => {
    const made = [
      0n,
      1n,
      2n ** 32n,
      2n ** 64n - 1n,
      held[0].token + 1n,
      BigInt.asUintN(64, held[0].token << 1n),
    ]
      .filter((token) => held.every((job) => job.token !== token));
    const settled = await late(client, ACK, held.slice(0, 1), { tokens: [...made, held[0].token] });
    assert.deepEqual(settled, made);
    assert.equal((await infoOf(client, "q")).leased, 4n);
  }));

Deno.test("the token of an earlier delivery is late, that of the last one is not", () =>
  withHeld(async (client, [first]) => {
    contentOf(await settle(client, RELEASE, [first]), "settled");
    const [second] = await jobs(client, 1);
    assert.notEqual(second.token, first.token);
    await allLate(client, ACK, [first]);
    await allLate(client, EXTEND, [first]);
    await ack(client, second);
  }));

Deno.test("a released job keeps its place and its attempts; a nacked one waits, and counts", () =>
  withHeld(async (client, held) => {
    await pull(client, "q", 0);
    await pushAll(client, "q", ["5"]);
    contentOf(await settle(client, RELEASE, [held[3], held[1]]), "settled");
    contentOf(await settle(client, NACK, [held[0]], { delayMs: 0n }), "settled");
    contentOf(await settle(client, NACK, [held[2]], { delayMs: 3_600_000n }), "settled");
    await ack(client, held[4]);
    await pull(client, "q", 10);
    const again = await jobs(client, 4);
    assert.deepEqual(texts(again), ["0", "1", "3", "5"]);
    assert.deepEqual(again.map(({ attempt }) => attempt), [2, 1, 1, 1]);
    assert.deepEqual(again.map(({ redelivered }) => redelivered), [true, true, true, false]);
    assert.equal((await infoOf(client, "q")).delayed, 1n);
  }));

Deno.test("a settlement without an id does its work and is not answered", () =>
  withHeld(async (client, held) => {
    const message = (tokens: bigint[], verdict: Verdict) => ({
      message: { case: "settle" as const, value: { consumer: 1n, tokens, verdict } },
    });
    const tokens = held.map(({ token }) => token);
    await client.send(message(tokens, ACK), message(tokens, ACK), message([5n], REJECT));
    const { leased, done } = await infoOf(client, "q");
    assert.deepEqual([leased, done], [0n, 5n]);
    assert.deepEqual(client.messages, [], "not even when all are late");
  }));

Deno.test("tokens are read packed and one by one, and cut ones end the connection", () =>
  withHeld(async (client, held, server) => {
    const fixed = held.map(({ token }) => {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, token, true);
      return bytes;
    });
    const single = (bytes: Uint8Array) => join(varint(2 * 8 + 1), bytes);
    const body = join(
      hex("08 01 18 01"),
      single(fixed[0]),
      field(2, join(fixed[1], fixed[2])),
      field(2, hex("")),
      single(fixed[3]),
      field(2, fixed[4]),
    );
    const id = client.nextId();
    await client.sendBytes(frame(join(field(17, body), hex("78"), varint(id))));
    assert.deepEqual(contentOf(await client.answerTo(id), "settled").lateTokens, []);
    for (const tokens of [field(2, fixed[0].slice(1)), hex("10 01"), hex("15 01 00 00 00")]) {
      await using cut = await BusClient.connect(server, "tcp");
      await cut.sendBytes(frame(field(17, join(hex("08 01 18 01"), tokens))));
      assert.equal(await cut.whenEnded(), "end");
      const { message } = cut.messages[0];
      assert.equal(
        message.case === "error" && message.value.closeReason,
        CloseReason.PROTOCOL_ERROR,
      );
    }
  }));

Deno.test("what a settlement may say has its limits, and a refused one changes nothing", () =>
  withHeld(async (client, held) => {
    const refuse = async (verdict: Verdict, more: SettleInit, text: RegExp) => {
      const answer = await settle(client, verdict, held, more);
      assertRefused(contentOf(answer, "error"), INVALID_ARGUMENT, text);
    };
    await refuse(ACK, { tokens: [] }, /settle 0 tokens .*1 to 10000/);
    const many = Array.from({ length: 10_001 }, (_, index) => BigInt(index));
    await refuse(ACK, { tokens: many }, /settle 10001 tokens/);
    await refuse(0, {}, /verdict 0 .*ACK, NACK, REJECT, RELEASE or EXTEND/);
    await refuse(6 as Verdict, {}, /verdict 6/);
    await refuse(-1 as Verdict, {}, /verdict -1/);
    const most = 366n * 24n * 3_600_000n;
    await refuse(NACK, { delayMs: most + 1n }, /delay_ms of 31622400001 .*at most 31622400000/);
    await refuse(EXTEND, { delayMs: 86_400_001n }, /at most 86400000/);
    for (const verdict of [NACK, REJECT]) {
      await refuse(verdict, { error: textOf(1025) }, /error of 1025 bytes .*at most 1024 bytes/);
    }
    assert.equal((await infoOf(client, "q")).leased, 5n);
    await late(client, NACK, [held[0]], { delayMs: most });
    await late(client, EXTEND, [held[1]], { delayMs: 86_400_000n });
    await late(client, REJECT, [held[2]], { error: textOf(1024) });
    const tokens = [...many.slice(2), held[3].token];
    const settled = await late(client, ACK, [], { tokens });
    assert.equal(settled.length, 9999);
    await pull(client, "q.dead", 1, 2n);
    const [dead] = await jobs(client, 1);
    assert.equal(dead.death!.lastError, textOf(1024));
  }));

Deno.test("a settlement says how safe it is", () =>
  withHeld(async (client, held) => {
    const level = async (verdict: Verdict, job: Job) =>
      contentOf(await settle(client, verdict, [job]), "settled").level;
    for (const [index, verdict] of VERDICTS.entries()) {
      assert.equal(await level(verdict, held[index]), AckLevel.ROUTED);
    }
  }));

Deno.test("dead letters are settled like other jobs, and have no end of deliveries", () =>
  withHeld(async (client, held) => {
    await late(client, REJECT, held.slice(0, 2), { error: "bad" });
    await pull(client, "q.dead", 2, 2n);
    for (let attempt = 1; attempt <= 25; attempt++) {
      const [job] = await jobs(client, 1);
      assert.equal(job.death!.lastError, "bad");
      if (attempt % 2 === 0) {
        contentOf(await settle(client, NACK, [job], { delayMs: 0n, consumer: 2n }), "settled");
      } else {
        contentOf(await settle(client, RELEASE, [job], { consumer: 2n }), "settled");
      }
    }
    const [first, second] = await jobs(client, 2);
    assert.notEqual(first.id, second.id);
    contentOf(await settle(client, ACK, [first], { consumer: 2n }), "settled");
    const answer = contentOf(await settle(client, REJECT, [second], { consumer: 2n }), "error");
    assertRefused(answer, INVALID_ARGUMENT, /dead letters have no dead letters .*ACK/);
    assert.equal((await infoOf(client, "q")).dead, 1n);
    assert.equal(waiting(client), 0);
    await push(client, { queue: "q" });
  }));
