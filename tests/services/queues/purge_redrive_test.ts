/**
 * Purging and redriving: what nobody holds goes or comes back, wholly, also while others work on the queue.
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
  careCall,
  infoOf,
  jobs,
  METHODS,
  pull,
  push,
  pushAll,
  refusal,
  settle,
  texts,
  waiting,
} from "./queue_support.ts";

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);
}

async function purge(client: BusClient, queue: string): Promise<number> {
  return Number((await care(client, METHODS.purge, { queue })).dropped);
}

async function redrive(client: BusClient, queue: string, ids: bigint[] = []): Promise<number> {
  return Number((await care(client, METHODS.redrive, { queue, ids })).redriven);
}

/** Pushes jobs to "q" and has all of them rejected. */
async function rejectAll(client: BusClient, names: readonly string[], more = {}): Promise<void> {
  await pushAll(client, "q", names, more);
  await pull(client, "q", names.length);
  const held = await jobs(client, names.length);
  contentOf(await settle(client, Verdict.REJECT, held, { error: "no" }), "settled");
  contentOf(
    await client.ask({ message: { case: "pull", value: { consumer: 1n, close: true } } }),
    "ack",
  );
  await client.send();
  // Very many are moved to the dead letters by and by.
  for (let info = await infoOf(client, "q"); info.leased > 0n;) info = await infoOf(client, "q");
}

/** The jobs of a queue that can be peeked at, as texts. */
async function peeked(client: BusClient, queue: string): Promise<string[]> {
  const page = await care(client, METHODS.peek, { queue, limit: 1000 });
  return texts(page.jobs.map(({ job }) => job!));
}

Deno.test("a purge drops what waits for whatever, and leaves what is held", async () => {
  await using server = await startServer({ queue: [{ name: "q", ordered: true }] });
  await using client = await BusClient.connect(server, "tcp");
  await pull(client, "q", 2);
  await pushAll(client, "q", ["held", "blocked"], { key: "k" });
  await pushAll(client, "q", ["too", "ready", "more"]);
  await pushAll(client, "q", ["later"], { delayMs: 60_000n });
  const held = await jobs(client, 2);
  assert.deepEqual(texts(held), ["held", "too"]);
  assert.equal(await purge(client, "q"), 4);
  const { ready, delayed, blocked, leased } = await infoOf(client, "q");
  assert.deepEqual([ready, delayed, blocked, leased], [0n, 0n, 0n, 2n]);
  assert.equal(await purge(client, "q"), 0);
  await pushAll(client, "q", ["next"], { key: "k" });
  await ack(client, ...held);
  assert.deepEqual(texts(await jobs(client, 1)), ["next"]);
  const { bytes, dead } = await infoOf(client, "q");
  assert(bytes > 0n);
  assert.equal(dead, 0n);
});

Deno.test("a purge of dead letters leaves their queue alone", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await rejectAll(client, numbers(1, 5));
  await pushAll(client, "q", ["alive"]);
  assert.equal(await purge(client, "q.dead"), 5);
  assert.deepEqual(await peeked(client, "q"), ["alive"]);
  assert.deepEqual(await peeked(client, "q.dead"), []);
});

Deno.test("a purge of 20,000 jobs drops each once while consumers work and producers push", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await using worker = await BusClient.connect(server, "tcp");
  const total = 20_000;
  for (let from = 1; from <= total; from += 4000) {
    await pushAll(client, "q", numbers(from, from + 3999));
  }
  let done = 0;
  const working = (async () => {
    await pull(worker, "q", 50);
    for (;;) {
      await worker.whenAny(() => waiting(worker) > 0);
      if (worker.ended !== null) return;
      const held = await jobs(worker, waiting(worker));
      await ack(worker, ...held);
      done += held.length;
    }
  })();
  // Its failure is told at the end; before that another would be hidden by it.
  working.catch(() => {});
  await worker.when(() => done >= 500, "work");
  const [dropped] = await Promise.all([
    purge(client, "q"),
    pushAll(client, "q", numbers(total + 1, total + 500)),
  ]);
  // What came too late for the purge is done by the worker.
  let info = await infoOf(client, "q");
  const isUnderWay = () => info.ready + info.leased > 0n || done + dropped < total + 500;
  while (isUnderWay()) info = await infoOf(client, "q");
  worker.close();
  await working;
  assert.equal(dropped + Number(info.done), total + 500);
  assert(dropped > 10_000, `${dropped} were dropped`);
  assert.deepEqual([info.ready, info.leased, info.bytes], [0n, 0n, 0n]);
});

