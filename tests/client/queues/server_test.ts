/**
 * Queues of a real server, through the client: push to ack, what fails, and looking after queues.
 */
import assert from "node:assert/strict";
import { AckLevel, type Client, connect, ErrorCode, Reject } from "../../../lib/client/mod.ts";
import { startServer } from "../../support/server.ts";
import { settles, until } from "../../support/until.ts";
import { BusFixture, numbers } from "../bus_support.ts";
import { HistoryFixture } from "../topics/history_support.ts";
import { aborted, deadOf, jobsOf, nextJob, takeJobs } from "./queue_support.ts";
import { rejection } from "../rejections.ts";

/** The texts of so many jobs, each acked. */
async function ackAll(client: Client, name: string, count: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const job of client.queue(name).pull({ prefetch: count })) {
    texts.push(job.text());
    await job.ack();
    if (texts.length === count) break;
  }
  return texts;
}

Deno.test("what is pushed is pulled by one, acked and gone", async () => {
  await using bus = await BusFixture.start();
  const [producer, consumer] = [await bus.client(), await bus.client()];
  const queue = producer.queue("work");
  const headers = { trace: "1" };
  const ack = await queue.push("one", { type: "acme.Work", headers, key: "k", messageId: "m" });
  assert.deepEqual(ack, { id: 1n, level: AckLevel.ROUTED, duplicate: false });
  assert.deepEqual(await queue.push("again", { messageId: "m" }), { ...ack, duplicate: true });
  assert.equal((await queue.push(new Uint8Array([0, 255]))).id, 2n);
  const jobs = jobsOf(consumer.queue("work").pull());
  const [one, two] = await takeJobs(jobs, 2);
  assert.deepEqual([one.text(), one.type, one.headers, one.key], [
    "one",
    "acme.Work",
    headers,
    "k",
  ]);
  assert.deepEqual([one.attempt, one.redelivered, one.messageId], [1, false, "m"]);
  assert.equal(one.sender, producer.welcome.sessionId);
  assert.deepEqual(two.payload, new Uint8Array([0, 255]));
  const info = await queue.info();
  assert.deepEqual([info.ready, info.leased, info.consumers, info.pushed], [0, 2, 1, 2]);
  await Promise.all([one.ack(), two.ack()]);
  const { leased, done, oldest } = await queue.info();
  assert.deepEqual([leased, done, oldest], [0, 2, null]);
  await jobs.return!();
  assert.equal((await queue.info()).consumers, 0);
});

Deno.test("higher priorities are handed out first, and delayed jobs when their time has come", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  const queue = client.queue("work");
  await queue.push("past", { runAt: new Date(0) });
  await queue.push("usual");
  await queue.push("urgent", { priority: 9 });
  assert.deepEqual(await ackAll(client, "work", 3), ["urgent", "past", "usual"]);
  await queue.push("later", { runAt: new Date(Date.now() + 300) });
  await queue.push("sooner", { delayMs: 20 });
  assert.deepEqual(await ackAll(client, "work", 2), ["sooner", "later"]);
});

Deno.test("a job that is nacked comes again after its delay; one that is released at once", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  const queue = client.queue("work");
  await queue.push("one");
  const jobs = jobsOf(queue.pull());
  const first = await nextJob(jobs);
  await first.nack({ delayMs: 30, error: "busy" });
  const second = await nextJob(jobs);
  assert.deepEqual([second.id, second.attempt, second.redelivered], [1n, 2, true]);
  await second.release();
  const third = await nextJob(jobs);
  assert.deepEqual([third.id, third.attempt], [1n, 2]);
  await third.ack();
  await jobs.return!();
});

Deno.test("a job that is rejected is a dead letter, and can be put back", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  const queue = client.queue("work");
  for (const text of ["one", "two", "three"]) await queue.push(text);
  const jobs = jobsOf(queue.pull());
  for (const job of await takeJobs(jobs, 3)) await job.reject({ error: `not ${job.text()}` });
  assert.equal((await queue.info()).dead, 3);
  const [one, two] = await deadOf(client, "work", 3);
  assert.deepEqual([one.state, one.text()], ["ready", "one"]);
  const { reason, attempts, lastError, queue: from, id } = one.death!;
  assert.deepEqual([reason, attempts, lastError, from, id], ["rejected", 1, "not one", "work", 1n]);
  await rejection(client.queue("work.dead").push("x"), "INVALID_ARGUMENT");
  assert.equal(await queue.redrive([]), 0);
  assert.equal(await queue.redrive([two.id]), 1);
  const again = await nextJob(jobs);
  assert.deepEqual([again.text(), again.attempt], ["two", 1]);
  await again.ack();
  assert.deepEqual(await ackAll(client, "work.dead", 1), ["one"]);
  assert.equal(await client.queue("work.dead").redrive(), 1);
  assert.equal((await nextJob(jobs)).text(), "three");
  await jobs.return!();
});

