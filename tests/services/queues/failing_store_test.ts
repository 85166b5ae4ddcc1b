/**
 * Queues over a store that fails or keeps everyone waiting: nothing is delivered or answered before its commit,
 * what fails is answered and taken back, nothing is lost, and afterwards all goes on.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { bytesOf } from "../../support/bus_messages.ts";
import { contentOf } from "../../support/frames.ts";
import { until } from "../../support/until.ts";
import { QueueBus, type QueuePeer } from "./queue_bus.ts";
import { assertRefused, careCall, METHODS, texts } from "./queue_support.ts";

const { ACK, NACK, REJECT, RELEASE } = Verdict;
const FULL = new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, "cannot keep it: the disk is full", {
  retryable: true,
});
const BROKEN = new ParleyError(ErrorCode.INTERNAL, "cannot keep it: the disk is broken");
/** After a failure nothing is handed out for so long. */
const REST_MS = 500;

/** Has everything fail that is under way or gathers once `cause` has run. */
async function failWhile(bus: QueueBus, error: ParleyError, cause: () => void): Promise<void> {
  bus.backend.hold();
  bus.backend.failure = error;
  cause();
  await until(() => bus.backend.held > 0, "a commit");
  await bus.settle();
  bus.backend.release();
  await bus.rest();
  bus.backend.failure = null;
}

async function refusedAs(peer: QueuePeer, id: bigint, error: ParleyError): Promise<void> {
  const answer = contentOf(await peer.answerTo(id), "error");
  assertRefused(answer, error.code, new RegExp(error.message));
}

/** The figures of a queue. */
function figures(bus: QueueBus, name: string) {
  const { ready, delayed, leased, blocked, jobs } = bus.queue(name).machine;
  return { ready, delayed, leased, blocked, jobs };
}

Deno.test("nothing is answered or handed out before its commit", async () => {
  await using bus = new QueueBus();
  const [producer, consumer] = [bus.join(), bus.join()];
  await consumer.pull("q", 10);
  bus.backend.hold();
  const pushed = producer.pushing("q", "a");
  await bus.rest();
  assert(!producer.answered(pushed));
  assert.deepEqual(consumer.waiting, []);
  bus.backend.release();
  await producer.answerTo(pushed);
  const [job] = await consumer.jobs(1);
  for (const [verdict, more] of [[NACK, { delayMs: 0n }], [RELEASE, {}]] as const) {
    bus.backend.hold();
    const settled = consumer.settling(verdict, [job], more);
    await bus.rest();
    assert(!consumer.answered(settled));
    assert.deepEqual(consumer.waiting, [], "it is nobody's until it is back for sure");
    bus.backend.release();
    contentOf(await consumer.answerTo(settled), "settled");
    Object.assign(job, (await consumer.jobs(1))[0]);
  }
  bus.backend.hold();
  const settled = consumer.settling(ACK, [job]);
  await bus.rest();
  assert(!consumer.answered(settled));
  bus.backend.release();
  contentOf(await consumer.answerTo(settled), "settled");
});

Deno.test("a lease that is not committed yet keeps the job from its consumer", async () => {
  await using bus = new QueueBus();
  const [producer, consumer] = [bus.join(), bus.join()];
  await producer.push("q", "a");
  bus.backend.hold();
  await consumer.pull("q", 10);
  await bus.rest();
  assert.equal(figures(bus, "q").leased, 1);
  assert.deepEqual(consumer.waiting, []);
  bus.backend.release();
  const [job] = await consumer.jobs(1);
  assert.deepEqual([job.attempt, job.redelivered], [1, false]);
});

