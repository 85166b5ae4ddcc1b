/**
 * Who gets which job next: priorities, the order within one, turns of consumers, credit, and keys.
 */
import assert from "node:assert/strict";
import { Rig } from "./rig.ts";

Deno.test("jobs come by priority, then in the order they were pushed", () => {
  const rig = new Rig();
  for (const priority of [0, 9, 4, 9, 0, 4]) rig.push({ priority });
  rig.consumer(9);
  assert.deepEqual(rig.dealtIds(), [2, 4, 3, 6, 1, 5]);
});

Deno.test("what comes back goes before what was pushed later", () => {
  const rig = new Rig();
  rig.pushMany(5);
  const first = rig.consumer(3, "a");
  assert.deepEqual(rig.dealtIds(), [1, 2, 3]);
  rig.queue.removeConsumer(first);
  rig.consumer(9, "b");
  assert.deepEqual(rig.dealtIds(), [1, 2, 3, 4, 5]);
});

Deno.test("after 15 picks past lower priorities the oldest of these is next", () => {
  const rig = new Rig();
  for (let index = 0; index < 40; index++) rig.push({ priority: 5 });
  rig.push({ priority: 0 });
  rig.push({ priority: 3 });
  rig.consumer(100);
  const order = rig.dealtIds();
  assert.equal(order[15], 41, "the older of the two, though its priority is lower");
  assert.equal(order[31], 42);
  assert.equal(order.length, 42);
});

Deno.test("picks that pass nothing over do not count", () => {
  const rig = new Rig();
  for (let index = 0; index < 30; index++) rig.push({ priority: 5 });
  rig.consumer(100);
  rig.queue.dispatch(14);
  const low = rig.push();
  rig.queue.dispatch(15);
  assert.equal(rig.state(low), "READY");
  rig.push({ priority: 5 });
  rig.queue.dispatch(1);
  assert.equal(rig.state(low), "LEASING");
});

Deno.test("consumers take turns, each up to its credit", () => {
  const rig = new Rig();
  rig.pushMany(9);
  rig.consumer(1, "a");
  rig.consumer(3, "b");
  rig.consumer(2, "c");
  const dealt = rig.deal().map(({ to }) => to.attached).join("");
  assert.equal(dealt, "abcbcb");
  assert.equal(rig.figures, "ready 3 delayed 0 blocked 0 leased 6 jobs 9 bytes 9");
});

Deno.test("turns go on where they were when consumers come and go", () => {
  const rig = new Rig();
  rig.pushMany(9);
  const [a, b] = [rig.consumer(9, "a"), rig.consumer(9, "b")];
  const turn = () => {
    rig.queue.dispatch(1);
    rig.commit();
    return rig.deliveries.at(-1)!.to.attached;
  };
  assert.equal(turn(), "a");
  rig.consumer(9, "c");
  rig.queue.removeConsumer(a);
  assert.equal(turn(), "b");
  rig.queue.removeConsumer(b);
  assert.equal(turn(), "c");
  rig.consumer(9, "d");
  assert.equal(turn(), "d");
  assert.equal(turn(), "c");
});

Deno.test("nothing goes to who is held or has no credit, and nothing at all while paused", () => {
  const rig = new Rig();
  rig.pushMany(9);
  const consumer = rig.consumer(0);
  assert.equal(rig.queue.dispatch(), 0);
  rig.queue.setPrefetch(consumer, 1);
  assert.equal(rig.queue.dispatch(), 1);
  rig.queue.setPrefetch(consumer, 5);
  rig.queue.hold(consumer, true);
  assert.equal(rig.queue.dispatch(), 0);
  rig.queue.hold(consumer, false);
  rig.queue.pause();
  assert.equal(rig.queue.paused, true);
  assert.equal(rig.queue.dispatch(), 0);
  rig.commit();
  assert.equal(rig.deliveries.length, 1, "what was leased before goes its way");
  rig.queue.resume();
  assert.equal(rig.queue.dispatch(2), 2, "at most as many as are asked for");
  rig.queue.setPrefetch(consumer, 2);
  assert.equal(consumer.inFlight, 3, "what is above stays until it is settled");
  assert.equal(rig.queue.dispatch(), 0);
});

Deno.test("jobs of one key run one after the other, in the order they were pushed", () => {
  const rig = new Rig({ ordered: true });
  for (const key of [7, 8, 7, 0, 7, 0]) rig.push({ key });
  assert.equal(rig.figures, "ready 4 delayed 0 blocked 2 leased 0 jobs 6 bytes 6");
  rig.consumer(9);
  const [first, ...others] = rig.deal();
  assert.deepEqual([first, ...others].map(({ id }) => id), [1, 2, 4, 6]);
  rig.ack(first);
  assert.equal(rig.queue.dispatch(), 0, "the next waits until that is durable");
  rig.commit();
  const [next] = rig.deal();
  assert.equal(next.id, 3);
  rig.nack(next, 100);
  rig.commit();
  assert.deepEqual(rig.dealtIds(), [], "one that is to be tried again holds its line");
  rig.pass(100);
  assert.deepEqual(rig.dealtIds(), [3]);
});

Deno.test("keys mean nothing where the queue is not ordered", () => {
  const rig = new Rig();
  rig.push({ key: 7 });
  rig.push({ key: 7 });
  rig.consumer(9);
  assert.deepEqual(rig.dealtIds(), [1, 2]);
});

Deno.test("a delayed job holds its line, and one behind it keeps its own time", () => {
  const rig = new Rig({ ordered: true });
  rig.push({ key: 7, delayMs: 100 });
  rig.push({ key: 7, delayMs: 5000 });
  rig.consumer(9);
  assert.equal(rig.figures, "ready 0 delayed 1 blocked 1 leased 0 jobs 2 bytes 2");
  rig.pass(100);
  const [first] = rig.deal();
  rig.ack(first);
  rig.commit();
  assert.equal(rig.state(2), "DELAYED");
  rig.pass(4900);
  assert.deepEqual(rig.dealtIds(), [2]);
});

Deno.test("one that is dropped from the middle of a line is passed over", () => {
  const rig = new Rig({ ordered: true });
  for (let index = 0; index < 4; index++) rig.push({ key: 7 });
  rig.consumer(9);
  const [first] = rig.deal();
  assert.equal(rig.queue.drop(rig.slot(2)), true);
  rig.commit();
  rig.queue.drop(rig.slot(3));
  rig.ack(first);
  rig.commit();
  assert.deepEqual(rig.dealtIds(), [4]);
});

Deno.test("a death holds the line until it is moved out", () => {
  const rig = new Rig({ ordered: true });
  rig.push({ key: 7 });
  rig.push({ key: 7 });
  rig.consumer(9);
  const [first] = rig.deal();
  rig.reject(first);
  rig.commit();
  assert.equal(rig.state(2), "BLOCKED");
  rig.queue.moveOut(first.slot);
  assert.equal(rig.state(2), "BLOCKED");
  rig.commit();
  assert.equal(rig.state(2), "READY");
});