Deno.test("a lease that ends gives the job to another, and the late ack is refused", async () => {
  await using bus = await HistoryFixture.start({
    queue: [{ name: "work", lease_ms: 250, backoff_min_ms: 10, backoff_max_ms: 10 }],
  });
  const [slow, quick] = [await bus.client(), await bus.client()];
  await slow.queue("work").push("one");
  const jobs = jobsOf(slow.queue("work").pull({ autoExtend: false, prefetch: 1 }));
  const job = await nextJob(jobs);
  const others = jobsOf(quick.queue("work").pull());
  const again = await nextJob(others);
  assert.deepEqual([again.id, again.attempt, again.redelivered], [1n, 2, true]);
  await aborted(job.signal);
  await rejection(job.ack(), "FAILED_PRECONDITION");
  await again.ack();
  await Promise.all([jobs.return!(), others.return!()]);
});

Deno.test("a job is held far beyond its lease, and by one alone", async () => {
  await using bus = await HistoryFixture.start({ queue: [{ name: "work", lease_ms: 400 }] });
  const [holder, other] = [await bus.client(), await bus.client()];
  for (const text of numbers(3)) await holder.queue("work").push(text);
  const jobs = jobsOf(holder.queue("work").pull());
  const job = await nextJob(jobs);
  const idle = jobsOf(other.queue("work").pull());
  const never = idle.next();
  const end = job.leaseEndsAt.getTime();
  await until(() => job.leaseEndsAt.getTime() > end + 800, "two leases more");
  // Those that wait here are held as well.
  const waiting = await takeJobs(jobs, 2);
  await Promise.all([job, ...waiting].map((each) => each.ack()));
  assert.equal((await holder.queue("work").info()).redelivered, 0);
  await idle.return!();
  assert.equal((await never).done, true);
  await jobs.return!();
});

Deno.test("breaking out of the loop gives back what is not settled", async () => {
  await using bus = await BusFixture.start();
  const [first, second] = [await bus.client(), await bus.client()];
  for (const text of numbers(5)) await first.queue("work").push(text);
  for await (const job of first.queue("work").pull()) {
    if (job.text() === "1") break;
    await job.ack();
  }
  assert.deepEqual((await ackAll(second, "work", 4)).sort(), ["1", "2", "3", "4"]);
});

Deno.test("two pullers of one client share a queue, each job goes to one", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  const queue = client.queue("work");
  const seen: string[] = [];
  const enough = new AbortController();
  const loops = [1, 2].map(async () => {
    for await (const job of queue.pull({ prefetch: 4, signal: enough.signal })) {
      seen.push(job.text());
      await job.ack();
      if (seen.length === 100) enough.abort();
    }
  });
  await Promise.all(numbers(100).map((text) => queue.push(text)));
  await settles(Promise.all(loops), "both loops");
  assert.deepEqual(seen.map(Number).sort((a, b) => a - b), numbers(100).map(Number));
});

