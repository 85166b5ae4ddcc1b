/**
 * What a server that starts waits for, and what ends it.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { LogError } from "../../../lib/ports/commit_log.ts";
import { patiently } from "../../../lib/server/cluster/patience.ts";

const LONG_MS = 1e7;

Deno.test("a log that gives no answer is asked again, and so are snapshots", async () => {
  const passing = [
    new LogError("unknown", "no answer"),
    new ParleyError(ErrorCode.UNAVAILABLE, "cannot look for snapshots: timeout"),
  ];
  const opened = await patiently(() => {
    const error = passing.shift();
    return error === undefined ? Promise.resolve("the store") : Promise.reject(error);
  }, LONG_MS);
  assert.equal(opened, "the store");
});

Deno.test("what will not pass ends the wait with its error", async () => {
  for (
    const error of [
      new LogError("lost", "it is another log"),
      new ParleyError(ErrorCode.FAILED_PRECONDITION, "cannot follow the log"),
      new Error("a defect"),
    ]
  ) {
    await assert.rejects(patiently(() => Promise.reject(error), LONG_MS), error);
  }
});

Deno.test("a wait ends without a result when its time is over", async () => {
  const error = new LogError("unknown", "no answer");
  assert.equal(await patiently(() => Promise.reject(error), 0), null);
});
