/**
 * Opens the store that a configuration names: a directory, or memory when there is none.
 */
import { openMemoryStore } from "../adapters/memory/store.ts";
import { openSqliteStore } from "../adapters/sqlite/store.ts";
import type { Clock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import type { Store } from "../ports/store.ts";
import { type Config, storeLimitsOf } from "./config/config.ts";

const log = logger("server");

/**
 * Opens the store. Rejects with a ParleyError that says what to do; with `repair` it goes on with what is
 * left when the data directory has lost acknowledged events.
 */
export async function openStore(config: Config, clock: Clock, repair: boolean): Promise<Store> {
  const limits = storeLimitsOf(config);
  const store = config.data === ""
    ? openMemoryStore({ clock, limits })
    : await openSqliteStore({ directory: config.data, clock, limits, repair });
  for (const warning of store.warnings) log.warning("{warning}", { warning });
  return store;
}
