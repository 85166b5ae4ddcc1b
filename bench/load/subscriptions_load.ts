/**
 * Subscriptions that no event matches: many, over as many connections as the limit of one asks for. They
 * are held until the end of the steps.
 *
 * Nine of ten are plain topics, the tenth has a wildcard, each a different one.
 */
import { hello, subscribeAll } from "./dialect_parley.ts";
import type { Steps } from "./steps.ts";
import { Setup, type Target } from "./target.ts";

/** What to hold. */
export interface SubscriptionsLoad {
  readonly kind: "subscriptions";
  readonly target: Target;
  readonly subscriptions: number;
}

/** The server's default limit. */
const PER_CONNECTION = 1000;

/** Subscribes and holds. */
export async function holdSubscriptions(load: SubscriptionsLoad, steps: Steps): Promise<void> {
  const held: Setup[] = [];
  for (let done = 0; done < load.subscriptions; done += PER_CONNECTION) {
    const count = Math.min(PER_CONNECTION, load.subscriptions - done);
    const patterns = Array.from({ length: count }, (_, index) => patternOf(done + index));
    const setup = await Setup.open(load.target);
    await setup.write(subscribeAll(patterns));
    // Subscriptions are taken in order, so when this is answered they are in force; a refusal comes first.
    await hello(setup);
    held.push(setup);
  }
  steps.answer({ subscriptions: load.subscriptions, connections: held.length });
  while (await steps.next() !== undefined);
  for (const { connection } of held) connection.close();
}

function patternOf(index: number): string {
  const [high, low] = [Math.floor(index / PER_CONNECTION), index % PER_CONNECTION];
  return low % 10 === 9 ? `other.${high}.*.n${low}` : `other.${high}.n${low}`;
}
