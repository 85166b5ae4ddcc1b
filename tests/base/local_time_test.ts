/**
 * Local time as people read it: always of the same width.
 */
import assert from "node:assert/strict";
import { localClock, localDay, preciseClock } from "../../lib/base/local_time.ts";

Deno.test("local times have all their digits", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5, 6);
  assert.equal(localDay(time), "2026-01-02");
  assert.equal(localClock(time), "03:04:05");
  assert.equal(preciseClock(time), "03:04:05.006");
  assert.equal(preciseClock(new Date(2026, 11, 31, 23, 59, 59, 999)), "23:59:59.999");
});
