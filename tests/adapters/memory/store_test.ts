/**
 * The store in memory: the contract of all stores, and what is its own.
 */
import assert from "node:assert/strict";
import { openMemoryStore } from "../../../lib/adapters/memory/store.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { testJobLogContract } from "../../contract/job_log_contract.ts";
import { testReplicaContract } from "../../contract/replica_contract.ts";
import { type StoreSubject, testStoreContract } from "../../contract/store_contract.ts";

const subject: StoreSubject = {
  name: "memory",
  level: AckLevel.ROUTED,
  outlives: false,
  histories: 12,
  place: () =>
    Promise.resolve({
      open: ({ clock, limits, capacityBytes } = {}) => {
        const capacity = capacityBytes === undefined ? {} : { maxMemoryStoreBytes: capacityBytes };
        return Promise.resolve(openMemoryStore({ clock, limits: { ...limits, ...capacity } }));
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
};

testStoreContract(subject);
testJobLogContract(subject);
testReplicaContract({
  name: "memory",
  outlives: false,
  histories: 12,
  place: () =>
    Promise.resolve({
      open: ({ clock, log, capacityBytes }) => {
        const limits = capacityBytes === undefined ? {} : { maxMemoryStoreBytes: capacityBytes };
        return Promise.resolve(openMemoryStore({ clock, log, limits }));
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
});

Deno.test("memory store: a backup is refused, and each store is a history of its own", async () => {
  const [one, other] = [openMemoryStore(), openMemoryStore()];
  await assert.rejects(one.backup("copy.db"), { codeName: "UNIMPLEMENTED" });
  assert.notEqual(one.epoch, other.epoch);
  await Promise.all([one.close(), other.close()]);
});
