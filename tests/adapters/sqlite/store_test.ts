/**
 * The store on SQLite: the contract of all stores, each case in a directory of its own.
 */
import assert from "node:assert/strict";
import { openSqliteStore } from "../../../lib/adapters/sqlite/store.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { testJobLogContract } from "../../contract/job_log_contract.ts";
import { testReplicaContract } from "../../contract/replica_contract.ts";
import { MemoryEntries, MemoryLog } from "../../support/memory_log.ts";
import { ReplicaNode } from "../../support/replica_node.ts";
import { History, WINDOW_MS } from "../../contract/store_history.ts";
import { append } from "../../contract/store_support.ts";
import { type StoreSubject, testStoreContract } from "../../contract/store_contract.ts";

const subject: StoreSubject = {
  name: "sqlite",
  level: AckLevel.FSYNCED,
  outlives: true,
  histories: 6,
  place: async () => {
    const directory = await Deno.makeTempDir({ prefix: "parley-store-" });
    return {
      open: ({ clock, limits, capacityBytes: maxDatabaseBytes } = {}) =>
        openSqliteStore({ directory, clock, limits, maxDatabaseBytes }),
      [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
    };
  },
};

testStoreContract(subject);
testJobLogContract(subject);
testReplicaContract({
  name: "sqlite",
  outlives: true,
  histories: 4,
  place: async () => {
    const directory = await Deno.makeTempDir({ prefix: "parley-store-" });
    return {
      open: ({ clock, log, capacityBytes: maxDatabaseBytes }) =>
        openSqliteStore({ directory, clock, log, maxDatabaseBytes }),
      [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
    };
  },
});

for (let seed = 1; seed <= 2; seed++) {
  Deno.test(`a store that leads is as good as one of its own, seed ${seed}`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "parley-store-" });
    const shared = new MemoryEntries();
    const history = new History(seed, async (clock, former) => {
      await former?.close();
      const log = new MemoryLog(shared);
      const limits = { dedupWindowMs: WINDOW_MS };
      const store = await openSqliteStore({ directory, clock, log, limits });
      assert.ok(await new ReplicaNode(store, log).claim());
      return store;
    });
    await history.play(400);
    await Deno.remove(directory, { recursive: true });
  });
}

Deno.test("a data directory follows one log, and goes on alone as another history", async () => {
  const directory = await Deno.makeTempDir({ prefix: "parley-store-" });
  const shared = new MemoryEntries();
  const log = new MemoryLog(shared);
  const node = new ReplicaNode(await openSqliteStore({ directory, log }), log);
  assert.ok(await node.claim());
  assert.equal(node.store.epoch, shared.epoch);
  append(node.store, node.store.openTopic("t"), "kept");
  await node.store.flush();
  await node.store.backup(`${directory}/copy.db`);
  await node[Symbol.asyncDispose]();
  const foreign = openSqliteStore({ directory, log: new MemoryLog() });
  await assert.rejects(foreign, {
    codeName: "FAILED_PRECONDITION",
    message: /follow the cluster's log/,
  });

  // A copy, as a new node begins with it, is of the same history and goes on where it was made.
  const other = await Deno.makeTempDir({ prefix: "parley-store-" });
  await Deno.rename(`${directory}/copy.db`, `${other}/parley.db`);
  const copy = await openSqliteStore({ directory: other, log });
  assert.equal(copy.epoch, shared.epoch);
  assert.equal(copy.replica!.position, shared.last);
  await copy.close();

  const alone = await openSqliteStore({ directory });
  assert.notEqual(alone.epoch, shared.epoch);
  assert.match(alone.warnings.join(), /that of a node of a cluster/);
  assert.equal(append(alone, alone.openTopic("t"), "alone"), 2);
  await alone.close();
  await assert.rejects(openSqliteStore({ directory, log }), { codeName: "FAILED_PRECONDITION" });
  for (const one of [directory, other]) await Deno.remove(one, { recursive: true });
});

Deno.test({
  name: "a data directory that is made is for its user alone",
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "parley-store-" });
    try {
      const directory = `${folder}/made/data`;
      const store = await openSqliteStore({ directory });
      await store.close();
      if (Deno.build.os !== "windows") {
        assert.equal((await Deno.stat(directory)).mode! & 0o777, 0o700);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
