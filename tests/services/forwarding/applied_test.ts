/**
 * Answers wait until the node has applied what they rest upon, but not for ever, and not again and again.
 */
import assert from "node:assert/strict";
import { Applied, MAX_LAG_MS } from "../../../lib/services/forwarding/applied.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { settles } from "../../support/until.ts";

Deno.test("an answer waits until the log was applied that far", async () => {
  const replica = { position: 5 };
  const applied = new Applied(replica, () => 0);
  assert.equal(applied.until(5), undefined);
  let isThere = false;
  const waiting = applied.until(7)!.then(() => isThere = true);
  replica.position = 6;
  applied.more();
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
  assert.equal(isThere, false);
  replica.position = 7;
  applied.more();
  await settles(waiting, "the answer");
});

Deno.test("it is noticed without being told, too", async () => {
  const replica = { position: 0 };
  const applied = new Applied(replica, () => 0);
  const waiting = applied.until(1)!;
  replica.position = 1;
  await settles(waiting, "the answer");
});

Deno.test("a node that is far behind holds one answer up, and none until it has come so far", async () => {
  const replica = { position: 0 };
  const clock = new ManualClock();
  const applied = new Applied(replica, () => clock.monotonicMs());
  const waiting = applied.until(10)!;
  clock.advance(MAX_LAG_MS);
  applied.more();
  await settles(waiting, "the answer that has waited in vain");
  assert.equal(applied.until(11), undefined);
  replica.position = 9;
  assert.equal(applied.until(12), undefined);
  replica.position = 10;
  const again = applied.until(12);
  assert.notEqual(again, undefined);
  replica.position = 12;
  applied.more();
  await settles(again!, "the answer behind it");
});
