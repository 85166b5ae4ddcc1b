/**
 * Rates: what a connection and an address may send, at and beyond each limit, with debts, and bounded memory.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DEFAULT_LIMITS, type RateLimits } from "../../../lib/base/limits.ts";
import { MAX_KEPT_ADDRESSES, Rates } from "../../../lib/logic/access/rates.ts";
import { TokenBucket } from "../../../lib/logic/access/token_bucket.ts";

function rates(limits: Partial<RateLimits>): Rates {
  return Rates.of({ ...DEFAULT_LIMITS, ...limits })!;
}

Deno.test("without rates there is nothing to keep", () => {
  assert.equal(Rates.of(DEFAULT_LIMITS), null);
  assert.equal(Rates.of({ ...DEFAULT_LIMITS, rateCloseAfterMs: 1000 }), null);
});

Deno.test("a connection has its burst at once, and then its rate", () => {
  const rate = rates({ rateMessagesPerSecond: 10, rateMessagesBurst: 3 }).join("192.0.2.7", 0);
  assert.equal(rate.messages(0), 3);
  rate.did(2);
  assert.equal(rate.messages(0), 1);
  assert.equal(rate.pauseMs(0), 0);
  rate.did(1);
  assert.equal(rate.messages(0), 0);
  assert.equal(rate.pauseMs(0), 100);
  assert.equal(rate.messages(99), 0);
  assert.equal(rate.messages(100), 1);
  assert.equal(rate.messages(100_000), 3);
});

Deno.test("without a burst as much comes at once as in a second", () => {
  const rate = rates({ rateMessagesPerSecond: 10 }).join("", 0);
  assert.equal(rate.messages(0), 10);
});

Deno.test("bytes are owed when they were read, and a debt is bounded", () => {
  const rate = rates({ rateBytesPerSecond: 1000, rateBytesBurst: 500 }).join("", 0);
  assert.equal(rate.messages(0), Infinity);
  rate.read(499, 0);
  assert.equal(rate.pauseMs(0), 0, "there is one left");
  rate.read(1, 0);
  assert.equal(rate.pauseMs(0), 50, "a pause is worth 50 ms");
  rate.read(1000, 0);
  assert.equal(rate.pauseMs(0), 1050);
  rate.read(1_000_000_000, 0);
  assert.equal(rate.pauseMs(0), 10_050);
});

Deno.test("connections of one address share its buckets, and a network of 64 bits is one address", () => {
  const all = rates({ rateMessagesPerSecondPerAddress: 10 });
  for (
    const [one, same, other] of [
      ["192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"],
      ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"],
    ]
  ) {
    const [first, second, third] = [one, same, other].map((address) => all.join(address, 0));
    first.did(7);
    assert.deepEqual([first, second, third].map((each) => each.messages(0)), [3, 3, 10]);
    second.did(3);
    assert.equal(first.messages(0), 0);
    assert(first.pauseMs(0) > 0);
  }
  assert.equal(all.join("", 0).messages(0), Infinity, "a unix socket has no address");
});

Deno.test("who connects again gets no new burst; who rests is forgotten", () => {
  const all = rates({ rateMessagesPerSecondPerAddress: 10, rateMessagesBurst: 0 });
  const first = all.join("192.0.2.7", 0);
  const second = all.join("192.0.2.7", 0);
  first.did(10);
  first.leave();
  second.leave();
  assert.equal(all.addresses, 1);
  const again = all.join("192.0.2.7", 100);
  assert.equal(again.messages(100), 1);
  again.leave();
  all.join("192.0.2.8", 200);
  assert.equal(all.addresses, 2, "it is not full yet");
  all.join("192.0.2.8", 10_000);
  assert.equal(all.addresses, 1);
});

Deno.test("so many addresses are kept, and the one that left first goes", () => {
  const all = rates({ rateMessagesPerSecondPerAddress: 1 });
  const address = (index: number) => `10.${index >> 16}.${index >> 8 & 255}.${index & 255}`;
  const leave = (index: number) => {
    const rate = all.join(address(index), 0);
    rate.did(1);
    rate.leave();
  };
  for (let index = 0; index < MAX_KEPT_ADDRESSES; index++) leave(index);
  assert.equal(all.addresses, MAX_KEPT_ADDRESSES);
  assert.equal(all.join(address(1), 0).messages(0), 0);
  for (const index of [MAX_KEPT_ADDRESSES, MAX_KEPT_ADDRESSES + 1]) leave(index);
  assert.equal(all.addresses, MAX_KEPT_ADDRESSES + 1);
  assert.equal(all.join(address(0), 0).messages(0), 1, "it was forgotten");
});

Deno.test("who is over its rate is so until half of its burst has come together", () => {
  const rate = rates({ rateMessagesPerSecond: 10, rateMessagesBurst: 4 }).join("", 1000);
  rate.did(4);
  assert.equal(rate.overMs(1000), 0);
  rate.pauseMs(1000);
  assert.equal(rate.overMs(1500), 500);
  rate.did(4);
  rate.read(1, 1599);
  assert.equal(rate.overMs(1600), 600);
  rate.read(1, 2000);
  assert.equal(rate.overMs(2000), 0);
});

Deno.test("what is spent is never more than the rate, the burst and what was spent last", () => {
  fc.assert(
    fc.property(
      // Slower ones may owe less than the most that is spent here.
      fc.integer({ min: 20, max: 5000 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 200 })), { maxLength: 100 }),
      (perSecond, burst, steps) => {
        const bucket = new TokenBucket(perSecond, burst, 0);
        let [now, spent, last] = [0, 0, 0];
        for (const [ms, count] of steps) {
          now += ms;
          if (bucket.available(now) < 1) continue;
          bucket.spend(count);
          spent += count;
          last = count;
          assert(spent - last <= burst + now * perSecond / 1000 + 1e-6);
        }
      },
    ),
  );
});
