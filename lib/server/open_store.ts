/**
 * Opens the store that a configuration names: a directory, or memory when there is none.
 */
import { openMemoryStore } from "../adapters/memory/store.ts";
import { openSqliteStore } from "../adapters/sqlite/store.ts";
import type { Clock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import type { Store } from "../ports/store.ts";
import { openShared, type SharedStore, sharesLog } from "./cluster/shared.ts";
import { type Config, storeLimitsOf } from "./config/config.ts";

const log = logger("server");

/** A store, and what is behind one that the nodes of a cluster share; else null. */
interface OpenedStore {
  readonly store: Store;
  readonly shared: SharedStore | null;
}

/**
 * Opens the store. Rejects with a ParleyError that says what to do; with `repair` it goes on with what is
 * left when the data directory has lost acknowledged events, but in a cluster, whose nodes have one history.
 */
export async function openStore(
  config: Config,
  clock: Clock,
  repair: boolean,
): Promise<OpenedStore> {
  const shared = sharesLog(config) ? await openShared(config, clock) : null;
  const store = shared?.store ?? await openOwn(config, clock, repair);
  for (const warning of store.warnings) log.warning("{warning}", { warning });
  return { store, shared };
}

async function openOwn(config: Config, clock: Clock, repair: boolean): Promise<Store> {
  const limits = storeLimitsOf(config);
  if (config.data === "") return openMemoryStore({ clock, limits });
  return await openSqliteStore({ directory: config.data, clock, limits, repair });
}
