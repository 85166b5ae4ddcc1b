/**
 * The topics on which the server tells of itself: a subscription gets their events only when its pattern says so by its
 * first level, so that nobody who subscribes to everything is told of connections and limits unasked.
 */
import { Match } from "../../logic/topics/subscription.ts";
import type { BusSubscription } from "./bus_subscription.ts";

/** The system topics begin with this. */
export const SYSTEM_PREFIX = "sys.";

/** Whether `topic`, or a pattern, is one of those on which the server tells of itself. */
export function isSystemTopic(topic: string): boolean {
  return topic.startsWith(SYSTEM_PREFIX) || topic === "sys";
}

/** The part of a match that gets what the server publishes on `topic`. */
export function ownMatch(topic: string, match: Match<BusSubscription>): Match<BusSubscription> {
  if (!isSystemTopic(topic)) return match;
  const owners = new Set<object>();
  const receivers = (match.all ?? match.receivers).filter(({ pattern, owner }) => {
    if (!isSystemTopic(pattern) || owners.has(owner)) return false;
    owners.add(owner);
    return true;
  });
  const groups = match.groups.filter(({ members }) => isSystemTopic(members[0]?.pattern ?? ""));
  return new Match(receivers, null, groups, 0);
}
