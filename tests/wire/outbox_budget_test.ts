/**
 * What one outbox may hold while others hold much, and who waits when nothing is free.
 */
import assert from "node:assert/strict";
import { OutboxBudget } from "../../lib/wire/outbox_budget.ts";
import { turn } from "../support/outbox.ts";
import { settles } from "../support/until.ts";

const LIMIT = 16 * 1024 * 1024;

Deno.test("an outbox may hold what is free, and a little however little that is", () => {
  const budget = new OutboxBudget(LIMIT);
  assert.equal(budget.thresholdBytes, LIMIT);
  budget.bytes = 1000;
  assert.equal(budget.thresholdBytes, LIMIT - 1000);
  budget.bytes = LIMIT - 1;
  const floor = budget.thresholdBytes;
  // Several full runs of a fan-out fit, or those who read would be dropped with those who do not.
  assert(floor >= 128 * 1024, `${floor}`);
  budget.bytes = LIMIT + 1_000_000;
  assert.equal(budget.thresholdBytes, floor);
  budget.bytes = LIMIT - floor - 1;
  assert.equal(budget.thresholdBytes, floor + 1);
});

Deno.test("stuck outboxes that take all they may settle at equal shares, and leave as much free", () => {
  const budget = new OutboxBudget(LIMIT);
  const sizes = new Array<number>(7).fill(0);
  for (let round = 0; round < 100_000; round++) {
    const index = round % sizes.length;
    if (sizes[index] + 1000 > budget.thresholdBytes) continue;
    sizes[index] += 1000;
    budget.bytes += 1000;
  }
  const share = LIMIT / (sizes.length + 1);
  for (const size of sizes) assert(Math.abs(size - share) < 10_000, `${size} of ${share}`);
  assert(budget.thresholdBytes > share - 10_000, "a newcomer gets as much");
});

Deno.test("whenFree resolves at once, or as soon as something is free", async () => {
  const budget = new OutboxBudget(100);
  await settles(budget.whenFree(), "nothing is held");
  budget.bytes = 99;
  assert(!budget.exhausted);
  await settles(budget.whenFree(), "one byte is free");
  budget.bytes = 120;
  assert(budget.exhausted);
  const woken: number[] = [];
  const waits = [1, 2].map((who) => budget.whenFree().then(() => void woken.push(who)));
  budget.free(20);
  await turn();
  assert.deepEqual(woken, [], "exactly full is still full");
  budget.free(1);
  await settles(Promise.all(waits), "both wake");
  assert.deepEqual(woken, [1, 2]);
  budget.bytes = 100;
  const again = budget.whenFree();
  budget.free(100);
  await settles(again, "waiting twice");
  assert.equal(budget.bytes, 0);
});
