/**
 * Deadlines and the queue under them, against the plainest model: a list that is searched.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DeadlineQueue } from "../../../lib/client/connection/deadline_queue.ts";
import { LazyFifo } from "../../../lib/client/lazy_fifo.ts";

Deno.test("a lazy queue gives what is not done, in order, as a list would", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant("push" as const) },
    { weight: 2, arbitrary: fc.constant("shift" as const) },
    { weight: 3, arbitrary: fc.nat({ max: 200 }) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
    const fifo = new LazyFifo<{ done: boolean }>();
    let model: { done: boolean }[] = [];
    for (const each of steps) {
      if (each === "push") {
        const member = { done: false };
        fifo.push(member);
        model.push(member);
      } else if (each === "shift") {
        assert.equal(fifo.shift(), model.shift());
      } else if (model.length > 0) {
        model[each % model.length].done = true;
        model = model.filter((member) => !member.done);
      }
      assert.equal(fifo.peek(), model[0]);
    }
  }));
});

Deno.test("a lazy queue does not keep what is done", () => {
  const fifo = new LazyFifo<{ done: boolean }>();
  const first = { done: false };
  fifo.push(first);
  let most = 0;
  for (let index = 0; index < 100_000; index++) {
    const member = { done: false };
    fifo.push(member);
    member.done = true;
    most = Math.max(most, fifo.held);
  }
  assert(most <= 128, `${most} members were held for one that is not done`);
  assert.equal(fifo.peek(), first);
});

class Entry {
  done = false;
  deadlineMs = 0;
  constructor(readonly expired: Entry[]) {}
  expire(): void {
    this.done = true;
    this.expired.push(this);
  }
}

Deno.test("deadlines come when they are due, and only those that are not done", () => {
  const step = fc.record({
    afterMs: fc.oneof(fc.constantFrom(10, 50), fc.double({ min: 0.1, max: 90, noNaN: true })),
    finish: fc.option(fc.nat({ max: 50 })),
    passMs: fc.nat({ max: 30 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const queue = new DeadlineQueue();
    const expired: Entry[] = [];
    let waiting: Entry[] = [];
    let nowMs = 1000;
    for (const { afterMs, finish, passMs } of steps) {
      const entry = new Entry(expired);
      queue.add(entry, afterMs, nowMs);
      assert(entry.deadlineMs >= nowMs + afterMs && entry.deadlineMs < nowMs + afterMs + 1);
      waiting.push(entry);
      if (finish !== null) waiting[finish % waiting.length].done = true;
      waiting = waiting.filter((each) => !each.done);
      assert.equal(queue.nextMs(), Math.min(Infinity, ...waiting.map((each) => each.deadlineMs)));
      nowMs += passMs;
      expired.length = 0;
      queue.expire(nowMs);
      const due = waiting.filter((each) => each.deadlineMs <= nowMs);
      assert.deepEqual(new Set(expired), new Set(due));
      assert.equal(expired.length, due.length);
      waiting = waiting.filter((each) => !each.done);
    }
  }));
});

Deno.test("an entry may be added again while it expires", () => {
  const queue = new DeadlineQueue();
  let turns = 0;
  const again = {
    done: false,
    deadlineMs: 0,
    expire: () => {
      turns++;
      queue.add(again, 10, 15);
    },
  };
  queue.add(again, 10, 0);
  queue.expire(15);
  assert.deepEqual([turns, queue.nextMs()], [1, 25]);
});
