/**
 * What a full queue does, what may be dropped, and what a queue is after a restart.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import {
  DeathReason,
  DurableState,
  JobState,
  type RestoredJob,
} from "../../../lib/logic/queues/work_queue.ts";
import { Rig } from "./rig.ts";

/** A job as it was pushed, of one byte. */
const PLAIN: RestoredJob = {
  id: 0,
  bytes: 1,
  priority: 0,
  key: 0,
  dueMs: 0,
  attempts: 0,
  state: DurableState.READY,
  redelivered: false,
};

/** The refusal of one more job of so many bytes. */
function refusal(rig: Rig, bytes: number): ParleyError {
  try {
    rig.queue.admit(bytes);
  } catch (error) {
    assert(error instanceof ParleyError);
    assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
    return error;
  }
  throw new Error("it was admitted");
}

Deno.test("a full queue refuses, and names the limit", () => {
  const rig = new Rig({ maxJobs: 2, maxBytes: 100 });
  rig.queue.admit(100);
  rig.push({ bytes: 60 });
  rig.queue.admit(40);
  const byBytes = refusal(rig, 41);
  assert.match(byBytes.message, /it holds 60 bytes/);
  assert.equal(byBytes.accepted, "what fits into max_bytes 100");
  assert.equal(byBytes.retryable, true);
  rig.push({ bytes: 1 });
  assert.match(refusal(rig, 1).message, /it holds 2 jobs/);
  assert.equal(refusal(rig, 1).accepted, "what fits into max_jobs 2");
  const never = refusal(rig, 101);
  assert.match(never.message, /a job of 101 bytes/);
  assert.equal(never.retryable, false);
  assert.equal(rig.queue.jobs, 2);
});

Deno.test("a queue that drops its oldest makes room, and drops no more than it must", () => {
  const rig = new Rig({ maxJobs: 3, maxBytes: 100, whenFull: "drop-oldest" });
  rig.push({ bytes: 10, priority: 9 });
  rig.push({ bytes: 10 });
  rig.push({ bytes: 10 });
  rig.told();
  rig.queue.admit(10);
  assert.deepEqual(rig.told(), ["leaving 1"], "the oldest, whatever its priority");
  rig.push({ bytes: 10 });
  rig.queue.admit(90);
  assert.deepEqual(rig.told(), ["leaving 2", "leaving 3"]);
  assert.equal(rig.figures, "ready 1 delayed 0 blocked 0 leased 0 jobs 1 bytes 10");
});

Deno.test("ready ones are dropped before those that wait, and held ones never", () => {
  const rig = new Rig({ maxJobs: 5, ordered: true, whenFull: "drop-oldest" });
  rig.push({ delayMs: 200 });
  rig.push({ delayMs: 100 });
  rig.push({ key: 7 });
  rig.push({ key: 7 });
  rig.push({ key: 7 });
  rig.consumer();
  assert.deepEqual(rig.dealtIds(), [3]);
  rig.told();
  for (const dropped of [2, 1, 4, 5]) {
    rig.queue.admit(1);
    assert.deepEqual(rig.told(), [`leaving ${dropped}`]);
    // The room is taken by a job that is held.
    const taken = rig.push();
    rig.consumer();
    assert.deepEqual(rig.dealtIds(), [taken]);
    rig.told();
  }
  assert.match(refusal(rig, 1).message, /it holds 5 jobs/);
});

Deno.test("nothing is dropped for a job that would not fit even then", () => {
  const rig = new Rig({ maxBytes: 100, whenFull: "drop-oldest" });
  rig.push({ bytes: 60 });
  rig.consumer();
  const [delivery] = rig.deal();
  rig.push({ bytes: 10 });
  rig.push({ bytes: 10, delayMs: 50 });
  rig.told();
  assert.match(refusal(rig, 41).message, /it holds 80 bytes/);
  assert.deepEqual(rig.told(), []);
  rig.queue.admit(40);
  assert.deepEqual(rig.told(), ["leaving 2", "leaving 3"]);
  rig.ack(delivery);
  rig.queue.admit(100);
});

Deno.test("what is out or on its way cannot be dropped", () => {
  const rig = new Rig();
  rig.pushMany(5);
  rig.consumer(4);
  const [first, second, third] = rig.deal();
  rig.ack(first);
  rig.nack(second);
  rig.reject(third);
  for (const id of [1, 2, 3, 4]) assert.equal(rig.queue.drop(rig.slot(id)), false, rig.state(id));
  assert.equal(rig.queue.drop(rig.slot(5)), true);
  assert.equal(rig.queue.drop(rig.slot(5)), false);
  rig.commit();
  assert.equal(rig.queue.drop(rig.slot(5)), false, "its slot is free");
});

