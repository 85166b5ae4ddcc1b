/**
 * Tests the column of consumers: each slot has its own, also one that was removed meanwhile, and numbers of consumers
 * that hold nothing are given again.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Consumer } from "../../../lib/logic/queues/consumer.ts";
import { SlotConsumers } from "../../../lib/logic/queues/slot_consumers.ts";

Deno.test("a slot has the consumer that was set last, and only consumers with slots have numbers", () => {
  const consumers = Array.from({ length: 5 }, (_, index) => new Consumer(1, index));
  const set = fc.record({ slot: fc.nat(30), who: fc.option(fc.nat(4)) });
  fc.assert(fc.property(fc.array(set, { maxLength: 200 }), (sets) => {
    const column = new SlotConsumers<number>();
    const expected: (Consumer<number> | null)[] = [];
    for (const { slot, who } of sets) {
      const consumer = who === null ? null : consumers[who];
      // Slots are first used in ascending order.
      const at = Math.min(slot, expected.length);
      column.set(at, consumer);
      expected[at] = consumer;
    }
    assert.equal(column.length, expected.length);
    expected.forEach((consumer, slot) => assert.equal(column.get(slot), consumer));
    assert.equal(column.used, new Set(expected.filter((one) => one !== null)).size);
    for (let slot = 0; slot < expected.length; slot++) column.set(slot, null);
    assert.equal(column.used, 0);
  }));
});