for (const error of [FULL, BROKEN]) {
  const kind = ErrorCode[error.code];

  Deno.test(`pushes that fail (${kind}) are told so and leave nothing, the next ones count on`, async () => {
    await using bus = new QueueBus();
    const [producer, consumer] = [bus.join(), bus.join()];
    await consumer.pull("q", 100);
    await producer.push("q", "before", { messageId: "m0" });
    let ids: bigint[] = [];
    await failWhile(bus, error, () => {
      ids = [
        producer.pushing("q", "x", { messageId: "m1" }),
        producer.pushing("q", "y", { delayMs: 5n, priority: 3 }),
        producer.pushing("new", "z"),
        producer.pushing("q", "again", { messageId: "m0" }),
      ];
    });
    for (const id of ids) await refusedAs(producer, id, error);
    assert.deepEqual(figures(bus, "new"), { ready: 0, delayed: 0, leased: 0, blocked: 0, jobs: 0 });
    await bus.wait(REST_MS);
    const acked = await producer.push("q", "after", { messageId: "m1" });
    assert.deepEqual([acked.seq, acked.duplicate], [2n, false], "no gap, and no duplicate");
    const got = await consumer.jobs(2);
    assert.deepEqual(texts(got), ["before", "after"]);
    assert(got.every(({ attempt, redelivered }) => attempt === 1 && !redelivered));
    await consumer.ack(...got);
    assert.equal(figures(bus, "q").jobs, 0);
  });

  Deno.test(`leases that fail (${kind}) are taken back, unseen and uncounted`, async () => {
    await using bus = new QueueBus();
    const [producer, consumer] = [bus.join(), bus.join()];
    for (const text of ["1", "2", "3"]) await producer.push("q", text);
    await failWhile(bus, error, () => void consumer.peer.send(pullMessage("q", 2)));
    assert.deepEqual(consumer.waiting, []);
    assert.deepEqual(figures(bus, "q"), { ready: 3, delayed: 0, leased: 0, blocked: 0, jobs: 3 });
    await bus.wait(REST_MS);
    const got = await consumer.jobs(2);
    assert.deepEqual(texts(got), ["1", "2"]);
    assert(got.every(({ attempt, redelivered }) => attempt === 1 && !redelivered));
    await consumer.ack(...got);
    assert.deepEqual(texts(await consumer.jobs(1)), ["3"]);
  });

  for (const verdict of [ACK, NACK, REJECT, RELEASE]) {
    Deno.test(`a ${Verdict[verdict]} that fails (${kind}) leaves the lease as it was`, async () => {
      await using bus = new QueueBus();
      const [producer, consumer] = [bus.join(), bus.join()];
      for (const text of ["1", "2", "3"]) await producer.push("q", text, { key: text });
      await consumer.pull("q", 2);
      const held = await consumer.jobs(2);
      let id = 0n;
      await failWhile(bus, error, () => void (id = consumer.settling(verdict, held)));
      await refusedAs(consumer, id, error);
      assert.deepEqual(figures(bus, "q"), { ready: 1, delayed: 0, leased: 2, blocked: 0, jobs: 3 });
      assert.deepEqual(consumer.waiting, [], "they are held as before");
      await bus.wait(REST_MS);
      await consumer.ack(...held);
      assert.deepEqual(texts(await consumer.jobs(1)), ["3"]);
      assert.equal(bus.queues.find("q.dead")?.machine.jobs ?? 0, 0);
    });
  }
}

function pullMessage(queue: string, prefetch: number) {
  return { message: { case: "pull" as const, value: { consumer: 1n, queue, prefetch } } };
}

Deno.test("a push and its lease that fail together, and a settlement behind them", async () => {
  await using bus = new QueueBus();
  const [producer, consumer] = [bus.join(), bus.join()];
  await producer.push("q", "old");
  await consumer.pull("q", 10);
  const [old] = await consumer.jobs(1);
  let ids: bigint[] = [];
  let settled = 0n;
  await failWhile(bus, FULL, () => {
    ids = [producer.pushing("q", "a"), producer.pushing("q", "b")];
    settled = consumer.settling(ACK, [old]);
  });
  for (const id of ids) await refusedAs(producer, id, FULL);
  await refusedAs(consumer, settled, FULL);
  assert.deepEqual(figures(bus, "q"), { ready: 0, delayed: 0, leased: 1, blocked: 0, jobs: 1 });
  // What makes room is taken at once; pushes wait until it could.
  const early = contentOf(await producer.answerTo(producer.pushing("q", "early")), "error");
  assertRefused(early, ErrorCode.RESOURCE_EXHAUSTED, /the store has no room .*another try/);
  assert.equal(early.retryable, true);
  await consumer.ack(old);
  await bus.wait(REST_MS);
  assert.equal((await producer.push("q", "c")).seq, 2n);
  assert.deepEqual(texts(await consumer.jobs(1)), ["c"]);
});

