/**
 * The subscribers of one pattern, by message type and group. Most patterns have one plain subscriber, and
 * then the trie holds it bare, in a Slot, without any of this around it.
 *
 * Invariants: a slot holds null, one bare subscription, or subscribers that are not empty; adding, finding
 * and removing cost the same however many there are; a match looks only at those who want every type and
 * those who want the event's. Lists and groups handed out never change: a change drops them and the next
 * match makes new ones.
 */
import type { Group } from "./group_balance.ts";
import { firstOfEachOwner, type MatchBuilder, type Subscription } from "./subscription.ts";

/** Stands for every type at once; no type is named like that. */
export const ANY_TYPE = "*";

/** What stands at one pattern. */
export type Slot<S extends Subscription> = S | PatternSubscribers<S> | null;

/** Finds the subscription of `owner` with this type and group. */
export function findInSlot<S extends Subscription>(
  slot: Slot<S>,
  owner: object,
  type: string,
  group: string,
): S | null {
  if (slot === null) return null;
  if (slot instanceof PatternSubscribers) return slot.find(owner, type, group);
  return slot.owner === owner && slot.type === type && slot.group === group ? slot : null;
}

/** Gives the slot with `subscription` in it, in the place of the one with the same owner, type and group. */
export function putInSlot<S extends Subscription>(slot: Slot<S>, subscription: S): Slot<S> {
  if (slot === null) return subscription;
  if (slot instanceof PatternSubscribers) {
    slot.put(subscription);
    return slot;
  }
  const { owner, type, group } = subscription;
  if (slot.owner === owner && slot.type === type && slot.group === group) return subscription;
  const subscribers = new PatternSubscribers<S>();
  subscribers.put(slot);
  subscribers.put(subscription);
  return subscribers;
}

/** Gives the slot without `subscription`, which must be in it. */
export function removeFromSlot<S extends Subscription>(slot: Slot<S>, subscription: S): Slot<S> {
  if (!(slot instanceof PatternSubscribers)) return null;
  slot.remove(subscription);
  return slot.isEmpty ? null : slot;
}

/** Adds those in the slot who want `type` to the match. */
export function collectSlot<S extends Subscription>(
  slot: Slot<S>,
  type: string,
  into: MatchBuilder<S>,
): void {
  if (slot === null) return;
  if (slot instanceof PatternSubscribers) {
    slot.collect(type, into);
  } else if (slot.type === "" || slot.type === type || type === ANY_TYPE) {
    if (slot.group === "") into.addOne(slot);
    else into.addGroup({ name: slot.group, pattern: slot.pattern, members: [slot], turn: 0 });
  }
}

/** Two subscribers or more of one pattern, or one that is left of them. */
class PatternSubscribers<S extends Subscription> {
  #anyType: TypeSubscribers<S> | null = null;
  #byType: Map<string, TypeSubscribers<S>> | null = null;

  /** Whether nobody is left. */
  get isEmpty(): boolean {
    return this.#anyType === null && this.#byType === null;
  }

  find(owner: object, type: string, group: string): S | null {
    return this.#ofType(type)?.setOf(group)?.get(owner) ?? null;
  }

  put(subscription: S): void {
    const { type } = subscription;
    let subscribers = this.#ofType(type);
    if (subscribers === null) {
      subscribers = new TypeSubscribers<S>();
      if (type === "") this.#anyType = subscribers;
      else (this.#byType ??= new Map()).set(type, subscribers);
    }
    subscribers.put(subscription);
  }

  remove(subscription: S): void {
    const { type } = subscription;
    const subscribers = this.#ofType(type);
    if (subscribers === null) return;
    subscribers.remove(subscription);
    if (subscribers.plain !== null || subscribers.groups !== null) return;
    if (type === "") this.#anyType = null;
    else if (this.#byType?.delete(type) && this.#byType.size === 0) this.#byType = null;
  }

  collect(type: string, into: MatchBuilder<S>): void {
    if (type === ANY_TYPE) return this.#collectAll(into);
    const anyType = this.#anyType;
    const ofType = type === "" ? null : this.#ofType(type);
    if (anyType?.plain) into.addList(anyType.plain.list());
    if (ofType?.plain) into.addList(ofType.plain.list());
    if (anyType?.groups) {
      for (const [name, set] of anyType.groups) {
        const other = ofType?.groups?.get(name);
        if (other === undefined) {
          into.addGroup(set.group(name));
        } else {
          const merged = mergedGroup(name, set, other);
          into.addGroup(merged, merged.members.length);
        }
      }
    }
    if (ofType?.groups) {
      for (const [name, set] of ofType.groups) {
        if (!anyType?.groups?.has(name)) into.addGroup(set.group(name));
      }
    }
  }

  #collectAll(into: MatchBuilder<S>): void {
    const all = [...this.#anyType === null ? [] : [this.#anyType], ...this.#byType?.values() ?? []];
    for (const { plain, groups } of all) {
      if (plain !== null) into.addList(plain.list());
      for (const [name, set] of groups ?? []) into.addGroup(set.group(name));
    }
  }

  #ofType(type: string): TypeSubscribers<S> | null {
    return type === "" ? this.#anyType : this.#byType?.get(type) ?? null;
  }
}

/** The subscribers of one pattern who name the same type. */
class TypeSubscribers<S extends Subscription> {
  plain: OwnerSet<S> | null = null;
  groups: Map<string, OwnerSet<S>> | null = null;

  setOf(group: string): OwnerSet<S> | null {
    return group === "" ? this.plain : this.groups?.get(group) ?? null;
  }

  put(subscription: S): void {
    const { group } = subscription;
    let set = this.setOf(group);
    if (set === null) {
      set = new OwnerSet<S>();
      if (group === "") this.plain = set;
      else (this.groups ??= new Map()).set(group, set);
    }
    set.put(subscription);
  }

  remove(subscription: S): void {
    const { group } = subscription;
    const set = this.setOf(group);
    if (set === null || set.remove(subscription) > 0) return;
    if (group === "") this.plain = null;
    else if (this.groups?.delete(group) && this.groups.size === 0) this.groups = null;
  }
}

/** Subscriptions of different owners, in the order in which they were added. */
class OwnerSet<S extends Subscription> {
  readonly #byOwner = new Map<object, S>();
  #list: readonly S[] | null = null;
  #group: Group<S> | null = null;
  /** Whose turn it was when the group was last dropped, so that a change does not start the round anew. */
  #turn = 0;

  get(owner: object): S | undefined {
    return this.#byOwner.get(owner);
  }

  put(subscription: S): void {
    this.#changed();
    this.#byOwner.set(subscription.owner, subscription);
  }

  /** Removes and gives how many are left. */
  remove(subscription: S): number {
    this.#changed();
    this.#byOwner.delete(subscription.owner);
    return this.#byOwner.size;
  }

  list(): readonly S[] {
    return this.#list ??= [...this.#byOwner.values()];
  }

  group(name: string): Group<S> {
    const members = this.list();
    return this.#group ??= { name, pattern: members[0].pattern, members, turn: this.#turn };
  }

  #changed(): void {
    this.#list = null;
    if (this.#group === null) return;
    this.#turn = this.#group.turn;
    this.#group = null;
  }
}

/** One group of those who want every type and those who want one: an event goes to one of them all. */
function mergedGroup<S extends Subscription>(
  name: string,
  anyType: OwnerSet<S>,
  ofType: OwnerSet<S>,
): Group<S> {
  const members = firstOfEachOwner([...anyType.list(), ...ofType.list()]);
  return { name, pattern: members[0].pattern, members, turn: anyType.group(name).turn };
}
