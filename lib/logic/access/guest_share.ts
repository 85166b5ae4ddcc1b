/**
 * How many of the names there may be (kept topics, rooms, queues) those may make who have no identity: a
 * share, so that what the configuration names has room whatever they do. Pure.
 */

/** The limit that says how large the share is. */
export interface GuestShare {
  /** Of a hundred. */
  readonly guestNamesPercent: number;
}

/** The most names there may be when one more is made; all, for one that the configuration names. */
export function shareOf(most: number, { guestNamesPercent }: GuestShare, named: boolean): number {
  return named ? most : Math.ceil(most * guestNamesPercent / 100);
}
