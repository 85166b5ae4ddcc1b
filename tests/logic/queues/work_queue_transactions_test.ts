/**
 * Decisions whose transaction fails: each is taken back, with those that were made on top of it.
 */
import assert from "node:assert/strict";
import { DurableState } from "../../../lib/logic/queues/work_queue.ts";
import { Rig } from "./rig.ts";

Deno.test("a push that fails was never there, whatever was decided of its job", () => {
  const rig = new Rig();
  rig.push();
  rig.push({ delayMs: 100 });
  rig.push();
  const consumer = rig.consumer(1);
  rig.queue.seal();
  rig.queue.dispatch();
  rig.queue.drop(rig.slot(3));
  rig.told();
  rig.queue.failed();
  assert.deepEqual(rig.told(), ["staying 3", "freed 3", "freed 2", "freed 1"]);
  assert.equal(rig.figures, "ready 0 delayed 0 blocked 0 leased 0 jobs 0 bytes 0");
  assert.equal(consumer.inFlight, 0);
  assert.equal(rig.queue.nextMs, Infinity);
});

Deno.test("a lease that fails was never there", () => {
  const rig = new Rig();
  const job = rig.push();
  rig.commit();
  const consumer = rig.consumer();
  rig.queue.dispatch();
  rig.queue.seal();
  rig.queue.failed();
  assert.equal(rig.state(job), "READY");
  assert.equal(rig.queue.views.attempts(rig.slot(job)), 0);
  assert.equal(consumer.inFlight, 0);
  const [{ attempt, redelivered }] = rig.deal();
  assert.deepEqual([attempt, redelivered], [1, false]);
});

Deno.test("a settlement that fails leaves the lease as it was", () => {
  for (const verb of ["ack", "nack", "reject", "release"] as const) {
    const rig = new Rig();
    const job = rig.push();
    const consumer = rig.consumer();
    const [delivery] = rig.deal();
    const endMs = rig.nowMs + 1000;
    rig.nowMs += 100;
    assert.equal(rig[verb](delivery), true);
    assert.equal(consumer.inFlight, 0);
    rig.queue.seal();
    rig.queue.failed();
    assert.equal(rig.state(job), "LEASED", verb);
    assert.equal(consumer.inFlight, 1);
    assert.equal(rig.queue.nextMs, endMs, "its lease ends as before");
    assert.equal(rig.figures, "ready 0 delayed 0 blocked 0 leased 1 jobs 1 bytes 1");
    assert.equal(rig.queue.views.durableState(delivery.slot), DurableState.LEASED);
    assert.equal(rig.ack(delivery), true, "the same token counts again");
  }
});

Deno.test("a settlement that fails after its lease ended brings the job back with the next tick", () => {
  const rig = new Rig();
  const job = rig.push();
  rig.consumer();
  const [delivery] = rig.deal();
  rig.ack(delivery);
  rig.pass(5000);
  assert.equal(rig.state(job), "DONE", "the settlement stands");
  rig.queue.failed();
  assert.equal(rig.state(job), "LEASED");
  rig.pass(0);
  assert.equal(rig.state(job), "READY");
});

Deno.test("a settlement that fails after its consumer left brings the job back at once", () => {
  const rig = new Rig({ maxDeliveries: 1 });
  rig.push();
  rig.push();
  const consumer = rig.consumer(2);
  const [first, second] = rig.deal();
  rig.ack(first);
  rig.release(second);
  rig.queue.removeConsumer(consumer);
  rig.told();
  rig.queue.failed();
  assert.deepEqual(rig.told(), ["dying 2 of 1", "staying 1", "dying 1 of 1"]);
  assert.deepEqual([rig.state(1), rig.state(2)], ["DYING", "DYING"]);
});

Deno.test("a consumer may hold more than its prefetch after a failure, and gets nothing then", () => {
  const rig = new Rig();
  rig.pushMany(3);
  rig.commit();
  const consumer = rig.consumer();
  const [first] = rig.deal();
  rig.ack(first);
  rig.queue.seal();
  rig.queue.setPrefetch(consumer, 0);
  rig.queue.failed();
  assert.equal(consumer.inFlight, 1);
  assert.equal(rig.queue.dispatch(), 0);
});

