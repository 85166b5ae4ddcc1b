/**
 * Leaves out of a match those who may not get the event, as somebody else decides for each of them.
 *
 * A decision is about the owner of a subscription, so all subscriptions of one owner stay or go. Pure.
 */
import { Match, NO_MATCH, type Subscription } from "./subscription.ts";

/** Whether a subscription gets the events of a topic and type; an empty type is one that nobody tells apart. */
export type Gate<S> = (subscription: S, topic: string, type: string) => boolean;

/** The match without those whom `gate` leaves out; the match itself when that is nobody. */
export function gated<S extends Subscription>(
  match: Match<S>,
  topic: string,
  type: string,
  gate: Gate<S>,
): Match<S> {
  const passes = (one: S) => gate(one, topic, type);
  const { receivers, all, groups } = match;
  if (receivers.every(passes) && groups.every(({ members }) => members.every(passes))) return match;
  const left = receivers.filter(passes);
  const leftOfAll = all?.filter(passes) ?? null;
  const leftGroups = groups.map((group) => ({ ...group, members: group.members.filter(passes) }))
    .filter(({ members }) => members.length > 0);
  if (left.length === 0 && leftGroups.length === 0) return NO_MATCH;
  const places = left.length + (leftOfAll?.length ?? 0) +
    leftGroups.reduce((sum, { members }) => sum + 1 + members.length, 0);
  return new Match(left, leftOfAll, leftGroups, places);
}
