/**
 * The subscriptions of one client that match one topic, type and group.
 *
 * Without a group all of them get the event. What the server sends to a group's member goes to one of
 * them: the one with the fewest events waiting, in turn among equals, as the server itself chooses.
 */
import type { Subscription } from "./subscription.ts";

/** The subscriptions that match, good for as long as none comes or goes. */
export class Receivers {
  /** All subscriptions that match. */
  readonly all: readonly Subscription[];
  #turn = 0;

  constructor(all: readonly Subscription[]) {
    this.all = all;
  }

  /** The one that gets the next event of the group; `own` when this client published it. */
  oneFor(own: boolean): Subscription | undefined {
    const { length } = this.all;
    let best: Subscription | undefined;
    let bestAt = 0;
    for (let step = 0; step < length; step++) {
      const at = (this.#turn + step) % length;
      const one = this.all[at];
      if (one.ended || (own && !one.echo)) continue;
      if (best !== undefined && one.waiting >= best.waiting) continue;
      best = one;
      bestAt = at;
    }
    this.#turn = bestAt + 1;
    return best;
  }
}
