/**
 * Chooses who of many gets the next piece of work: the least loaded, in turn among equals.
 *
 * Groups of subscribers and the instances of a service choose alike. Invariants: a choice looks at no
 * more than `LOOK_AT` who can be chosen, from the one after the last chosen on, and stops at the first
 * idle one; up to `LOOK_AT` of them the choice is exact, beyond that the best of a window that moves on.
 * Nothing is allocated. Non-goal: knowing the load; it is read when the choice is made.
 */

/** The most candidates that one choice looks at. */
export const LOOK_AT = 16;

/** The subscribers of one group name and one pattern that an event can go to. */
export interface Group<S> {
  /** The group's name. */
  readonly name: string;
  /** The pattern that its members share. */
  readonly pattern: string;
  /** Who can get the event, one subscription per owner, never empty. */
  readonly members: readonly S[];
  /** Whose turn it is among equals; only `pickMember` moves it. */
  turn: number;
}

/**
 * Gives the index of the least loaded of `items`, the first in turn from `turn` on among equals, or -1.
 * `load` gives a number from 0, or Infinity for one that cannot be chosen.
 */
export function leastLoaded<T>(
  items: readonly T[],
  turn: number,
  load: (item: T) => number,
): number {
  const count = items.length;
  let index = turn < count ? turn : 0;
  let best = -1;
  let bestLoad = Infinity;
  let looks = count < LOOK_AT ? count : LOOK_AT;
  // Those who cannot be chosen do not use up the looks, or a window of them would hide the others.
  for (let seen = 0; seen < count && looks > 0; seen++) {
    const itsLoad = load(items[index]);
    if (itsLoad < bestLoad) {
      best = index;
      bestLoad = itsLoad;
      if (itsLoad <= 0) break;
    }
    if (itsLoad !== Infinity) looks--;
    if (++index === count) index = 0;
  }
  return best;
}

/** Chooses the member that gets the next event, or null when nobody can; `load` as in `leastLoaded`. */
export function pickMember<S>(group: Group<S>, load: (member: S) => number): S | null {
  const index = leastLoaded(group.members, group.turn, load);
  if (index < 0) return null;
  group.turn = index + 1;
  return group.members[index];
}
