/**
 * Accepting goes on whatever goes wrong, with pauses that grow, one warning, and timers that still run.
 */
import assert from "node:assert/strict";
import { acceptLoop, acceptPauseMs, pause } from "../../lib/adapters/socket/accept_loop.ts";
import { LogRecords } from "../support/log_records.ts";
import { settles } from "../support/until.ts";

Deno.test("each failure in a row doubles the pause, from 5 ms up to a second", () => {
  const pauses = Array.from({ length: 12 }, (_, index) => acceptPauseMs(index + 1));
  assert.deepEqual(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000]);
  assert.equal(acceptPauseMs(1_000_000), 1000);
});

Deno.test("a failing accept pauses, lets timers run, is logged once, and goes on", async () => {
  using logs = new LogRecords();
  const stop = new AbortController();
  let timerTicks = 0;
  const timer = setInterval(() => timerTicks++, 1);
  let calls = 0;
  const ticksAtCall: number[] = [];
  const accept = () => {
    ticksAtCall.push(timerTicks);
    calls++;
    if (calls === 1 || calls > 5) return Promise.resolve(calls);
    return Promise.reject(new Error("Too many open files (os error 24)"));
  };
  const accepted: number[] = [];
  try {
    for await (const connection of acceptLoop(accept, "test", stop.signal)) {
      accepted.push(connection);
      if (accepted.length === 3) stop.abort();
    }
  } finally {
    clearInterval(timer);
  }
  assert.deepEqual(accepted, [1, 6, 7]);
  assert.equal(calls, 7);
  for (let failure = 2; failure < 6; failure++) {
    assert(ticksAtCall[failure] > ticksAtCall[failure - 1], `timers ran after failure ${failure}`);
  }
  assert.equal(logs.templates("warning").length, 1);
  assert.equal(logs.templates("info").length, 1, "and once more when it goes on");
  assert.equal(logs.records.find((record) => record.level === "info")?.properties.failures, 4);
});

Deno.test("stopping ends a pause at once, and an accept that rejects because of it is no failure", async () => {
  using logs = new LogRecords();
  const stop = new AbortController();
  let calls = 0;
  const failing = acceptLoop(
    () => {
      // From the ninth failure on the pause is a second.
      if (++calls === 3) stop.abort();
      return Promise.reject(new Error("no"));
    },
    "test",
    stop.signal,
  );
  assert.equal((await settles(failing.next(), "the end")).done, true);
  assert.equal(calls, 3);

  const closing = new AbortController();
  let reject = (_: Error) => {};
  const waiting = acceptLoop(
    () => new Promise((_, refuse) => reject = refuse),
    "test",
    closing.signal,
  );
  const next = waiting.next();
  closing.abort();
  reject(new Error("listener closed"));
  assert.equal((await settles(next, "the end")).done, true);
  assert.equal(logs.templates("warning").length, 1, "only the first one");
});

Deno.test("a pause ends when it is told to, also before it began", async () => {
  const stop = new AbortController();
  const long = pause(1_000_000, stop.signal);
  stop.abort();
  await settles(long, "the pause");
  await settles(pause(1_000_000, stop.signal), "a pause after the end");
  await settles(pause(1, new AbortController().signal), "a short pause");
});