Deno.test("a redrive brings dead letters back as new jobs, under either name", async () => {
  for (const name of ["q", "q.dead"]) {
    await using server = await startServer({ queue: [{ name: "q", max_deliveries: 2 }] });
    await using client = await BusClient.connect(server, "tcp");
    const more = { key: "k", priority: 4, headers: { h: "1" }, type: "t.T", messageId: "m" };
    await rejectAll(client, ["x"], { ...more, delayMs: 1n });
    const [dead] = (await care(client, METHODS.peek, { queue: "q.dead" })).jobs;
    assert.equal(await redrive(client, name), 1);
    assert.equal((await infoOf(client, "q")).dead, 0n);
    await pull(client, "q", 5);
    const [job] = await jobs(client, 1);
    assert.deepEqual([job.attempt, job.redelivered, job.death], [1, false, undefined]);
    assert.equal(job.id, 2n);
    assert.deepEqual([job.queue, job.key, job.priority, job.type], ["q", "k", 4, "t.T"]);
    assert.deepEqual([job.headers, job.messageId, texts([job])], [{ h: "1" }, "m", ["x"]]);
    assert.deepEqual(
      [job.sender, job.timeUnixMicros],
      [dead.job!.sender, dead.job!.timeUnixMicros],
    );
    contentOf(await settle(client, Verdict.NACK, [job], { delayMs: 0n }), "settled");
    const [second] = await jobs(client, 1);
    assert.equal(second.attempt, 2, "it has all its attempts again");
    contentOf(await settle(client, Verdict.NACK, [second], { error: "again" }), "settled");
    const [again] = (await care(client, METHODS.peek, { queue: "q.dead" })).jobs;
    assert.equal(again.job!.id, 2n);
    const { lastError, id, attempts } = again.job!.death!;
    assert.deepEqual([lastError, id, attempts], ["again", 2n, 2], "of its last death only");
  }
});

Deno.test("a redrive of some brings these, and passes over ids that are not there", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await rejectAll(client, numbers(1, 200));
  assert.equal(await redrive(client, "q", [7n]), 1);
  assert.equal(await redrive(client, "q", [7n, 0n, 201n, 2n ** 63n]), 0);
  assert.equal(await redrive(client, "q.dead", [3n, 150n, 3n, 999n]), 2);
  assert.deepEqual(await peeked(client, "q"), ["7", "3", "150"]);
  assert.equal((await infoOf(client, "q")).dead, 197n);
  await pull(client, "q.dead", 2, 2n);
  const held = await jobs(client, 2);
  assert.deepEqual(texts(held), ["1", "2"]);
  assert.equal(await redrive(client, "q", [1n, 2n, 4n]), 1, "not what somebody holds");
  assert.equal(await redrive(client, "q"), 194);
  assert.equal((await infoOf(client, "q")).ready, 198n);
  contentOf(await settle(client, Verdict.ACK, held, { consumer: 2n }), "settled");
  assert.equal((await infoOf(client, "q")).dead, 0n);
});

Deno.test("a redrive into a queue that is full brings back what fits, and loses nothing", async () => {
  await using server = await startServer({ queue: [{ name: "q", max_jobs: 10 }] });
  await using client = await BusClient.connect(server, "tcp");
  for (const from of [1, 11]) await rejectAll(client, numbers(from, from + 9));
  await pushAll(client, "q", ["a", "b", "c", "d"]);
  const error = await refusal(client, careCall(METHODS.redrive, { queue: "q" }));
  assertRefused(error, ErrorCode.RESOURCE_EXHAUSTED, /the queue is full.*max_jobs 10/);
  const back = ["a", "b", "c", "d", ...numbers(1, 6)];
  assert.deepEqual(await peeked(client, "q"), back);
  assert.deepEqual(await peeked(client, "q.dead"), numbers(7, 20));
  await purge(client, "q");
  assert.equal(await redrive(client, "q", [7n, 8n]), 2);
  assert.deepEqual(await peeked(client, "q"), ["7", "8"]);
});

Deno.test("a redrive never drops what it just brought back", async () => {
  const queue = [{ name: "q", max_jobs: 10, when_full: "drop-oldest" as const }];
  await using server = await startServer({ queue });
  await using client = await BusClient.connect(server, "tcp");
  for (const from of [1, 11]) await rejectAll(client, numbers(from, from + 9));
  const error = await refusal(client, careCall(METHODS.redrive, { queue: "q" }));
  assertRefused(error, ErrorCode.RESOURCE_EXHAUSTED, /the queue is full.*max_jobs 10/);
  assert.deepEqual(await peeked(client, "q"), numbers(1, 10));
  assert.deepEqual(await peeked(client, "q.dead"), numbers(11, 20));
});

Deno.test("a redrive of many dead letters goes on in steps, while others work", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await using other = await BusClient.connect(server, "tcp");
  for (let from = 1; from <= 10_000; from += 1000) {
    await rejectAll(client, numbers(from, from + 999));
  }
  const [redriven] = await Promise.all([
    redrive(client, "q"),
    pushAll(other, "elsewhere", numbers(1, 100)),
  ]);
  assert.equal(redriven, 10_000);
  const { ready, dead } = await infoOf(client, "q");
  assert.deepEqual([ready, dead], [10_000n, 0n]);
  await pull(client, "q", 10_000);
  assert.deepEqual(texts(await jobs(client, 10_000)), numbers(1, 10_000), "in their order");
});

Deno.test("two redrives at once bring each back once", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await using other = await BusClient.connect(server, "tcp");
  await rejectAll(client, numbers(1, 3000));
  const counts = await Promise.all([redrive(client, "q"), redrive(other, "q.dead")]);
  assert.equal(counts[0] + counts[1], 3000);
  assert.equal((await infoOf(client, "q")).ready, 3000n);
  await push(client, { queue: "q" });
});