Deno.test("a restart brings back what was out, marked; what is at its end dies", () => {
  const rig = new Rig({ ordered: true });
  const { queue, nowMs } = rig;
  const restore = (
    state: DurableState,
    { key = 0, attempts = 0, dueMs = 0, redelivered = false } = {},
  ) => {
    const job = { ...PLAIN, id: rig.nextId, key, attempts, dueMs, state, redelivered };
    rig.slots.set(rig.nextId++, queue.restore(job));
  };
  restore(DurableState.READY);
  restore(DurableState.LEASED, { key: 7, attempts: 1 });
  restore(DurableState.DELAYED, { key: 7, dueMs: nowMs + 900 });
  restore(DurableState.LEASED, { attempts: 3 });
  restore(DurableState.REJECTED, { key: 8, attempts: 1 });
  restore(DurableState.READY, { key: 8 });
  restore(DurableState.DELAYED, { attempts: 1, dueMs: nowMs + 100, redelivered: true });
  restore(DurableState.READY, { attempts: 1, redelivered: true });
  assert.deepEqual(rig.told(), []);
  queue.restored();
  assert.deepEqual(rig.told(), [
    `dying 4 of ${DeathReason.MAX_DELIVERIES}`,
    `dying 5 of ${DeathReason.REJECTED}`,
  ]);
  assert.equal(rig.figures, "ready 3 delayed 1 blocked 2 leased 2 jobs 8 bytes 8");
  rig.consumer(9);
  const dealt = rig.deal().map(({ id, attempt, redelivered }) => [id, attempt, redelivered]);
  assert.deepEqual(dealt, [[1, 1, false], [2, 2, true], [8, 2, true]]);
  queue.failed();
  assert.equal(queue.jobs, 8, "what was there at start is no decision");
  for (const id of [4, 5]) queue.moveOut(rig.slot(id));
  rig.commit();
  assert.equal(rig.state(6), "READY");
  rig.pass(100);
  const [delayed] = rig.deal();
  assert.deepEqual(delayed.id, 6);
});

Deno.test("a queue grows, and what it holds stays right", () => {
  const rig = new Rig({ maxJobs: Infinity, ordered: true, maxDeliveries: 0 });
  const count = 3000;
  const half = count / 2;
  for (let index = 0; index < count; index++) {
    rig.push({ key: index % 3 === 0 ? 1 + index % 30 : 0, delayMs: index % 7 === 0 ? 100 : 0 });
  }
  const consumer = rig.consumer(half);
  rig.deal();
  rig.queue.removeConsumer(consumer);
  rig.pass(100);
  rig.consumer(count);
  const done = new Set<number>();
  for (let batch = rig.deal(); batch.length > 0; batch = rig.deal()) {
    for (const delivery of batch) {
      done.add(delivery.id);
      assert.equal(rig.ack(delivery), true);
    }
    rig.commit();
    rig.pass(0);
  }
  assert.equal(done.size, count);
  assert.equal(rig.figures, "ready 0 delayed 0 blocked 0 leased 0 jobs 0 bytes 0");
});

Deno.test("a queue that was empty gives slots in their order, and tokens of before stay late", () => {
  const rig = new Rig();
  rig.pushMany(3);
  const consumer = rig.consumer(9);
  const old = rig.deal();
  for (const delivery of [old[1], old[2], old[0]]) {
    rig.ack(delivery);
    rig.commit();
  }
  for (const delivery of old) assert.equal(rig.ack(delivery), false, "the slot is free");
  const ids = rig.pushMany(3);
  assert.deepEqual(ids.map((id) => rig.slot(id)), old.map(({ slot }) => slot));
  const present = rig.deal();
  for (const delivery of old) assert.equal(rig.ack(delivery), false, "the slot is another's");
  for (const delivery of present) assert.equal(rig.ack(delivery), true);
  assert.equal(consumer.inFlight, 0);
});

Deno.test("attempts are counted as far as they can be kept", () => {
  const rig = new Rig({ maxDeliveries: 0 });
  rig.slots.set(1, rig.queue.restore({ ...PLAIN, id: 1, attempts: 65_534, redelivered: true }));
  rig.nextId = 2;
  rig.consumer();
  const attempts = [0, 1, 2].map(() => {
    const [{ attempt }] = rig.deal();
    rig.pass(1000);
    return attempt;
  });
  assert.deepEqual(attempts, [65_535, 65_535, 65_535]);
});

Deno.test("a job that was delivered more often than its queue now allows is at its end at start", () => {
  const rig = new Rig({ maxDeliveries: 2 });
  const { queue } = rig;
  queue.restore({ ...PLAIN, id: 1, attempts: 1, redelivered: true });
  const ended = queue.restore({ ...PLAIN, id: 2, attempts: 2, redelivered: true });
  queue.restored();
  assert.equal(queue.ready, 1);
  assert.equal(queue.views.state(ended), JobState.DYING);
  assert.throws(() => queue.moveOut(queue.restore({ ...PLAIN, id: 3 })));
});
