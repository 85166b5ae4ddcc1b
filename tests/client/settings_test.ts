/**
 * The defaults of a client's options, and the bounds of each.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../lib/base/errors.ts";
import { type ConnectOptions, settingsOf } from "../../lib/client/settings.ts";

Deno.test("what is not said has a default", () => {
  assert.deepEqual(settingsOf({}), {
    name: "",
    pool: 1,
    requestTimeoutMs: 10_000,
    followHints: false,
    connectTimeoutMs: 5_000,
    reconnect: { minMs: 100, maxMs: 10_000, attempts: Infinity },
    maxInFlight: 4096,
    tls: {},
  });
  assert.equal(settingsOf({ reconnect: false }).reconnect, null);
  assert.deepEqual(settingsOf({ reconnect: { minMs: 20_000, attempts: 3 } }).reconnect, {
    minMs: 20_000,
    maxMs: 20_000,
    attempts: 3,
  });
});

Deno.test("a value out of bounds is refused by its name", () => {
  const refused: [ConnectOptions, string][] = [
    [{ pool: 0 }, "pool 0"],
    [{ pool: 1.5 }, "pool 1.5"],
    [{ pool: 1025 }, "pool 1025"],
    [{ requestTimeoutMs: 0 }, "requestTimeoutMs 0"],
    [{ requestTimeoutMs: Infinity }, "requestTimeoutMs Infinity"],
    [{ connectTimeoutMs: -1 }, "connectTimeoutMs -1"],
    [{ connectTimeoutMs: NaN }, "connectTimeoutMs NaN"],
    [{ maxInFlight: 0 }, "maxInFlight 0"],
    [{ reconnect: { minMs: 0 } }, "reconnect.minMs 0"],
    [{ reconnect: { minMs: 10, maxMs: 5 } }, "reconnect.maxMs 5"],
    [{ reconnect: { attempts: 0 } }, "reconnect.attempts 0"],
  ];
  for (const [options, value] of refused) {
    assert.throws(() => settingsOf(options), (error) => {
      assert(error instanceof ParleyError);
      assert.equal(error.code, ErrorCode.INVALID_ARGUMENT);
      assert.equal(error.reason, `cannot use ${value}`);
      assert.notEqual(error.accepted, "");
      return true;
    });
  }
});
