/**
 * Everything that happens to jobs because time passes, by a clock that the test moves: leases, delays, the waits
 * between tries, and priorities that wait for nobody.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { type Job, Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { redrive } from "../../../lib/services/queues/care.ts";
import { contentOf } from "../../support/frames.ts";
import { QueueBus, type QueuePeer } from "./queue_bus.ts";
import { assertRefused, texts } from "./queue_support.ts";

const { NACK, EXTEND, REJECT } = Verdict;
const LEASE_MS = 30_000;

/** A bus with a client that holds one job of "q". */
async function holding(
  policy: Partial<ConstructorParameters<typeof QueueBus>[0] & object>[number] = { name: "q" },
): Promise<{ bus: QueueBus; client: QueuePeer; job: Job }> {
  const bus = new QueueBus([policy]);
  const client = bus.join();
  await client.push("q", "x");
  await client.pull("q", 10);
  const [job] = await client.jobs(1);
  return { bus, client, job };
}

async function late(client: QueuePeer, job: Job): Promise<void> {
  const answer = await client.answerTo(client.settling(Verdict.ACK, [job]));
  assertRefused(contentOf(answer, "error"), ErrorCode.FAILED_PRECONDITION, /the lease is over/);
}

Deno.test("a lease ends when its time is over, not before, and the job comes again", async () => {
  const { bus, client, job } = await holding();
  await using _bus = bus;
  assert.equal(job.leaseMs, LEASE_MS);
  await bus.wait(LEASE_MS - 1);
  assert.deepEqual(client.waiting, []);
  await bus.wait(1);
  const [again] = await client.jobs(1);
  assert.deepEqual([again.attempt, again.redelivered], [2, true]);
  await late(client, job);
  await client.ack(again);
});

Deno.test("a lease begins when it is committed", async () => {
  await using bus = new QueueBus();
  const client = bus.join();
  await client.push("q", "x");
  bus.backend.hold();
  client.peer.send({ message: { case: "pull", value: { consumer: 1n, queue: "q" } } });
  await bus.settle();
  await bus.wait(LEASE_MS * 2);
  bus.backend.release();
  await client.jobs(1);
  await bus.wait(LEASE_MS - 1);
  assert.deepEqual(client.waiting, []);
});

Deno.test("an extended lease begins anew, for as long as usual or as it says", async () => {
  const { bus, client, job } = await holding();
  await using _bus = bus;
  await bus.wait(LEASE_MS - 1);
  assert.deepEqual(await client.settle(EXTEND, [job]), []);
  await bus.wait(LEASE_MS - 1);
  assert.deepEqual(await client.settle(EXTEND, [job], { delayMs: 0n }), []);
  await bus.wait(LEASE_MS - 1);
  assert.deepEqual(await client.settle(EXTEND, [job], { delayMs: 100_000n }), []);
  await bus.wait(99_999);
  assert.deepEqual(await client.settle(EXTEND, [job], { delayMs: 10n }), [], "shorter, too");
  assert.deepEqual(client.waiting, []);
  await bus.wait(10);
  const [again] = await client.jobs(1);
  assert.equal(again.attempt, 2);
});

Deno.test("a queue has its own time of leases", async () => {
  const { bus, client, job } = await holding({ name: "q", leaseMs: 1000 });
  await using _bus = bus;
  assert.equal(job.leaseMs, 1000);
  await bus.wait(999);
  assert.deepEqual(client.waiting, []);
  await bus.wait(1);
  await client.jobs(1);
});

Deno.test("each failure doubles the wait, up to the longest, and takes up to half of it off", async () => {
  const [backoffMinMs, backoffMaxMs] = [1000, 6000];
  const policy = { name: "q", backoffMinMs, backoffMaxMs, maxDeliveries: 0 };
  const { bus, client, job } = await holding(policy);
  await using _bus = bus;
  let held = job;
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 8; attempt++) {
    assert.equal(held.attempt, attempt);
    await client.settle(NACK, [held]);
    await bus.rest();
    const { machine } = bus.queue("q");
    const wholeMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** (attempt - 1));
    const waitMs = machine.nextMs - bus.clock.monotonicMs();
    assert(waitMs >= wholeMs / 2 && waitMs <= wholeMs, `${waitMs} of ${wholeMs} ms`);
    waits.push(waitMs);
    await bus.wait(wholeMs / 2 - 1);
    assert.deepEqual(client.waiting, []);
    await bus.wait(wholeMs / 2 + 1);
    [held] = await client.jobs(1);
  }
  assert(new Set(waits.slice(4)).size > 1, "chance has its part in it");
});