Deno.test("after a failure every queue is handed out again, also those that nobody touches", async () => {
  await using bus = new QueueBus();
  const [producer, one, two] = [bus.join(), bus.join(), bus.join()];
  await producer.push("a", "1");
  await producer.push("b", "2");
  await failWhile(bus, BROKEN, () => {
    one.peer.send(pullMessage("a", 1));
    two.peer.send(pullMessage("b", 1));
  });
  assert.deepEqual([one.waiting, two.waiting], [[], []]);
  // The rest is over, and somebody comes before the timer does.
  bus.clock.advance(REST_MS);
  await producer.push("c", "3");
  await bus.wait(1);
  assert.deepEqual(texts(await one.jobs(1)), ["1"]);
  assert.deepEqual(texts(await two.jobs(1)), ["2"]);
});

Deno.test("a move to the dead letters that fails is tried again, and the job is in one place only", async () => {
  await using bus = new QueueBus([{ name: "q", maxDeliveries: 1 }]);
  const [producer, consumer, reader] = [bus.join(), bus.join(), bus.join()];
  await producer.push("q", "last");
  await producer.push("q", "no");
  await consumer.pull("q", 2);
  await reader.pull("q.dead", 10);
  const [last, no] = await consumer.jobs(2);
  let ids: bigint[] = [];
  await failWhile(bus, BROKEN, () => {
    ids = [
      consumer.settling(NACK, [last], { error: "tried" }),
      consumer.settling(REJECT, [no], { error: "never" }),
    ];
  });
  for (const id of ids) await refusedAs(consumer, id, BROKEN);
  assert.equal(figures(bus, "q").leased, 2);
  assert.equal(figures(bus, "q.dead").jobs, 0);
  await bus.wait(REST_MS);
  assert.deepEqual(reader.waiting, []);
  await consumer.settle(REJECT, [no], { error: "still never" });
  const [dead] = await reader.jobs(1);
  assert.deepEqual([texts([dead]), dead.death!.lastError], [["no"], "still never"]);
  await reader.ack(dead);
  // This one ends because its lease does.
  await bus.wait(30_000);
  const [second] = await reader.jobs(1);
  assert.equal(texts([second])[0], "last");
  assert.equal(second.death!.attempts, 1);
  assert.match(second.death!.lastError, /its lease ended/);
  assert.equal(figures(bus, "q").jobs, 0);
});

Deno.test("a move to the dead letters whose first batch is kept and whose second fails is made up for", async () => {
  await using bus = new QueueBus();
  const [producer, consumer, reader] = [bus.join(), bus.join(), bus.join()];
  await producer.push("q", "no");
  await consumer.pull("q", 1);
  const [job] = await consumer.jobs(1);
  bus.backend.hold();
  const id = consumer.settling(REJECT, [job], { error: "never" });
  await until(() => bus.backend.held > 0, "a commit");
  await bus.settle();
  // Its move gathers behind the verdict, or is under way with it; either may be what fails.
  bus.backend.release();
  bus.backend.failure = BROKEN;
  await bus.rest();
  bus.backend.failure = null;
  await consumer.answerTo(id);
  for (let round = 0; round < 3; round++) await bus.wait(30_000);
  await reader.pull("q.dead", 10);
  const [dead] = await reader.jobs(1);
  assert.deepEqual(texts([dead]), ["no"]);
  assert.equal(figures(bus, "q").jobs, 0);
});

