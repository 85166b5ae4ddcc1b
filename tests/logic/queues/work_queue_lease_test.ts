/**
 * What happens between a push and the end of a job: leases, their ends, and what a consumer can say of a
 * job that it holds. One rule a test; how rules meet is for the model.
 */
import assert from "node:assert/strict";
import { DeathReason, DurableState } from "../../../lib/logic/queues/work_queue.ts";
import { Rig } from "./rig.ts";

Deno.test("a job is handed over when its lease is durable, not before", () => {
  const rig = new Rig();
  const job = rig.push({ bytes: 7 });
  rig.consumer();
  assert.equal(rig.figures, "ready 1 delayed 0 blocked 0 leased 0 jobs 1 bytes 7");
  assert.equal(rig.queue.dispatch(), 1);
  assert.deepEqual(rig.told(), ["changed 1"]);
  assert.equal(rig.state(job), "LEASING");
  rig.queue.seal();
  assert.deepEqual(rig.told(), []);
  rig.queue.committed(rig.nowMs);
  assert.deepEqual(rig.told(), ["deliver 1 to a"]);
  assert.equal(rig.state(job), "LEASED");
  assert.equal(rig.queue.views.timeMs(rig.slot(job)), rig.nowMs + 1000);
  assert.equal(rig.figures, "ready 0 delayed 0 blocked 0 leased 1 jobs 1 bytes 7");
  const [{ attempt, redelivered }] = rig.deliveries;
  assert.deepEqual([attempt, redelivered], [1, false]);
});

Deno.test("a lease begins when it is durable", () => {
  const rig = new Rig();
  const job = rig.push();
  rig.consumer();
  rig.queue.dispatch();
  rig.queue.seal();
  rig.nowMs += 400;
  rig.queue.committed(rig.nowMs);
  assert.equal(rig.queue.views.timeMs(rig.slot(job)), rig.nowMs + 1000);
});

Deno.test("a done job leaves at once and is gone when that is durable", () => {
  const rig = new Rig();
  const job = rig.push({ bytes: 7 });
  const consumer = rig.consumer();
  const [delivery] = rig.deal();
  rig.told();
  assert.equal(rig.ack(delivery), true);
  assert.deepEqual(rig.told(), ["leaving 1"]);
  assert.equal(rig.state(job), "DONE");
  assert.equal(rig.queue.views.durableState(delivery.slot), DurableState.GONE);
  assert.equal(rig.figures, "ready 0 delayed 0 blocked 0 leased 1 jobs 0 bytes 0");
  assert.equal(consumer.inFlight, 0, "credit is back before the commit");
  rig.commit();
  assert.deepEqual(rig.told(), ["freed 1"]);
  assert.equal(rig.state(job), "FREE");
  assert.equal(rig.figures, "ready 0 delayed 0 blocked 0 leased 0 jobs 0 bytes 0");
});

Deno.test("the second verb for a delivery is late, whichever it is", () => {
  const rig = new Rig();
  rig.push();
  rig.consumer();
  const [delivery] = rig.deal();
  assert.equal(rig.ack(delivery), true);
  rig.told();
  for (const again of [rig.ack, rig.nack, rig.reject, rig.release, rig.extend]) {
    assert.equal(again.call(rig, delivery), false);
  }
  assert.deepEqual(rig.told(), []);
});

Deno.test("a token is late for another consumer, for another lease and out of range", () => {
  const rig = new Rig();
  rig.push();
  const first = rig.consumer(1, "a");
  const [old] = rig.deal();
  rig.pass(1000);
  const [present] = rig.deal();
  const other = rig.consumer(1, "b");
  assert.equal(present.slot, old.slot);
  assert.notEqual(present.generation, old.generation);
  assert.equal(rig.ack(old), false, "the lease is over");
  assert.equal(rig.ack({ ...present, to: other }), false, "it is another's");
  for (const slot of [-1, 1, 63, 64, 2 ** 32 - 1]) {
    assert.equal(rig.ack({ ...present, to: first, slot }), false, `slot ${slot}`);
  }
  assert.equal(rig.ack(present), true);
});

Deno.test("a generation is never given twice, though slots are used again", () => {
  const rig = new Rig({ maxDeliveries: 0 });
  rig.consumer();
  const tokens = new Set<string>();
  for (let round = 0; round < 20; round++) {
    rig.push();
    const [delivery] = rig.deal();
    tokens.add(`${delivery.slot} ${delivery.generation}`);
    if (round % 2 === 0) rig.ack(delivery);
    else {
      rig.pass(1000);
      rig.ack(rig.deal()[0]);
    }
    rig.commit();
  }
  assert.equal(tokens.size, 20);
  assert.equal(new Set(rig.deliveries.map(({ slot }) => slot)).size, 1, "one slot was enough");
});

