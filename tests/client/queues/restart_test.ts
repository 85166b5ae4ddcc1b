/**
 * Queues through lost connections and restarts of a real server: nothing that was acknowledged is lost, and
 * what was held comes again.
 */
import assert from "node:assert/strict";
import { AckLevel } from "../../../lib/client/mod.ts";
import { settles, until } from "../../support/until.ts";
import { numbers } from "../bus_support.ts";
import { HistoryFixture } from "../topics/history_support.ts";
import { aborted, jobsOf, nextJob } from "./queue_support.ts";
import { rejection } from "../rejections.ts";

Deno.test("a lost connection gives its jobs back, and the puller goes on by itself", async () => {
  await using bus = await HistoryFixture.start();
  const [producer, consumer] = [await bus.client(), await bus.behindDoor()];
  await producer.queue("work").push("one");
  const jobs = jobsOf(consumer.queue("work").pull());
  const job = await nextJob(jobs);
  bus.shut();
  await aborted(job.signal);
  await rejection(job.ack(), "FAILED_PRECONDITION");
  const next = nextJob(jobs);
  bus.open();
  const again = await settles(next, "the job again");
  assert.deepEqual([again.id, again.attempt, again.redelivered], [1n, 2, true]);
  await again.ack();
  await producer.queue("work").push("two");
  assert.equal((await nextJob(jobs)).text(), "two");
  await jobs.return!();
});

Deno.test("a queue with a data directory outlives its server, and workers outlive it too", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    await using bus = await HistoryFixture.start({ data });
    const [producer, consumer] = [await bus.behindDoor(), await bus.behindDoor()];
    const queue = producer.queue("work");
    const acks = await Promise.all(numbers(50).map((text) => queue.push(text)));
    assert(acks.every(({ level }) => level === AckLevel.FSYNCED));
    const seen: string[] = [];
    const entered = Promise.withResolvers<void>();
    const worker = consumer.queue("work").work(async (job, signal) => {
      if (job.text() === "10" && job.attempt === 1) {
        entered.resolve();
        await aborted(signal);
      }
      seen.push(job.text());
    }, { onError: () => {} });
    await settles(entered.promise, "the tenth job");
    await bus.restart();
    await until(() => worker.stats.acked === 50, "all jobs");
    assert.equal(worker.stats.failed, 1);
    // The one that was under way was done twice, as its ack could not be told.
    assert.deepEqual(new Set(seen), new Set(numbers(50)));
    assert.equal((await queue.info()).ready, 0);
    await worker.stop();
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("a server that stops takes the ack of what is under way", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    await using bus = await HistoryFixture.start({ data });
    const client = await bus.behindDoor();
    for (const text of numbers(3)) await client.queue("work").push(text);
    const jobs = jobsOf(client.queue("work").pull());
    const job = await nextJob(jobs);
    const stopped = bus.server.server.stop();
    await until(() => client.status === "reconnecting", "the farewell");
    assert.equal(job.lost, false);
    await job.ack();
    await settles(stopped, "the stop");
    const next = nextJob(jobs);
    await bus.restart();
    assert.equal((await next).text(), "1");
    const { ready, leased } = await client.queue("work").info();
    assert.equal(ready + leased, 2);
    await jobs.return!();
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("pushes wait for a connection as publishes do, and end with their signal", async () => {
  await using bus = await HistoryFixture.start();
  const client = await bus.behindDoor();
  bus.shut();
  await until(() => client.status === "reconnecting", "the loss");
  const controller = new AbortController();
  const given = client.queue("work").push("given up", { signal: controller.signal });
  const waiting = client.queue("work").push("waits");
  controller.abort(new Error("enough"));
  await assert.rejects(given, /enough/);
  bus.open();
  assert.equal((await settles(waiting, "the push")).id, 1n);
});