Deno.test("a move to the dead letters for which there is no room is tried again later", async () => {
  await using bus = new QueueBus([], {}, {
    maxStorePendingBytes: 64_000,
    maxStoreBatchBytes: 63_999,
  });
  const [producer, consumer] = [bus.join(), bus.join()];
  const payload = new Uint8Array(10_000);
  await producer.push("q", "no", { payload });
  await consumer.pull("q", 1);
  const [job] = await consumer.jobs(1);
  bus.backend.hold();
  producer.pushing("other", "");
  await until(() => bus.backend.held > 0, "a commit");
  let refused = 0n;
  while (!producer.answered(refused)) {
    refused = producer.pushing("other", "", { payload });
    await bus.settle();
  }
  const answer = contentOf(await producer.answerTo(refused), "error");
  assertRefused(answer, ErrorCode.RESOURCE_EXHAUSTED, /wait to be committed/);
  const id = consumer.settling(REJECT, [job], { error: "never" });
  await bus.rest();
  bus.backend.release();
  contentOf(await consumer.answerTo(id), "settled");
  await bus.rest();
  assert.equal(bus.queues.find("q.dead")?.machine.jobs ?? 0, 0);
  assert.equal(figures(bus, "q").jobs, 1, "nobody has it, and it is not lost");
  await bus.wait(30_000);
  assert.equal(figures(bus, "q").jobs, 0);
  await consumer.pull("q.dead", 1, 2n);
  const [dead] = await consumer.jobs(1);
  assert.deepEqual([dead.payload, dead.death!.lastError], [payload, "never"]);
});

Deno.test("a purge and a redrive that fail say so, and nothing is gone or there twice", async () => {
  await using bus = new QueueBus();
  const [producer, consumer] = [bus.join(), bus.join()];
  for (const text of ["1", "2", "3"]) await producer.push("q", text);
  await consumer.pull("q", 2);
  await consumer.settle(REJECT, await consumer.jobs(2));
  await consumer.jobs(1);
  consumer.peer.send({ message: { case: "pull", value: { consumer: 1n, close: true } } });
  await bus.rest();
  const state = () => [figures(bus, "q").ready, figures(bus, "q.dead").ready];
  assert.deepEqual(state(), [1, 2]);
  const calls = [
    careCall(METHODS.purge, { queue: "q" }),
    careCall(METHODS.redrive, { queue: "q" }),
  ];
  for (const call of calls) {
    let id = 0n;
    await failWhile(
      bus,
      BROKEN,
      () => void (id = producer.request(call)),
    );
    const answer = contentOf(await producer.answerTo(id), "error");
    assertRefused(answer, ErrorCode.INTERNAL, /the disk is broken/);
    assert.deepEqual(state(), [1, 2]);
    await bus.wait(REST_MS);
  }
  contentOf(await producer.ask(careCall(METHODS.redrive, { queue: "q" })), "answer");
  assert.deepEqual(state(), [3, 0]);
  contentOf(await producer.ask(careCall(METHODS.purge, { queue: "q" })), "answer");
  assert.deepEqual(state(), [0, 0]);
});

Deno.test("an event whose jobs cannot be kept is refused, in every queue and in its topic", async () => {
  await using bus = new QueueBus([{ name: "one", bind: [">"] }, { name: "two", bind: ["k.>"] }]);
  const [producer, consumer] = [bus.join(), bus.join()];
  await consumer.pull("one", 9);
  for (const topic of ["k.a", "plain"]) {
    let id = 0n;
    const event = { topic, payload: bytesOf("lost"), messageId: "m" };
    await failWhile(
      bus,
      BROKEN,
      () => void (id = producer.request({ case: "event", value: event })),
    );
    await refusedAs(producer, id, BROKEN);
    assert.deepEqual([bus.queue("one").machine.jobs, bus.queue("two").machine.jobs], [0, 0]);
    await bus.wait(REST_MS);
  }
  const value = { topic: "k.a", payload: bytesOf("kept"), messageId: "m" };
  const acked = contentOf(await producer.ask({ case: "event", value }), "ack");
  assert.deepEqual([acked.seq, acked.duplicate], [1n, false]);
  assert.deepEqual(texts(await consumer.jobs(1)), ["kept"]);
  assert.equal(figures(bus, "two").ready, 1);
});

Deno.test("a consumer that goes while its lease is on the way leaves the job uncounted", async () => {
  await using bus = new QueueBus();
  const [producer, one, two] = [bus.join(), bus.join(), bus.join()];
  await producer.push("q", "x");
  bus.backend.hold();
  one.peer.send(pullMessage("q", 1));
  await until(() => bus.backend.held > 0, "a commit");
  one.peer.link.end();
  await bus.settle();
  await two.pull("q", 1);
  bus.backend.release();
  const [job] = await two.jobs(1);
  assert.deepEqual([job.attempt, job.redelivered], [1, false], "nobody saw it");
});
