/**
 * What becomes of a job by the status of its receiver, and what Retry-After says.
 */
import assert from "node:assert/strict";
import {
  MAX_RETRY_AFTER_MS,
  retryAfterMs,
  webhookOutcome,
} from "../../../lib/logic/webhooks/answer.ts";

const NOW_MS = Date.UTC(2026, 0, 1);

Deno.test("2xx is done, 410 is gone, all others are tried again", () => {
  for (let status = 100; status < 600; status++) {
    const { verdict, delayMs, holdMs, error } = webhookOutcome(status, "", NOW_MS);
    const expected = status === 410 ? "gone" : status >= 200 && status < 300 ? "ack" : "nack";
    assert.deepEqual([verdict, delayMs, holdMs], [expected, -1, 0], `${status}`);
    assert.equal(error === "", expected === "ack");
    assert.equal(/not followed/.test(error), status >= 300 && status < 400);
  }
});

Deno.test("Retry-After counts for 429 and 503 alone", () => {
  for (const status of [429, 503]) {
    const { verdict, delayMs, holdMs } = webhookOutcome(status, "7", NOW_MS);
    assert.deepEqual([verdict, delayMs, holdMs], ["nack", 7000, 7000]);
  }
  for (const status of [301, 413, 500, 502]) {
    assert.deepEqual(webhookOutcome(status, "7", NOW_MS).delayMs, -1);
  }
});

Deno.test("Retry-After is a number of seconds or a date, and bounded", () => {
  assert.equal(retryAfterMs("0", NOW_MS), 0);
  assert.equal(retryAfterMs(" 120 ", NOW_MS), 120_000);
  assert.equal(retryAfterMs("9999999999", NOW_MS), MAX_RETRY_AFTER_MS);
  assert.equal(retryAfterMs("Thu, 01 Jan 2026 00:00:05 GMT", NOW_MS), 5000);
  assert.equal(retryAfterMs("Wed, 31 Dec 2025 23:59:00 GMT", NOW_MS), 0);
  assert.equal(retryAfterMs("Fri, 01 Jan 2027 00:00:00 GMT", NOW_MS), MAX_RETRY_AFTER_MS);
  for (const text of ["", "-1", "1.5", "soon", "2026-01-01T00:00:00Z", "1e3", "12345678901"]) {
    assert.equal(retryAfterMs(text, NOW_MS), null, text);
  }
});
