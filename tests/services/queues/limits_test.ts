/**
 * How much a queue takes: max_jobs and max_bytes, at, below and above, for queues that refuse and for those that
 * drop their oldest.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { BusClient } from "../../support/bus_client.ts";
import { contentOf } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";
import {
  ack,
  assertRefused,
  care,
  infoOf,
  type JobInit,
  jobs,
  METHODS,
  pull,
  push,
  pushAll,
  refusal,
  settle,
  texts,
} from "./queue_support.ts";

const { RESOURCE_EXHAUSTED } = ErrorCode;

type QueueTable = NonNullable<Parameters<typeof startServer>[0]>["queue"];

async function withQueue(
  table: Partial<NonNullable<QueueTable>[number] & object>,
  test: (client: BusClient) => Promise<void>,
): Promise<void> {
  await using server = await startServer({ queue: [{ name: "q", ...table }] });
  await using client = await BusClient.connect(server, "tcp");
  await test(client);
}

async function refused(client: BusClient, job: JobInit, text: RegExp) {
  const error = await refusal(client, { case: "job", value: { queue: "q", ...job } });
  assertRefused(error, RESOURCE_EXHAUSTED, text);
  return error;
}

async function peeked(client: BusClient): Promise<string[]> {
  const page = await care(client, METHODS.peek, { queue: "q", limit: 1000 });
  return texts(page.jobs.map(({ job }) => job!));
}

const payload = (bytes: number) => new Uint8Array(bytes);

Deno.test("a queue refuses what is above max_jobs, until one is done", () =>
  withQueue({ max_jobs: 3 }, async (client) => {
    await pushAll(client, "q", ["1", "2"]);
    await pushAll(client, "q", ["3"], { delayMs: 60_000n });
    const error = await refused(client, {}, /the queue is full, it holds 3 jobs .*max_jobs 3/);
    assert.equal(error.retryable, true);
    await pull(client, "q", 5);
    const held = await jobs(client, 2);
    await refused(client, {}, /max_jobs/);
    await ack(client, held[0]);
    await pushAll(client, "q", ["4"]);
    await refused(client, {}, /max_jobs/);
    // Dead letters are outside of it, and the way there makes room.
    contentOf(await settle(client, Verdict.REJECT, [held[1]]), "settled");
    await infoOf(client, "q");
    await pushAll(client, "q", ["5"]);
    await refused(client, {}, /max_jobs/);
    assert.equal((await infoOf(client, "q")).dead, 1n);
  }));

Deno.test("a queue refuses what is above max_bytes, however few jobs that are", () =>
  withQueue({ max_bytes: 4096 }, async (client) => {
    await push(client, { queue: "q", payload: payload(1000) });
    const one = Number((await infoOf(client, "q")).bytes);
    assert(one > 1000 && one < 1100, `${one} bytes`);
    // Exactly what is left: a job takes what it did, but for its payload.
    const overhead = one - 1000;
    await push(client, { queue: "q", payload: payload(2000) });
    const left = 4096 - Number((await infoOf(client, "q")).bytes);
    const text = /the queue is full, it holds \d+ bytes .*max_bytes 4096/;
    await refused(client, { payload: payload(left - overhead + 20) }, text);
    await push(client, { queue: "q", payload: payload(left - overhead - 20) });
    const bytes = Number((await infoOf(client, "q")).bytes);
    assert(bytes <= 4096 && bytes > 4000, `${bytes} bytes`);
    const never = await refused(
      client,
      { payload: payload(5000) },
      /a job of \d+ bytes .*max_bytes/,
    );
    assert.equal(never.retryable, false, "it will never fit");
  }));

Deno.test("a queue that drops its oldest takes everything, and keeps the newest", () =>
  withQueue({ max_jobs: 3, when_full: "drop-oldest" }, async (client) => {
    await pushAll(client, "q", ["1", "2", "3"]);
    assert.deepEqual(await peeked(client), ["1", "2", "3"]);
    await pushAll(client, "q", ["4"]);
    assert.deepEqual(await peeked(client), ["2", "3", "4"]);
    // In one batch, so that some are dropped that were not committed yet.
    await pushAll(client, "q", ["5", "6", "7", "8", "9", "10"]);
    assert.deepEqual(await peeked(client), ["8", "9", "10"]);
    const { ready, dead, bytes } = await infoOf(client, "q");
    assert.deepEqual([ready, dead], [3n, 0n]);
    assert(bytes > 0n && bytes < 300n);
    await pull(client, "q", 10);
    assert.deepEqual(texts(await jobs(client, 3)), ["8", "9", "10"]);
  }));

Deno.test("what somebody holds is not dropped, and then a full queue refuses", () =>
  withQueue({ max_jobs: 2, when_full: "drop-oldest" }, async (client) => {
    await pull(client, "q", 2);
    await pushAll(client, "q", ["1", "2"]);
    const held = await jobs(client, 2);
    await refused(client, {}, /max_jobs 2/);
    await ack(client, held[0]);
    await pull(client, "q", 0);
    await pushAll(client, "q", ["3"]);
    await pushAll(client, "q", ["4"]);
    assert.deepEqual(await peeked(client), ["2", "4"]);
    await ack(client, held[1]);
  }));

Deno.test("for bytes as many are dropped as it takes, and none for what can never fit", () =>
  withQueue({ max_bytes: 4096, when_full: "drop-oldest" }, async (client) => {
    for (let count = 0; count < 4; count++) {
      await push(client, { queue: "q", payload: payload(900) });
    }
    await refused(client, { payload: payload(5000) }, /a job of \d+ bytes/);
    assert.equal((await infoOf(client, "q")).ready, 4n);
    await push(client, { queue: "q", payload: payload(2500) });
    const { ready, bytes } = await infoOf(client, "q");
    assert.equal(ready, 2n);
    assert(bytes <= 4096n);
  }));

Deno.test("delayed jobs are dropped when nothing else is there", () =>
  withQueue({ max_jobs: 2, when_full: "drop-oldest" }, async (client) => {
    await pushAll(client, "q", ["late"], { delayMs: 600_000n });
    await pushAll(client, "q", ["soon"], { delayMs: 60_000n });
    await pushAll(client, "q", ["now"]);
    assert.deepEqual(await peeked(client), ["late", "now"]);
  }));

Deno.test("dead letters are never too many", () =>
  withQueue({ max_jobs: 5, max_bytes: 2048, max_deliveries: 1 }, async (client) => {
    await pull(client, "q", 5);
    for (let round = 0; round < 20; round++) {
      await pushAll(client, "q", ["1", "2", "3", "4", "5"], { payload: payload(200) });
      const held = await jobs(client, 5);
      contentOf(await settle(client, Verdict.NACK, held), "settled");
      // Until they are moved they are of this queue.
      while ((await infoOf(client, "q")).leased > 0n);
    }
    const { dead, ready, leased } = await infoOf(client, "q");
    assert.deepEqual([dead, ready, leased], [100n, 0n, 0n]);
  }));