Deno.test("a lease that ends brings the job back, marked and counted", () => {
  const rig = new Rig();
  const job = rig.push();
  const consumer = rig.consumer();
  rig.deal();
  assert.equal(rig.queue.nextMs, rig.nowMs + 1000);
  rig.pass(999);
  assert.equal(rig.state(job), "LEASED");
  rig.told();
  rig.pass(1);
  assert.equal(rig.state(job), "READY");
  assert.deepEqual(rig.told(), [], "what is kept of it is right as it is");
  assert.equal(consumer.inFlight, 0);
  assert.equal(rig.queue.nextMs, Infinity);
  const [again] = rig.deal();
  assert.deepEqual([again.attempt, again.redelivered], [2, true]);
});

Deno.test("a lease can be extended, by as long as usual or as said, and be cut short", () => {
  const rig = new Rig();
  rig.push();
  rig.consumer();
  const [delivery] = rig.deal();
  rig.nowMs += 600;
  rig.told();
  assert.equal(rig.extend(delivery), true);
  assert.equal(rig.queue.views.timeMs(delivery.slot), rig.nowMs + 1000);
  assert.equal(rig.extend(delivery, 5000), true);
  assert.equal(rig.queue.nextMs, rig.nowMs + 5000);
  assert.equal(rig.extend(delivery, 10), true);
  assert.equal(rig.queue.nextMs, rig.nowMs + 10);
  assert.deepEqual(rig.told(), [], "it is not kept");
  rig.pass(10);
  assert.equal(rig.extend(delivery), false);
});

Deno.test("a job given back waits twice as long each time, up to the longest", () => {
  for (const [chance, share] of [[0, 0.5], [0.5, 0.75]]) {
    const rig = new Rig({ maxDeliveries: 0 });
    rig.chance = chance;
    const job = rig.push();
    rig.consumer();
    for (const wholeMs of [100, 200, 350, 350]) {
      const [delivery] = rig.deal();
      assert.equal(rig.nack(delivery), true);
      assert.equal(rig.state(job), "RETRYING");
      assert.equal(rig.queue.views.durableState(delivery.slot), DurableState.DELAYED);
      rig.commit();
      assert.equal(rig.state(job), "DELAYED");
      assert.equal(rig.queue.views.timeMs(delivery.slot), rig.nowMs + wholeMs * share);
      rig.pass(wholeMs * share);
      assert.equal(rig.state(job), "READY");
    }
  }
});

Deno.test("a job given back waits as long as is said, from when that was said", () => {
  const rig = new Rig();
  const job = rig.push();
  rig.consumer();
  const [delivery] = rig.deal();
  rig.nack(delivery, 300);
  rig.queue.seal();
  rig.nowMs += 100;
  rig.queue.committed(rig.nowMs);
  assert.equal(rig.queue.nextMs, rig.nowMs + 200);
  rig.pass(200);
  const [again] = rig.deal();
  assert.deepEqual([again.id, again.attempt, again.redelivered], [job, 2, true]);
  rig.nack(again, 0);
  rig.commit();
  assert.equal(rig.state(job), "READY", "without a delay it is ready once that is durable");
});

Deno.test("after the last delivery a job dies, however it comes back", () => {
  for (const how of ["nack", "lease", "leave"]) {
    const rig = new Rig({ maxDeliveries: 2 });
    const job = rig.push();
    rig.consumer();
    rig.deal();
    rig.pass(1000);
    const [last] = rig.deal();
    assert.equal(last.attempt, 2);
    rig.told();
    if (how === "nack") rig.nack(last, 0);
    else if (how === "lease") rig.pass(1000);
    else rig.queue.removeConsumer(last.to);
    assert.equal(rig.told().at(-1), `dying 1 of ${DeathReason.MAX_DELIVERIES}`);
    assert.equal(rig.state(job), "DYING");
    assert.equal(rig.queue.views.durableState(last.slot), DurableState.LEASED);
    assert.equal(rig.figures, "ready 0 delayed 0 blocked 0 leased 1 jobs 1 bytes 1");
    rig.commit();
    rig.queue.moveOut(last.slot);
    assert.deepEqual(rig.told(), ["leaving 1"]);
    assert.equal(rig.queue.views.durableState(last.slot), DurableState.GONE);
    rig.commit();
    assert.deepEqual(rig.told(), ["freed 1"]);
    assert.equal(rig.figures, "ready 0 delayed 0 blocked 0 leased 0 jobs 0 bytes 0");
  }
});

