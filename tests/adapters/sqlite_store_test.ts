/**
 * The store on SQLite: the contract of all stores, each case in a directory of its own.
 */
import { openSqliteStore } from "../../lib/adapters/sqlite_store.ts";
import { AckLevel } from "../../lib/gen/parley/v1/session_pb.ts";
import { testStoreContract } from "../contract/store_contract.ts";

testStoreContract({
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
});