Deno.test("a wait that the consumer says is kept to", async () => {
  const { bus, client, job } = await holding();
  await using _bus = bus;
  await client.settle(NACK, [job], { delayMs: 5000n });
  await bus.wait(4999);
  assert.deepEqual(client.waiting, []);
  await bus.wait(1);
  await client.jobs(1);
});

Deno.test("a delayed job comes at its time, before those of lower priority that are younger", async () => {
  await using bus = new QueueBus();
  const client = bus.join();
  const runAtUnixMicros = BigInt(bus.clock.wallMs() + 2000) * 1000n;
  await client.push("q", "second", { delayMs: 3000n });
  await client.push("q", "first", { runAtUnixMicros });
  await client.push("q", "third", { delayMs: 3000n, priority: 1 });
  await client.pull("q", 10);
  await bus.wait(1999);
  assert.deepEqual(client.waiting, []);
  await bus.wait(1);
  assert.deepEqual(texts(await client.jobs(1)), ["first"]);
  bus.clock.stepWall(-3_600_000);
  await bus.wait(1000);
  const due = await client.jobs(2);
  assert.deepEqual(texts(due), ["third", "second"], "whatever the clock on the wall says by then");
  assert(due.every(({ attempt, redelivered }) => attempt === 1 && !redelivered));
});

Deno.test("a job that is never done is a dead letter, which tells why", async () => {
  const { bus, client, job } = await holding({ name: "q", maxDeliveries: 3 });
  await using _bus = bus;
  await client.settle(NACK, [job], { delayMs: 0n, error: "no disk" });
  await client.jobs(1);
  await bus.wait(LEASE_MS);
  const [third] = await client.jobs(1);
  assert.equal(third.attempt, 3);
  await bus.wait(LEASE_MS);
  await client.pull("q.dead", 1, 2n);
  const [dead] = await client.jobs(1);
  assert.deepEqual([dead.death!.reason, dead.death!.attempts, Number(dead.death!.id)], [1, 3, 1]);
  assert.match(dead.death!.lastError, /its lease ended; before: no disk/);
  assert.equal(dead.death!.timeUnixMicros, BigInt(bus.clock.wallMs()) * 1000n);
  assert.equal(dead.timeUnixMicros, job.timeUnixMicros, "when it was pushed, not when it died");
  assert.equal(bus.queue("q").machine.jobs, 0);
});

Deno.test("the last consumer's word, and its silence, are told of a dead letter", async () => {
  await using bus = new QueueBus([{ name: "q", maxDeliveries: 1 }]);
  const [client, other] = [bus.join(), bus.join()];
  for (const text of ["said", "silent", "gone"]) await client.push("q", text);
  await client.pull("q", 2);
  const [said, silent] = await client.jobs(2);
  await other.pull("q", 1);
  await other.jobs(1);
  await client.settle(NACK, [said], { error: "I said so" });
  await client.settle(REJECT, [silent]);
  other.peer.link.end();
  await bus.rest();
  await client.pull("q.dead", 9, 2n);
  const dead = await client.jobs(3);
  const told = Object.fromEntries(
    dead.map((job) => [texts([job])[0], [job.death!.reason, job.death!.lastError]]),
  );
  assert.deepEqual(told.said, [1, "I said so"]);
  assert.deepEqual(told.silent, [2, ""]);
  assert.deepEqual(told.gone, [1, "its consumer went away"]);
});

Deno.test("low priorities have their turn, too, while higher ones keep coming", async () => {
  await using bus = new QueueBus();
  const client = bus.join();
  await client.push("q", "low");
  for (let count = 0; count < 30; count++) await client.push("q", `high ${count}`, { priority: 9 });
  await client.pull("q", 1);
  let done = 0;
  let lowAt = -1;
  for (; done < 400 && lowAt < 0; done++) {
    const [job] = await client.jobs(1);
    if (texts([job])[0] === "low") lowAt = done;
    // Never fewer than before: the low one is never the only one left.
    await client.push("q", `more ${done}`, { priority: 9 });
    await client.ack(job);
  }
  assert(lowAt > 0, `it waited for all of ${done}`);
  assert(lowAt >= 10, `the higher ones came first, but for ${lowAt}`);
});

Deno.test("a job that is put back from the dead letters does not wait again for its first delay", async () => {
  await using bus = new QueueBus();
  const client = bus.join();
  await client.pull("q", 1);
  await client.push("q", "x", { delayMs: 3_600_000n });
  await bus.wait(3_600_000);
  await client.settle(REJECT, await client.jobs(1));
  await bus.rest();
  const turn = bus.host.context.turns.join();
  assert.equal(await redrive(bus.queues, "q", null, turn), 1);
  assert.deepEqual(texts(await client.jobs(1)), ["x"]);
});
