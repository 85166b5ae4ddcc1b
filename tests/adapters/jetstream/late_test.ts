/**
 * A log that may not be reachable yet: it gives no answer until it is, and is never another one.
 */
import assert from "node:assert/strict";
import { LateLog } from "../../../lib/adapters/jetstream/late.ts";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { MemoryEntries, MemoryLog } from "../../support/memory_log.ts";
import { settles } from "../../support/until.ts";

Deno.test("a log that cannot be reached gives no answer, and is read once it can be", async () => {
  const shared = new MemoryEntries();
  const gate = Promise.withResolvers<MemoryLog>();
  let attempts = 0;
  const log = new LateLog(shared.epoch, () => {
    if (++attempts > 1) return gate.promise;
    return Promise.reject(new ParleyError(ErrorCode.UNAVAILABLE, "no server is there"));
  });
  const entry = new Uint8Array([1]);
  await assert.rejects(log.state(), { fault: "unknown" });
  await assert.rejects(log.append(entry, 0), { fault: "unknown" });
  assert.deepEqual([log.level, log.replicas], [AckLevel.ROUTED, 0]);
  const taken: number[] = [];
  const reader = log.read(0, ({ sequence }) => void taken.push(sequence));
  const reached = reader.reached(1);
  assert.equal(reader.position, 0);
  gate.resolve(new MemoryLog(shared));
  await settles(log.opened, "the log is open");
  assert.equal(log.level, AckLevel.REPLICATED);
  await log.append(entry, 0);
  await settles(reached, "the entry is read");
  assert.deepEqual([taken, reader.position], [[1], 1]);
  await reader.close();
});

Deno.test("a reader of a log that was never reached can be closed, and the log as well", async () => {
  const log = new LateLog("e", () => Promise.reject(new ParleyError(ErrorCode.UNAVAILABLE, "no")));
  const reader = log.read(0, () => {});
  await settles(reader.close(), "the reader is closed");
  await assert.rejects(reader.reached(1), { fault: "closed" });
  log.close();
  await assert.rejects(log.opened, { fault: "closed" });
});

Deno.test("a log of another history is refused for good", async () => {
  const log = new LateLog("mine", () => Promise.resolve(new MemoryLog()));
  await assert.rejects(log.opened, { codeName: "FAILED_PRECONDITION" });
  const reader = log.read(0, () => {});
  await assert.rejects(reader.ended, { codeName: "FAILED_PRECONDITION" });
  await reader.close();
});
