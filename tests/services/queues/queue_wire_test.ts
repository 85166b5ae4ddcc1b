/**
 * Queues over the wire, on every listener that carries them: push, pull, settle, and what is refused.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { BUS_KINDS, BusClient } from "../../support/bus_client.ts";
import { contentOf } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";
import { ack, jobs, pull, push, pushAll, settle, texts, waiting } from "./queue_support.ts";

for (const kind of BUS_KINDS) {
  Deno.test(`over ${kind}: a job is pushed, pulled, acknowledged, and gone`, async () => {
    await using server = await startServer();
    await using producer = await BusClient.connect(server, kind);
    await using consumer = await BusClient.connect(server, kind);
    const acked = await push(producer, {
      queue: "emails",
      payload: new Uint8Array([1, 2, 3]),
      type: "a.B",
      headers: { h: "1" },
      priority: 3,
    });
    assert.equal(acked.level, AckLevel.ROUTED);
    assert.equal(acked.seq, 1n);
    await pull(consumer, "emails", 10);
    const [job] = await jobs(consumer, 1);
    assert.equal(job.queue, "emails");
    assert.deepEqual([...job.payload], [1, 2, 3]);
    assert.equal(job.type, "a.B");
    assert.deepEqual(job.headers, { h: "1" });
    assert.equal(job.priority, 3);
    assert.equal(job.id, 1n);
    assert.equal(job.attempt, 1);
    assert.equal(job.redelivered, false);
    assert.equal(job.leaseMs, 30_000);
    assert.equal(job.consumer, 1n);
    assert.notEqual(job.sender, "");
    assert(job.timeUnixMicros > 0n);
    await ack(consumer, job);
    const late = contentOf(await settle(consumer, Verdict.ACK, [job]), "error");
    assert.equal(late.code, ErrorCode.FAILED_PRECONDITION);
  });
}

Deno.test("jobs come by priority, then in the order they were pushed", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pushAll(client, "q", ["a1", "a2"]);
  await pushAll(client, "q", ["b1", "b2"], { priority: 5 });
  await pull(client, "q", 10);
  assert.deepEqual(texts(await jobs(client, 4)), ["b1", "b2", "a1", "a2"]);
});

Deno.test("a consumer holds no more than its prefetch, and nothing at 0", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pushAll(client, "q", ["1", "2", "3", "4"]);
  await pull(client, "q", 2);
  const held = await jobs(client, 2);
  await pull(client, "q", 0);
  await ack(client, ...held);
  assert.equal(waiting(client), 0);
  await pull(client, "q", 1);
  assert.deepEqual(texts(await jobs(client, 1)), ["3"]);
  assert.equal(waiting(client), 0);
});

Deno.test("a job that is given back comes again, marked, as its second attempt", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await pushAll(client, "q", ["x"]);
  await pull(client, "q", 1);
  const [first] = await jobs(client, 1);
  contentOf(await settle(client, Verdict.NACK, [first], { delayMs: 0n }), "settled");
  const [second] = await jobs(client, 1);
  assert.equal(second.attempt, 2);
  assert.equal(second.redelivered, true);
  assert.equal(second.timeUnixMicros, first.timeUnixMicros);
  contentOf(await settle(client, Verdict.RELEASE, [second]), "settled");
  const [third] = await jobs(client, 1);
  assert.equal(third.attempt, 2, "a release does not count");
  assert.equal(third.redelivered, true);
});

Deno.test("a link that ends gives its jobs back at once", async () => {
  await using server = await startServer();
  await using producer = await BusClient.connect(server, "tcp");
  await pushAll(producer, "q", ["1", "2", "3"]);
  {
    await using first = await BusClient.connect(server, "tcp");
    await pull(first, "q", 3);
    await jobs(first, 3);
  }
  await pull(producer, "q", 3);
  const again = await jobs(producer, 3);
  assert.deepEqual(texts(again), ["1", "2", "3"]);
  assert(again.every(({ redelivered, attempt }) => redelivered && attempt === 2));
});

Deno.test("a job that is rejected, and one that is never done, become dead letters", async () => {
  await using server = await startServer({ queue: [{ name: "q", max_deliveries: 3 }] });
  await using client = await BusClient.connect(server, "tcp");
  await pushAll(client, "q", ["poison"]);
  await pull(client, "q", 1);
  for (let attempt = 1; attempt <= 3; attempt++) {
    const [job] = await jobs(client, 1);
    assert.equal(job.attempt, attempt);
    const more = { delayMs: 0n, error: `try ${attempt}` };
    contentOf(await settle(client, Verdict.NACK, [job], more), "settled");
  }
  await pushAll(client, "q", ["bad"]);
  const [bad] = await jobs(client, 1);
  assert.deepEqual(texts([bad]), ["bad"]);
  contentOf(await settle(client, Verdict.REJECT, [bad], { error: "no good" }), "settled");
  await pull(client, "q.dead", 5, 2n);
  const dead = await jobs(client, 2);
  assert.deepEqual(texts(dead), ["poison", "bad"]);
  assert.deepEqual(
    dead.map(({ death }) => [death?.reason, death?.attempts, death?.lastError, death?.queue]),
    [[1, 3, "try 3", "q"], [2, 1, "no good", "q"]],
  );
  assert.equal(dead[0].queue, "q");
});
