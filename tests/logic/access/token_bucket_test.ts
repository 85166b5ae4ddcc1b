/**
 * The token bucket: a burst at once, the rate on the long run, exact waits, and a clock that stands still.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { TokenBucket } from "../../../lib/logic/access/token_bucket.ts";

Deno.test("a bucket starts full: the burst passes at once, the next waits", () => {
  const bucket = new TokenBucket(10, 3, 500);
  assert.deepEqual([bucket.take(500), bucket.take(500), bucket.take(500)], [0, 0, 0]);
  assert.equal(bucket.take(500), 100);
  assert.equal(bucket.take(550), 50, "asking costs nothing");
  assert.equal(bucket.take(600), 0);
  assert.equal(bucket.take(600), 100);
});

Deno.test("a long pause fills it up to the burst and no further", () => {
  const bucket = new TokenBucket(1000, 5, 0);
  const taken = Array.from({ length: 8 }, () => bucket.take(1_000_000));
  assert.deepEqual(taken.filter((wait) => wait === 0).length, 5);
});

Deno.test("a clock that goes back gives nothing and takes nothing", () => {
  const bucket = new TokenBucket(10, 1, 1000);
  assert.equal(bucket.take(1000), 0);
  assert.equal(bucket.take(0), 100);
  assert.equal(bucket.take(1050), 50);
});

Deno.test("never more than the burst and the rate allow, and never less to one who waits", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200 }),
      (rate, burst, steps) => {
        const bucket = new TokenBucket(rate, burst, 0);
        let now = 0;
        let taken = 0;
        for (const step of steps) {
          now += step;
          const wait = bucket.take(now);
          if (wait === 0) taken++;
          else {
            assert(wait > 0 && wait <= 1000 / rate + 1e-6, `${wait}`);
            now += wait + 1e-6;
            assert.equal(bucket.take(now), 0, "whoever waits as told is let in");
            taken++;
          }
          assert(taken <= burst + now * rate / 1000 + 1e-3, `${taken} in ${now} ms`);
        }
      },
    ),
  );
});
