/**
 * The store on SQLite: the contract of all stores, each case in a directory of its own.
 */
import assert from "node:assert/strict";
import { openSqliteStore } from "../../../lib/adapters/sqlite/store.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { testJobLogContract } from "../../contract/job_log_contract.ts";
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
