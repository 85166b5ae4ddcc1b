/**
 * How long it takes until another Worker takes the place of one that died: longer each time, never very long, and at once again
 * when one has worked.
 */
import assert from "node:assert/strict";
import { RestartDelay } from "../../../lib/adapters/sqlite/store_worker.ts";

Deno.test("Workers that die one after the other are replaced more rarely, but every 5 s at least", () => {
  const delay = new RestartDelay();
  const first = delay.next();
  assert(first > 0 && first <= 10, "the first is replaced at once");
  let last = first;
  for (let death = 0; death < 100; death++) {
    const next = delay.next();
    assert(next >= last && next <= 2 * last && next <= 5000, `${next} ms after ${last} ms`);
    last = next;
  }
  assert.equal(last, 5000);
  delay.worked();
  assert.equal(delay.next(), first);
});
