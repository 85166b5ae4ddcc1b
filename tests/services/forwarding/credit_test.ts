/**
 * What sessions may have under way: bounded in all, never used up by those that stand still, and nobody is forgotten.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CreditPool } from "../../../lib/services/forwarding/credit.ts";

const WINDOW = 100;
const TOTAL = 1000;
const LONGEST = 20;

Deno.test("a session has a window, and a part of what all have left", () => {
  const pool = new CreditPool(WINDOW, TOTAL);
  const first = pool.open();
  assert.equal(first.room, WINDOW);
  first.spend(60);
  assert.equal(first.room, 40);
  // Sessions that are taken from by nobody leave something for others, however many they are.
  for (let index = 0; index < 12; index++) {
    const stuck = pool.open();
    stuck.spend(stuck.room);
  }
  assert.ok(pool.used < TOTAL);
  const quick = pool.open();
  assert.ok(quick.room > 0, "who has nothing under way may send");
  quick.spend(LONGEST);
  assert.ok(quick.room <= 0, "but not more, while others take up everything");
});

Deno.test("who waits is let on when it is taken from, and at the end", async () => {
  const pool = new CreditPool(WINDOW, TOTAL);
  const one = pool.open();
  one.spend(WINDOW);
  let isOn = false;
  const waiting = one.whenRoom().then(() => isOn = true);
  await Promise.resolve();
  assert.equal(isOn, false);
  one.taken(1);
  await waiting;
  one.spend(1);
  const over = one.whenRoom();
  one.close();
  await over;
  assert.deepEqual([pool.used, pool.waiting], [0, 0]);
  one.taken(50);
  assert.equal(pool.used, 0);
});

Deno.test("nobody is forgotten, in whatever order the other node takes", async () => {
  const steps = fc.array(fc.nat({ max: 9 }), { maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 2, max: 30 }), async (order, count) => {
      const pool = new CreditPool(WINDOW, TOTAL);
      let done = 0;
      const underWay: (() => void)[] = [];
      const sessions = Array.from({ length: count }, async () => {
        const credit = pool.open();
        for (let sent = 0; sent < 40; sent++) {
          while (credit.room <= 0) await credit.whenRoom();
          credit.spend(LONGEST);
          underWay.push(() => credit.taken(LONGEST));
          assert.ok(pool.used <= TOTAL + count * LONGEST);
          await Promise.resolve();
        }
        done++;
      });
      for (let index = 0; done < count; index++) {
        // Whatever is sent is taken at some time.
        const at = (order[index % (order.length || 1)] ?? 0) % (underWay.length || 1);
        underWay.splice(at, 1)[0]?.();
        for (let turns = 0; turns < 5; turns++) await Promise.resolve();
        assert.ok(index < 100_000, "all go on");
      }
      await Promise.all(sessions);
      for (const take of underWay) take();
      assert.equal(pool.used, 0);
    }),
    { numRuns: 30 },
  );
});
