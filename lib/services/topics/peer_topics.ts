/**
 * What the bus keeps for one peer: its subscriptions, and what it needs to publish.
 */
import type { Peer } from "../connection/peer.ts";
import type { BusSubscription } from "./bus_subscription.ts";
import { Publisher } from "./publisher.ts";

/** One peer's topics. */
class PeerTopics {
  /** The peer's subscriptions by pattern, type and group; null while it has had none. */
  subscriptions: Map<string, BusSubscription> | null = null;
  /** The peer's subscriptions in groups when it left the bus. */
  shared: readonly BusSubscription[] = [];
  /** What the peer keeps to publish and call; null while it has done neither. */
  publisher: Publisher | null = null;
  /** How many events it missed, by topic, since it was last told; null when none. */
  missed: Map<string, number> | null = null;
}

/** What the bus keeps for `session`; made with the first use. */
export function topicsOf(session: Peer): PeerTopics {
  return (session.slots.topics ??= new PeerTopics()) as PeerTopics;
}

/** How many subscriptions a peer has. */
export function subscriptionsOf({ slots }: Peer): number {
  return (slots.topics as PeerTopics | null)?.subscriptions?.size ?? 0;
}

/** What `session` keeps to publish and call; made with the first use. */
export function publisherOf(session: Peer): Publisher {
  return topicsOf(session).publisher ??= new Publisher(session);
}

/** What a peer keeps to publish and call; null when it has done neither. */
export function knownPublisherOf({ slots }: Peer): Publisher | null {
  return slots.topics === null ? null : (slots.topics as PeerTopics).publisher;
}