Deno.test("a move that fails leaves the job dying, or leased when its death failed, too", () => {
  const rig = new Rig();
  rig.pushMany(2);
  const consumer = rig.consumer(2);
  const [first, second] = rig.deal();
  rig.reject(first);
  rig.commit();
  rig.queue.moveOut(first.slot);
  rig.reject(second);
  rig.queue.moveOut(second.slot);
  rig.told();
  rig.queue.failed();
  assert.deepEqual(rig.told(), ["staying 2", "staying 1"]);
  assert.deepEqual([rig.state(1), rig.state(2)], ["DYING", "LEASED"]);
  assert.equal(consumer.inFlight, 1);
  rig.queue.moveOut(first.slot);
  rig.commit();
  assert.equal(rig.state(1), "FREE");
});

Deno.test("a death that fails takes back what waits for another move", () => {
  const rig = new Rig();
  rig.pushMany(3);
  rig.consumer(3);
  const [first, second, third] = rig.deal();
  for (const delivery of [first, second, third]) {
    rig.reject(delivery);
    rig.queue.putOff(delivery.slot, 100, rig.nowMs);
  }
  assert.equal(rig.queue.drop(second.slot), true);
  rig.queue.seal();
  rig.queue.drop(third.slot);
  rig.queue.failed();
  assert.deepEqual([1, 2, 3].map((id) => rig.state(id)), ["LEASED", "LEASED", "LEASED"]);
  assert.equal(rig.figures, "ready 0 delayed 0 blocked 0 leased 3 jobs 3 bytes 3");
  rig.told();
  rig.pass(100);
  assert.deepEqual(rig.told(), [], "none of them dies");
  rig.pass(900);
  assert.equal(rig.queue.ready, 3);
});

Deno.test("a drop that fails leaves the job where it was", () => {
  const rig = new Rig({ ordered: true });
  rig.push();
  rig.push({ delayMs: 100 });
  rig.push({ key: 7 });
  rig.push({ key: 7, delayMs: 50 });
  rig.commit();
  for (const id of [1, 2, 3, 4]) assert.equal(rig.queue.drop(rig.slot(id)), true);
  assert.equal(rig.queue.drop(rig.slot(1)), false, "it is on its way");
  assert.equal(rig.figures, "ready 0 delayed 0 blocked 0 leased 0 jobs 0 bytes 0");
  rig.queue.seal();
  rig.queue.failed();
  assert.deepEqual([1, 2, 3, 4].map((id) => rig.state(id)), [
    "READY",
    "DELAYED",
    "READY",
    "BLOCKED",
  ]);
  assert.equal(rig.figures, "ready 2 delayed 1 blocked 1 leased 0 jobs 4 bytes 4");
  assert.equal(rig.queue.nextMs, rig.nowMs + 100);
});

Deno.test("what was sealed before is committed before, and one failure takes both back", () => {
  const rig = new Rig();
  rig.pushMany(2);
  rig.commit();
  rig.consumer(2);
  rig.queue.dispatch(1);
  rig.queue.seal();
  rig.queue.dispatch(1);
  rig.queue.seal();
  rig.told();
  rig.queue.committed(rig.nowMs);
  assert.deepEqual(rig.told(), ["deliver 1 to a"]);
  rig.queue.failed();
  assert.deepEqual([rig.state(1), rig.state(2)], ["LEASED", "READY"]);
  rig.queue.committed(rig.nowMs);
  assert.deepEqual(rig.told(), [], "nothing is on its way");
});

Deno.test("an id that a failed push had is given again, with another priority and in another place", () => {
  const rig = new Rig();
  rig.push({ priority: 5 });
  rig.commit();
  rig.push({ priority: 5 });
  rig.push({ priority: 5 });
  rig.queue.failed();
  rig.nextId = 2;
  rig.push({ priority: 0 });
  rig.push({ priority: 9 });
  rig.push({ priority: 5 });
  rig.consumer(9);
  assert.deepEqual(rig.dealtIds(), [3, 1, 4, 2]);
});

Deno.test("a job that comes and goes leaves no trace in the order", () => {
  const rig = new Rig({ maxDeliveries: 0 });
  rig.pushMany(2);
  rig.commit();
  for (let round = 0; round < 200; round++) {
    const consumer = rig.consumer();
    assert.deepEqual(rig.dealtIds(), [1]);
    rig.queue.removeConsumer(consumer);
    rig.queue.drop(rig.slot(1));
    rig.queue.failed();
  }
  rig.consumer(9);
  assert.deepEqual(rig.dealtIds(), [1, 2]);
});
