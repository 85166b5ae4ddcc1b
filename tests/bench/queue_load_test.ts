/**
 * The load of a queue must not be fooled: jobs that come twice or unasked, or a consumer that is ended,
 * must fail it. And it must leave a backlog as large as it found it, and nothing else behind.
 */
import assert from "node:assert/strict";
import { queueDialect } from "../../bench/load/queue_dialect.ts";
import { QueueFlow } from "../../bench/load/queue_flow.ts";
import { runQueueDelay, runQueueFill, runQueueFlow } from "../../bench/load/queue_load.ts";
import { settles, until } from "../support/until.ts";
import { FakeQueue, type Fate } from "./fake_queue.ts";

const PREFETCH = 8;

function place(queue: FakeQueue) {
  const target = { dialect: "parley", port: queue.port, pid: Deno.pid } as const;
  return { target, queue: "bench", payloadBytes: 16 };
}

function flowOn(queue: FakeQueue, keepsBacklog = false) {
  return runQueueFlow({
    kind: "queue-flow",
    ...place(queue),
    ...{ producers: 2, window: 16, consumers: 2, prefetch: PREFETCH, keepsBacklog, seconds: 0.05 },
  });
}

function linuxTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: Deno.build.os !== "linux", fn });
}

linuxTest("the load of a queue counts what is done, and leaves nothing", async () => {
  await using queue = new FakeQueue(() => "keep");
  const result = await settles(flowOn(queue), "the load ends");
  assert(result.jobs > 0 && result.seconds > 0);
  assert(queue.pushed > result.jobs, "it warms up first");
  assert.equal(queue.settled, queue.pushed);
  assert.equal(queue.waiting, 0);
  assert(queue.mostHeld <= PREFETCH);
});

linuxTest("a queue is filled with so many jobs, and they stay", async () => {
  await using queue = new FakeQueue(() => "keep");
  const filled = runQueueFill({ kind: "queue-fill", ...place(queue), jobs: 1234 });
  assert.deepEqual(await settles(filled, "it is filled"), { jobs: 1234 });
  assert.equal(queue.waiting, 1234);
  const result = await settles(flowOn(queue, true), "the load ends");
  assert(result.jobs > 0);
  await until(() => queue.waiting + queue.settled === queue.pushed, "all jobs are given back");
  // A consumer settles what it holds at once, for which one confirmed job may have been enough.
  assert(queue.waiting <= 1234 && queue.waiting > 1234 - 2 * PREFETCH, `${queue.waiting} wait`);
});

linuxTest("one job at a time is never more", async () => {
  await using queue = new FakeQueue(() => "keep");
  const load = runQueueDelay({ kind: "queue-delay", ...place(queue), seconds: 0.05 });
  const result = await settles(load, "the load ends");
  assert(result.jobs > 0 && result.p50Ms > 0 && result.p99Ms >= result.p50Ms);
  assert.equal(queue.settled, queue.pushed);
  assert.equal(queue.mostHeld, 1);
});

linuxTest("the load of a queue fails on more than was asked for, and on an end", async () => {
  const at50 = (fate: "flood" | "end"): Fate => (count) => count === 50 ? fate : "keep";
  const faults: [RegExp, Fate][] = [
    [/a consumer holds \d+ jobs, and asked for 8/, at50("flood")],
    [/the server ended a connection|reset|[Bb]roken/, at50("end")],
  ];
  for (const [expected, fate] of faults) {
    await using queue = new FakeQueue(fate);
    await assert.rejects(settles(flowOn(queue), "the load fails"), expected);
  }
});

Deno.test("a phase is over when its time is, and all that was pushed is done", async () => {
  const flow = new QueueFlow({ ahead: 10, pullsNothing: false, keepsBacklog: false });
  let jobs = 0;
  void flow.begin(100).then((count) => jobs = count);
  const step = async (nowMs: number) => {
    flow.look(nowMs);
    await Promise.resolve();
    await Promise.resolve();
  };
  assert.equal(flow.pushable(0, 8, 0), 8);
  flow.count("pushed", 8);
  assert.equal(flow.pushable(8, 8, 0), 0);
  assert.equal(flow.pushable(0, 8, 0), 2, "no further ahead than it may be");
  flow.count("confirmed", 8);
  flow.count("settled", 8);
  await step(100);
  assert.equal(jobs, 0);
  flow.count("done", 8);
  await step(99);
  assert.equal(jobs, 0);
  assert.equal(flow.pushable(0, 8, 100), 0);
  await step(100);
  assert.equal(jobs, 8);
  assert.throws(() => flow.count("settled", 1), /8 pushed, 8 confirmed, 9 settled, 8 done/);
});

Deno.test("a phase of so many jobs has no more, and who keeps a backlog waits for confirms", async () => {
  const flow = new QueueFlow({ ahead: 10, pullsNothing: false, keepsBacklog: true });
  const over = flow.begin(Infinity, 3);
  assert.equal(flow.pushable(0, 8, 0), 3);
  flow.count("pushed", 3);
  assert.equal(flow.pushable(0, 8, 0), 0);
  assert.equal(flow.settleable, false);
  flow.count("confirmed", 1);
  assert.equal(flow.settleable, true);
  flow.count("settled", 4);
  assert.equal(flow.settleable, false);
  flow.count("done", 4);
  flow.count("confirmed", 2);
  flow.look(0);
  assert.equal(await settles(over, "it is over"), 3);
  assert.throws(() => flow.count("confirmed", 1), /3 pushed, 4 confirmed, 4 settled, 4 done/);
  assert.throws(() => flow.count("done", 1), /the counts cannot be/);
});

Deno.test("servers without queues are not measured", () => {
  assert.throws(() => queueDialect("redis"), /redis: parley, nats or amqp is accepted/);
});
