/**
 * A server that stops: pushes in hand are answered and kept, what is held can still be settled, and nothing is
 * handed out any more.
 */
import assert from "node:assert/strict";
import { CloseReason } from "../../../lib/base/errors.ts";
import { Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { levelOf, storeTest } from "../kept/kept_support.ts";
import { BusClient } from "../../support/bus_client.ts";
import { contentOf } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";
import { infoOf, jobs, pull, pushAll, settle, texts, waiting } from "./queue_support.ts";

storeTest("what is in hand is finished, and nothing new is begun", async (data) => {
  const isKept = data !== "";
  {
    await using server = await startServer({ data, limits: { linger_ms: 100 } });
    await using producer = await BusClient.connect(server, "tcp");
    await using consumer = await BusClient.connect(server, "ws");
    await pull(consumer, "q", 3);
    await pushAll(producer, "q", ["1", "2", "3", "4"]);
    const held = await jobs(consumer, 3);
    const stopped = server.server.stop();
    const ids = Array.from({ length: 500 }, () => producer.nextId());
    await producer.send(...ids.map((id) => ({
      id,
      message: { case: "job" as const, value: { queue: "q", payload: new Uint8Array(10) } },
    })));
    const settled = contentOf(await settle(consumer, Verdict.ACK, held.slice(0, 2)), "settled");
    assert.deepEqual([settled.lateTokens, settled.level], [[], levelOf(data)]);
    for (const id of ids) {
      assert.equal(contentOf(await producer.answerTo(id), "ack").level, levelOf(data));
    }
    await stopped;
    for (const client of [producer, consumer]) {
      assert.equal(await client.whenEnded(), "end");
      const last = client.messages.at(-1)!;
      assert.equal(contentOf(last, "error").closeReason, CloseReason.SHUTDOWN);
    }
    assert.equal(waiting(consumer), 0, "nothing is handed out any more");
  }
  if (!isKept) return;
  await using server = await startServer({ data, limits: { linger_ms: 100 } });
  await using client = await BusClient.connect(server, "tcp");
  assert.equal((await infoOf(client, "q")).ready, 502n);
  await pull(client, "q", 2);
  const [third, fourth] = await jobs(client, 2);
  assert.deepEqual(texts([third, fourth]), ["3", "4"]);
  assert.deepEqual([third.redelivered, fourth.redelivered], [true, false]);
});

storeTest("jobs that come back while it stops go to nobody", async (data) => {
  await using server = await startServer({ data, limits: { linger_ms: 100 } });
  await using one = await BusClient.connect(server, "tcp");
  await using two = await BusClient.connect(server, "tcp");
  await pull(one, "q", 5);
  await pushAll(one, "q", ["1", "2"]);
  const held = await jobs(one, 2);
  await pull(two, "q", 5);
  const stopped = server.server.stop();
  contentOf(await settle(one, Verdict.NACK, [held[0]], { delayMs: 0n }), "settled");
  contentOf(await settle(one, Verdict.RELEASE, [held[1]]), "settled");
  one.close();
  await stopped;
  await two.whenEnded();
  assert.equal(waiting(two), 0);
});
