/**
 * Queues with generated messages: what goes through, and jobs that are no such message.
 */
import assert from "node:assert/strict";
import {
  type Client,
  ErrorCode,
  type Job,
  type ParleyError,
  pullMessages,
  pushMessage,
  workMessages,
} from "../../../lib/client/mod.ts";
import { AddRequestSchema, EchoMessageSchema } from "../../../lib/gen/parley/v1/demo_pb.ts";
import { until } from "../../support/until.ts";
import { BusFixture } from "../bus_support.ts";
import { deadOf } from "./queue_support.ts";
import { rejection } from "../rejections.ts";

/** A tag that does not end. */
const BROKEN = new Uint8Array([0xff]);

/** Two jobs that are echoes, and between them two that are none. */
async function pushAll(client: Client): Promise<void> {
  await pushMessage(client, "work", EchoMessageSchema, { content: "Grüße" }, { priority: 1 });
  await pushMessage(client, "work", AddRequestSchema, { a: 1, b: 2 });
  await client.queue("work").push(BROKEN);
  await pushMessage(client, "work", EchoMessageSchema, { content: "x" });
}

Deno.test("messages are pushed under their name and come decoded; others become dead letters", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  await pushAll(client);
  const invalid: string[] = [];
  const onInvalid = (job: Job, error: ParleyError) => {
    assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
    invalid.push(error.message);
    assert.equal(job.queue, "work");
  };
  const contents: string[] = [];
  const puller = pullMessages(client, "work", EchoMessageSchema, { onInvalid });
  for await (const { job, message } of puller) {
    contents.push(message.content);
    assert.equal(job.type, "parley.v1.EchoMessage");
    await job.ack();
    if (contents.length === 2) break;
  }
  assert.equal(puller.puller.closed, true);
  assert.deepEqual(contents, ["Grüße", "x"]);
  assert.deepEqual(invalid, [
    'cannot read job 2 of "work": it is no parley.v1.EchoMessage but a parley.v1.AddRequest',
    'cannot read job 3 of "work": it is no parley.v1.EchoMessage',
  ]);
  const dead = await deadOf(client, "work", 2);
  assert.deepEqual(dead.map(({ death }) => death?.lastError), invalid);
});

Deno.test("a worker gets messages decoded; others become dead letters and are told", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  await pushAll(client);
  const contents: string[] = [];
  const errors: unknown[] = [];
  await using worker = workMessages(
    client,
    "work",
    EchoMessageSchema,
    ({ content }, job, signal) => {
      assert.equal(job.signal, signal);
      contents.push(content);
    },
    { onError: (error) => errors.push(error) },
  );
  await until(() => worker.stats.acked + worker.stats.rejected === 4, "all jobs");
  assert.deepEqual(contents, ["Grüße", "x"]);
  assert.equal(errors.length, 2);
  const dead = await deadOf(client, "work", 2);
  assert.deepEqual(dead.map(({ death }) => death?.reason), ["rejected", "rejected"]);
});

Deno.test("a message that the schema does not allow is refused before it is pushed", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  const pushed = pushMessage(client, "work", AddRequestSchema, { a: 1.5 });
  assert.match((await rejection(pushed, "INVALID_ARGUMENT")).message, /AddRequest/);
});
