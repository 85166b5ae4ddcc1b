/**
 * Who holds what is kept: the user who made a topic or a queue, with the bytes of all events and jobs that are in
 * the topics and queues that it made.
 *
 * The bytes follow every change at once: they count what was handed over and is not committed, and no more what failed,
 * was trimmed or settled. So a limit can be decided exactly, by one comparison.
 */

import type { Holder } from "../../ports/job_log.ts";
import type { Holders } from "../../ports/store.ts";

/** A user who made topics or queues, and by how many of them it is referred to. */
interface Referred extends Holder {
  references: number;
}

/** Those who made the topics and queues of one store: as many as there are topics and queues at most. */
export class StoreHolders implements Holders {
  readonly #byName = new Map<string, Referred>();

  find(name: string): Holder | null {
    return this.#byName.get(name) ?? null;
  }

  refer(name: string): Holder | null {
    if (name === "") return null;
    let holder = this.#byName.get(name);
    if (holder === undefined) {
      this.#byName.set(name, holder = { name, bytes: 0, references: 0 });
    }
    holder.references++;
    return holder;
  }

  release(holder: Holder | null): void {
    if (holder === null) return;
    const referred = holder as Referred;
    if (--referred.references === 0) this.#byName.delete(holder.name);
  }
}
