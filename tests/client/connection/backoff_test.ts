/**
 * Backoff with full jitter: how delays grow, when they start over, and when there are none left.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Backoff } from "../../../lib/client/connection/backoff.ts";

const settings = { minMs: 100, maxMs: 1000, attempts: Infinity };

/** The next `count` delays with the same random number. */
function delays(backoff: Backoff, count: number, random: number): (number | null)[] {
  return Array.from({ length: count }, () => backoff.next(random));
}

Deno.test("delays double up to the longest, times a random number", () => {
  assert.deepEqual(delays(new Backoff(settings), 6, 0.5), [50, 100, 200, 400, 500, 500]);
});

Deno.test("every delay lies below its bound, however long it goes on", () => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0, max: 0.999, noNaN: true })), (randoms) => {
    const backoff = new Backoff(settings);
    return randoms.every((random) => {
      const delay = backoff.next(random);
      return delay !== null && delay >= 0 && delay < settings.maxMs;
    });
  }));
  assert.equal(delays(new Backoff(settings), 5000, 1).at(-1), 1000);
});

Deno.test("delays start over only after a connection that lived for a while", () => {
  const backoff = new Backoff(settings);
  delays(backoff, 3, 1);
  backoff.opened(10_000);
  backoff.lost(10_999);
  assert.equal(backoff.next(1), 800);
  backoff.opened(20_000);
  backoff.lost(21_000);
  assert.equal(backoff.next(1), 100);
});

Deno.test("attempts are counted from the last connection, however short that was", () => {
  const backoff = new Backoff({ ...settings, attempts: 2 });
  assert.deepEqual(delays(backoff, 3, 1), [100, 200, null]);
  backoff.opened(0);
  backoff.lost(1);
  assert.deepEqual(delays(backoff, 3, 1), [400, 800, null]);
});
