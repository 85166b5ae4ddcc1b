/**
 * What one outbox may hold while others hold much, and who waits when nothing is free.
 */
import assert from "node:assert/strict";
import { joinBytes } from "../../lib/base/join_bytes.ts";
import { Fanout } from "../../lib/wire/fanout.ts";
import { Outbox } from "../../lib/wire/outbox.ts";
import { SlabPool } from "../../lib/wire/slab_pool.ts";
import { ManualWriter } from "../support/outbox.ts";
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

Deno.test("a limit that is raised wakes who waits, and one that is not enough wakes nobody", async () => {
  const budget = new OutboxBudget(100);
  budget.bytes = 150;
  let woken = false;
  const waits = budget.whenFree().then(() => void (woken = true));
  budget.setLimit(150);
  await turn();
  assert(!woken, "exactly full is still full");
  budget.setLimit(151);
  await settles(waits, "there is room by now");
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

Deno.test("large events for many who do not read are held once, and go back with the last of them", async () => {
  const [pool, budget] = [new SlabPool(), new OutboxBudget(64 * 1024 * 1024)];
  const context = { limits: { maxOutboxBytes: 2 ** 26 }, budget, pool, turns: { spend() {} } };
  const fanout = new Fanout(context, () => assert.fail("nothing is full"), () => {});
  const receivers = Array.from({ length: 40 }, (_, index) => {
    const writer = new ManualWriter();
    const outbox = new Outbox(writer.write, pool, budget);
    outbox.dropsOldest = index === 0;
    return { owner: {}, outbox, echo: false, overflow: 0, waitedFor: true, writer };
  });
  for (let number = 0; number < 40; number++) {
    // Small ones stand between the large ones, as they were published.
    const body = new Uint8Array(number % 2 === 0 ? 100_000 : 10).fill(number);
    fanout.add(receivers, null, body, 0, body.length, new Uint8Array(0), 0);
    fanout.endTurn();
  }
  assert.equal(budget.bytes, pool.heldBytes);
  assert(receivers.every(({ outbox }) => outbox.size > 2_000_000), "each has all of it to write");
  assert(budget.bytes < 12_000_000, `${budget.bytes} bytes for 40 that have 2 MB each`);
  const isShared = ({ outbox }: typeof receivers[0]) => outbox.pieces.some((one) => one.shared);
  assert.deepEqual(receivers.map(isShared), receivers.map((_, index) => index > 0));
  for (const { writer } of receivers) while (writer.pending > 0) await writer.succeed();
  const [first, ...rest] = receivers.map(({ writer }) => joinBytes(writer.batches));
  for (const one of rest) assert.deepEqual(one, first);
  assert.deepEqual([budget.bytes, pool.heldBytes], [0, 0]);
});
