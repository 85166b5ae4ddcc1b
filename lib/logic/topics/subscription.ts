/**
 * What the topic trie keeps and what it gives: a Subscription, and the Match of one topic and type.
 *
 * Invariants: a Match never changes, so publishers share it by reference for as long as the trie's
 * version stays; in `receivers` each owner stands once. A MatchBuilder copies a list of subscribers only
 * when more than one pattern contributes; otherwise all topics share the list that the pattern keeps.
 */
import type { Group } from "./group_balance.ts";

/** One subscription. The trie reads these fields, writes `order`, and knows nothing else of it. */
export interface Subscription {
  /** A valid pattern, never empty. */
  readonly pattern: string;
  /** The only message type it wants; empty for every type. */
  readonly type: string;
  /** The group that it shares events with; empty for none. */
  readonly group: string;
  /** Who gets the events: the connection. Compared by identity. */
  readonly owner: object;
  /** When it was added, relative to others. The trie sets it; start with 0. */
  order: number;
}

/** Who gets the events of one topic and type. Shared and immutable, but for the turn of its groups. */
export class Match<S> {
  constructor(
    /** The plain subscriptions that get the event, for each owner the one that was added first. */
    readonly receivers: readonly S[],
    /** Every plain subscription that matches, for counting; null when they are `receivers`. */
    readonly all: readonly S[] | null,
    /** The groups; one member of each gets the event, chosen on delivery with `pickMember`. */
    readonly groups: readonly Group<S>[],
    /** How many list places this match holds for itself alone: its cost to a cache. */
    readonly places: number,
  ) {}
}

const NOBODY: readonly never[] = Object.freeze([]);

/** The match of a topic that nobody wants. */
export const NO_MATCH: Match<never> = new Match<never>(NOBODY, null, NOBODY, 0);

/** Gathers one match. Used again for the next one after `finish`. */
export class MatchBuilder<S extends Subscription> {
  #shared: readonly S[] | null = null;
  #own: S[] = [];
  #groups: Group<S>[] = [];
  #groupPlaces = 0;

  /** Adds one plain subscription. */
  addOne(subscription: S): void {
    this.#spill();
    this.#own.push(subscription);
  }

  /** Adds plain subscriptions of different owners; the list must never change. */
  addList(list: readonly S[]): void {
    if (this.#shared === null && this.#own.length === 0) {
      this.#shared = list;
      return;
    }
    this.#spill();
    for (const subscription of list) this.#own.push(subscription);
  }

  /** Adds a group; `ownPlaces` are those of a list of members that no pattern keeps. */
  addGroup(group: Group<S>, ownPlaces = 0): void {
    this.#groups.push(group);
    this.#groupPlaces += 1 + ownPlaces;
  }

  /** Gives the match of all that was added, and starts anew. */
  finish(): Match<S> {
    const shared = this.#shared;
    // What is handed out is never added to again, so what is empty is not handed out.
    const own = this.#own.length === 0 ? NOBODY : this.#own;
    const groups = this.#groups.length === 0 ? NOBODY : this.#groups;
    if (shared === null && own === NOBODY && groups === NOBODY) return NO_MATCH;
    this.#shared = null;
    if (own !== NOBODY) this.#own = [];
    if (groups !== NOBODY) this.#groups = [];
    const groupPlaces = this.#groupPlaces;
    this.#groupPlaces = 0;
    if (shared !== null) return new Match(shared, null, groups, groupPlaces);
    const receivers = firstOfEachOwner(own);
    const all = receivers === own ? null : own;
    return new Match(receivers, all, groups, receivers.length + (all?.length ?? 0) + groupPlaces);
  }

  #spill(): void {
    if (this.#shared === null) return;
    for (const subscription of this.#shared) this.#own.push(subscription);
    this.#shared = null;
  }
}

/** Gives `list` itself when no owner stands twice in it, otherwise for each owner what was added first. */
export function firstOfEachOwner<S extends Subscription>(list: readonly S[]): readonly S[] {
  if (list.length < 2) return list;
  const first = new Map<object, S>();
  for (const subscription of list) {
    const other = first.get(subscription.owner);
    if (other === undefined || subscription.order < other.order) {
      first.set(subscription.owner, subscription);
    }
  }
  return first.size === list.length ? list : [...first.values()];
}