Deno.test("workers of several clients do each job once; what fails is tried again, or dead", async () => {
  await using bus = await HistoryFixture.start({
    queue: [{ name: "work", max_deliveries: 3, backoff_min_ms: 1, backoff_max_ms: 1 }],
  });
  const producer = await bus.client();
  const done = new Map<string, number>();
  const handler = async (job: { text(): string; attempt: number }) => {
    const text = job.text();
    await producer.ping();
    if (text === "never") throw new Reject("never");
    if (text === "hopeless") throw new Error("hopeless");
    if (text === "third" && job.attempt < 3) throw new Error("not yet");
    done.set(text, (done.get(text) ?? 0) + 1);
  };
  const workers = await Promise.all([1, 2].map(async () => {
    const client = await bus.client({ onError: () => {} });
    return client.queue("work").work(handler, { concurrency: 8 });
  }));
  const texts = [...numbers(300), "never", "hopeless", "third"];
  await Promise.all(texts.map((text) => producer.queue("work").push(text)));
  await until(() => done.size === 301, "all that can be done");
  const dead = await deadOf(producer, "work", 2);
  await Promise.all(workers.map((worker) => worker.stop()));
  assert.deepEqual([...done.values()].filter((times) => times !== 1), []);
  assert.deepEqual(
    dead.map((job) => [job.text(), job.death!.reason, job.death!.attempts]).sort(),
    [["hopeless", "max_deliveries", 3], ["never", "rejected", 1]],
  );
  const sum = (name: "acked" | "nacked" | "rejected" | "failed") =>
    workers.reduce((total, { stats }) => total + stats[name], 0);
  assert.deepEqual([sum("acked"), sum("nacked"), sum("rejected"), sum("failed")], [301, 5, 1, 0]);
  const { ready, delayed, leased, consumers } = await producer.queue("work").info();
  assert.deepEqual([ready, delayed, leased, consumers], [0, 0, 0, 0]);
});

Deno.test("a worker that stops gives back what it has not begun", async () => {
  await using bus = await BusFixture.start();
  const [stopping, other] = [await bus.client(), await bus.client()];
  for (const text of numbers(10)) await stopping.queue("work").push(text);
  const begun = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const worker = stopping.queue("work").work(async () => {
    begun.resolve();
    await finish.promise;
  }, { prefetch: 10 });
  await begun.promise;
  const stopped = worker.stop();
  assert.deepEqual(await ackAll(other, "work", 9), numbers(10).slice(1));
  finish.resolve();
  await settles(stopped, "the stop");
  assert.equal(worker.stats.acked, 1);
  assert.equal((await other.queue("work").info()).done, 10);
});

Deno.test("queues are listed, looked into, emptied and paused", async () => {
  await using bus = await BusFixture.start();
  const client = await bus.client();
  for (const name of ["b", "a.x", "a.y"]) await client.queue(name).push(name);
  const names = async (pattern?: string) => {
    const found: string[] = [];
    for await (const { name } of client.queues(pattern)) found.push(name);
    return found;
  };
  assert.deepEqual(await names(), ["a.x", "a.y", "b"]);
  assert.deepEqual(await names("a.*"), ["a.x", "a.y"]);
  const queue = client.queue("b");
  await queue.push("second", { delayMs: 3_600_000 });
  const page = await queue.peek({ limit: 1 });
  assert.deepEqual([page.jobs.map((job) => job.text()), page.more], [["b"], true]);
  const rest = await queue.peek({ after: page.jobs[0].id });
  assert.deepEqual(rest.jobs.map(({ state }) => state), ["delayed"]);
  assert.ok(rest.jobs[0].until!.getTime() > Date.now());
  assert.equal((await queue.pause()).paused, true);
  const jobs = jobsOf(queue.pull());
  const next = nextJob(jobs);
  assert.equal((await queue.info()).leased, 0);
  assert.equal((await queue.resume()).paused, false);
  assert.equal((await next).text(), "b");
  assert.equal(await queue.purge(), 1);
  await jobs.return!();
  const { settings } = await queue.info();
  assert.equal(settings.leaseMs, 30_000);
  assert.equal(settings.whenFull, "refuse");
  await rejection(client.queue("no such").info(), "INVALID_ARGUMENT");
});

Deno.test("a queue that is full refuses, and a client may try again", async () => {
  await using bus = await HistoryFixture.start({ queue: [{ name: "work", max_jobs: 2 }] });
  const client = await bus.client();
  const pushes = await Promise.allSettled(
    numbers(3).map((text) => client.queue("work").push(text)),
  );
  const codes = pushes.map((push) => push.status === "rejected" ? push.reason.code : 0);
  assert.deepEqual(codes, [0, 0, ErrorCode.RESOURCE_EXHAUSTED]);
  await ackAll(client, "work", 1);
  await client.queue("work").push("again");
});

Deno.test("queues work over a unix socket and a WebSocket", async () => {
  await using server = await startServer();
  for (const url of [`unix://${server.path}`, `ws://127.0.0.1:${server.port("ws")}`]) {
    await using client = await connect(url);
    await client.queue("work").push(url);
    assert.deepEqual(await ackAll(client, "work", 1), [url]);
  }
});