Deno.test("a rejected job dies at once, and that is kept until it is moved out", () => {
  const rig = new Rig();
  rig.push();
  rig.consumer();
  const [delivery] = rig.deal();
  rig.told();
  assert.equal(rig.reject(delivery), true);
  assert.deepEqual(rig.told(), ["changed 1", `dying 1 of ${DeathReason.REJECTED}`]);
  assert.equal(rig.queue.views.durableState(delivery.slot), DurableState.REJECTED);
  rig.queue.moveOut(delivery.slot);
  rig.commit();
  assert.deepEqual(rig.told(), ["leaving 1", "freed 1"]);
});

Deno.test("a job that cannot be moved out dies again later", () => {
  const rig = new Rig();
  const job = rig.push();
  rig.consumer();
  const [delivery] = rig.deal();
  rig.reject(delivery);
  rig.commit();
  rig.queue.putOff(delivery.slot, 500, rig.nowMs);
  assert.equal(rig.state(job), "DELAYED");
  assert.equal(rig.queue.views.durableState(delivery.slot), DurableState.REJECTED);
  assert.equal(rig.figures, "ready 0 delayed 1 blocked 0 leased 0 jobs 1 bytes 1");
  rig.told();
  rig.pass(499);
  assert.deepEqual(rig.told(), []);
  rig.pass(1);
  assert.deepEqual(rig.told(), [`dying 1 of ${DeathReason.REJECTED}`]);
  assert.equal(rig.figures, "ready 0 delayed 0 blocked 0 leased 1 jobs 1 bytes 1");
  assert.deepEqual(rig.deal(), [], "nobody gets it meanwhile");
});

Deno.test("a released job keeps its place and its attempts, and is marked", () => {
  const rig = new Rig();
  rig.pushMany(3);
  const consumer = rig.consumer();
  const [delivery] = rig.deal();
  rig.queue.hold(consumer, true);
  assert.equal(rig.release(delivery), true);
  assert.equal(rig.state(1), "RELEASING");
  assert.equal(rig.queue.views.durableState(delivery.slot), DurableState.READY);
  assert.equal(rig.queue.views.durableAttempts(delivery.slot), 0);
  assert.equal(
    rig.queue.views.redelivered(delivery.slot),
    true,
    "so that a crash keeps the mark, too",
  );
  rig.commit();
  rig.queue.hold(consumer, false);
  const [again] = rig.deal();
  assert.deepEqual([again.id, again.attempt, again.redelivered], [1, 1, true]);
});

Deno.test("what is kept of a job that is to be tried again says that it was delivered", () => {
  const rig = new Rig();
  rig.push();
  rig.consumer();
  const [delivery] = rig.deal();
  assert.equal(rig.queue.views.redelivered(delivery.slot), false);
  rig.nack(delivery);
  assert.equal(rig.queue.views.redelivered(delivery.slot), true);
  rig.queue.failed();
  assert.equal(rig.queue.views.redelivered(delivery.slot), false, "its first delivery goes on");
});

Deno.test("the jobs of a consumer that leaves come back at once", () => {
  const rig = new Rig();
  rig.pushMany(3);
  const consumer = rig.consumer(2, "a");
  const [first] = rig.deal();
  rig.ack(first);
  rig.queue.dispatch();
  assert.equal(rig.state(3), "LEASING");
  rig.told();
  rig.queue.removeConsumer(consumer);
  assert.deepEqual([rig.state(1), rig.state(2), rig.state(3)], ["DONE", "READY", "LEASING"]);
  rig.queue.removeConsumer(consumer);
  rig.commit();
  assert.deepEqual(rig.told(), ["freed 1", "changed 3"]);
  rig.consumer(2, "b");
  const again = rig.deal().map(({ id, attempt, redelivered }) => [id, attempt, redelivered]);
  assert.deepEqual(again, [[2, 2, true], [3, 1, false]], "whom 3 was for never saw it");
});

Deno.test("a delayed job is ready when its time has come", () => {
  const rig = new Rig();
  const job = rig.push({ delayMs: 250 });
  rig.push({ delayMs: 100 });
  assert.equal(rig.queue.views.durableState(rig.slot(job)), DurableState.DELAYED);
  assert.equal(rig.figures, "ready 0 delayed 2 blocked 0 leased 0 jobs 2 bytes 2");
  assert.equal(rig.queue.nextMs, rig.nowMs + 100);
  rig.pass(100);
  assert.equal(rig.queue.nextMs, rig.nowMs + 150);
  rig.pass(150);
  rig.consumer(9);
  assert.deepEqual(rig.dealtIds(), [1, 2]);
});
