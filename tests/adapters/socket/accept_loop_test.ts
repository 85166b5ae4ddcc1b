/**
 * Accepting goes on whatever goes wrong: who is gone is passed over, who waits behind is taken, a pause is only
 * where something has run out, and timers run in any case.
 */
import assert from "node:assert/strict";
import { constants } from "node:os";
import { acceptFailureOf } from "../../../lib/adapters/socket/accept_failure.ts";
import { acceptLoop, exhaustionPauseMs, pause } from "../../../lib/adapters/socket/accept_loop.ts";
import { LogRecords } from "../../support/log_records.ts";
import { settles } from "../../support/until.ts";

/** An error as the runtime makes it of one of the system's. */
function systemError(code: string, number: number, withCode = true): Error {
  const error = new Error(`it failed (os error ${number})`);
  return withCode ? Object.assign(error, { code }) : error;
}

const RESET = systemError("ENOTCONN", constants.errno.ENOTCONN);
const FULL = systemError("EMFILE", constants.errno.EMFILE);

/** Rejects with what `failures` has, in order, and accepts from then on. */
function failing(failures: readonly unknown[]): { accept: () => Promise<number>; calls: number } {
  const source = {
    calls: 0,
    accept() {
      const failure = failures[source.calls++];
      return failure === undefined ? Promise.resolve(source.calls) : Promise.reject(failure);
    },
  };
  return source;
}

Deno.test("what a rejected accept means is told by the name of the system's error", () => {
  const { errno } = constants;
  for (const name of ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"] as const) {
    assert.equal(acceptFailureOf(systemError(name, errno[name])), "exhaustion", name);
    // The runtime gives no code to some, ENFILE for one.
    assert.equal(acceptFailureOf(systemError(name, errno[name], false)), "exhaustion", name);
  }
  const ofConnections = ["ENOTCONN", "ECONNABORTED", "ECONNRESET", "EPROTO", "EPERM"] as const;
  for (const name of [...ofConnections, "ENETDOWN", "EHOSTUNREACH", "ETIMEDOUT"] as const) {
    assert.equal(acceptFailureOf(systemError(name, errno[name])), "connection", name);
    assert.equal(acceptFailureOf(systemError(name, errno[name], false)), "connection", name);
  }
  const { EINVAL, EIO } = errno;
  for (
    const error of [systemError("EINVAL", EINVAL), systemError("EIO", EIO), new Error("no"), 7]
  ) {
    assert.equal(acceptFailureOf(error), "unknown");
  }
});

Deno.test("a connection that was reset before it was taken is passed over, however many there are", async () => {
  using logs = new LogRecords();
  const stop = new AbortController();
  let timerTicks = 0;
  const timer = setInterval(() => timerTicks++, 1);
  const source = failing(Array(10_000).fill(RESET));
  try {
    // Ten thousand pauses of any length that grows would take hours.
    const accepted = acceptLoop(source.accept, "test", stop.signal);
    assert.equal((await settles(accepted.next(), "the connection behind them")).value, 10_001);
    assert(timerTicks > 10, `timers ran meanwhile: ${timerTicks}`);
    await accepted.return();
  } finally {
    clearInterval(timer);
  }
  assert.deepEqual(logs.templates("warning"), []);
  assert.deepEqual(logs.templates("info"), []);
  assert.equal(logs.templates("debug").length, 10_000);
});

Deno.test("a full backlog does not keep timers from running", async () => {
  const stop = new AbortController();
  let timerTicks = 0;
  const timer = setInterval(() => timerTicks++, 1);
  let accepted = 0;
  try {
    for await (const _ of acceptLoop(() => Promise.resolve(1), "test", stop.signal)) {
      if (++accepted === 10_000) stop.abort();
    }
  } finally {
    clearInterval(timer);
  }
  assert(timerTicks > 10, `timers ran meanwhile: ${timerTicks}`);
});

Deno.test("unforeseen failures are passed over, but cannot keep the server busy", async () => {
  using logs = new LogRecords();
  const stop = new AbortController();
  let timerTicks = 0;
  const timer = setInterval(() => timerTicks++, 1);
  const source = failing(Array(1000).fill(new Error("what is this?")));
  try {
    const accepted = acceptLoop(source.accept, "test", stop.signal);
    assert.equal((await settles(accepted.next(), "the connection behind them")).value, 1001);
    await accepted.return();
  } finally {
    clearInterval(timer);
  }
  assert(timerTicks >= 62, `a pause every 16: ${timerTicks}`);
  assert.equal(logs.templates("warning").length, 1);
  assert.equal(logs.templates("info").length, 1, "and once more when it goes on");
});

Deno.test("when something has run out each failure in a row doubles the pause, up to a quarter of a second", () => {
  const pauses = Array.from({ length: 9 }, (_, index) => exhaustionPauseMs(index + 1));
  assert.deepEqual(pauses, [5, 10, 20, 40, 80, 160, 250, 250, 250]);
  assert.equal(exhaustionPauseMs(1_000_000), 250);
});

Deno.test("an accept that has run out pauses, lets timers run, is logged once, and goes on", async () => {
  using logs = new LogRecords();
  const stop = new AbortController();
  let timerTicks = 0;
  const timer = setInterval(() => timerTicks++, 1);
  const ticksAtCall: number[] = [];
  const source = failing([undefined, FULL, FULL, FULL, FULL]);
  const accept = () => {
    ticksAtCall.push(timerTicks);
    return source.accept();
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
  const exhausted = acceptLoop(
    () => {
      if (++calls === 3) stop.abort();
      return Promise.reject(FULL);
    },
    "test",
    stop.signal,
  );
  assert.equal((await settles(exhausted.next(), "the end")).done, true);
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
