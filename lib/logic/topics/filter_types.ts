/**
 * The message types that subscriptions name, counted.
 *
 * All other types are one to a match: nobody asks for them by name. So a publisher who invents a type for
 * every event fills no cache. Invariant: a type is here as long as some subscription names it.
 */
import { NameMap } from "./name_map.ts";

interface NamedType {
  readonly type: string;
  count: number;
}

/** Counts the types that are named. */
export class FilterTypes {
  readonly #named = new NameMap<NamedType>();

  add(type: string): void {
    const named = this.#named.get(type);
    if (named === undefined) this.#named.set(type, { type, count: 1 });
    else named.count++;
  }

  /** Counts one less of a type that was added. */
  remove(type: string): void {
    const named = this.#named.get(type);
    if (named !== undefined && --named.count === 0) this.#named.delete(type);
  }

  /** Gives `type` itself when it is named, otherwise the empty string, which stands for all others. */
  named(type: string): string {
    if (type === "" || this.#named.size === 0) return "";
    return this.#named.get(type)?.type ?? "";
  }
}
