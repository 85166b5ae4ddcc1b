/**
 * All subscriptions of a server, and who gets the events of a topic.
 *
 * Patterns without wildcards, nearly all of them in large systems, stand in a map by their whole text:
 * one look-up finds them, and they cost no nodes. The others stand in a tree with one step a level. A
 * bounded cache keeps matches between changes that concern them.
 *
 * Invariants: the cost of a match follows the topic's levels, the wildcard patterns that share them and
 * the subscribers found, never the number of other subscriptions; adding and removing follow the levels
 * alone. `version` grows with every change, so a match that a publisher kept is good while it stays. What
 * a match lists never changes, even when delivery itself ends subscriptions.
 * Non-goals: checking names (topic_pattern), who may subscribe (access), choosing a group's member
 * (group_balance), limits on one connection's subscriptions (the session).
 */
import { assert, ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { FilterTypes } from "./filter_types.ts";
import { MatchCache } from "./match_cache.ts";
import { NameMap } from "./name_map.ts";
import {
  ANY_TYPE,
  collectSlot,
  findInSlot,
  putInSlot,
  removeFromSlot,
  type Slot,
} from "./pattern_subscribers.ts";
import { type Match, MatchBuilder, type Subscription } from "./subscription.ts";
import { type Gate, gated } from "./gate.ts";
import { EVERY_TOPIC, hasWildcard } from "./pattern.ts";
import { WildcardTree } from "./wildcard_tree.ts";

export { Match, NO_MATCH, type Subscription } from "./subscription.ts";
export { type Group, pickMember } from "./group_balance.ts";

/** The bounds of a trie. */
interface TopicTrieOptions {
  /** Subscriptions in all. Default: 4,000,000. */
  maxSubscriptions?: number;
  /** Matches in the cache; less than 4 turns it off. Default: 4,096. */
  maxCachedMatches?: number;
  /** Places in lists that cached matches may hold beyond the lists that patterns keep. Default: 1,048,576. */
  maxCachedPlaces?: number;
  /** Nodes of wildcard patterns that matching a topic may visit, whatever the topic. Default: 8,192. */
  maxVisits?: number;
}

/** The subscriptions of a server. */
export class TopicTrie<S extends Subscription> {
  readonly #literals = new NameMap<Slot<S>>();
  readonly #wildcards: WildcardTree<S>;
  readonly #types = new FilterTypes();
  readonly #cache: MatchCache<S>;
  readonly #builder = new MatchBuilder<S>();
  readonly #maxSubscriptions: number;
  #wildcardSize = 0;
  #size = 0;
  #version = 0;
  #nextOrder = 1;
  #gate: Gate<S> | null = null;
  #gateTypes: readonly string[] = [];

  constructor(options: TopicTrieOptions = {}) {
    this.#maxSubscriptions = options.maxSubscriptions ?? 4_000_000;
    this.#wildcards = new WildcardTree(options.maxVisits ?? 8192);
    this.#cache = new MatchCache(
      options.maxCachedMatches ?? 4096,
      options.maxCachedPlaces ?? 1_048_576,
    );
  }

  /** How many subscriptions there are. */
  get size(): number {
    return this.#size;
  }

  /** Grows with every change; what `match` gave is good while it stays. */
  get version(): number {
    return this.#version;
  }

  /** Ends what `match` gave before, though no subscription changed. */
  forgetMatches(): void {
    this.#version++;
    if (this.#gate !== null) this.#cache.patternChanged(EVERY_TOPIC, true);
  }

  /**
   * Has `gate` decide from now on which subscriptions that match get the events of a topic and type; `types` are
   * those that it tells apart. When it would decide otherwise than before, `forgetMatches` has to be called.
   */
  decideBy(types: readonly string[], gate: Gate<S>): void {
    for (const type of this.#gateTypes) this.#types.remove(type);
    for (const type of types) this.#types.add(type);
    this.#gateTypes = types;
    this.#gate = gate;
    this.forgetMatches();
  }

  /** The tree's nodes and the patterns without wildcards; 1, the root, when there are no subscriptions. */
  get nodeCount(): number {
    return this.#wildcards.nodeCount + this.#literals.size;
  }

  /** The most nodes that matching any topic can visit now. */
  get worstVisits(): number {
    return this.#wildcards.worstVisits;
  }

  /** Finds the subscription of `owner` to exactly this pattern, type and group. */
  find(owner: object, pattern: string, type: string, group: string): S | null {
    return hasWildcard(pattern)
      ? this.#wildcards.find(pattern, owner, type, group)
      : findInSlot(this.#literals.get(pattern) ?? null, owner, type, group);
  }

  /**
   * Adds a subscription and gives null; or, when its owner has one with the same pattern, type and group,
   * puts it in that one's place, with its order, and gives that one. Raises RESOURCE_EXHAUSTED, changing
   * nothing, when there are too many subscriptions, or too many wildcards overlap.
   */
  add(subscription: S): S | null {
    const { owner, pattern, type, group } = subscription;
    assert(pattern !== "", "a subscription has a pattern");
    const isWildcard = hasWildcard(pattern);
    const former = this.find(owner, pattern, type, group);
    if (former === null && this.#size >= this.#maxSubscriptions) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot subscribe to ${quote(pattern)}: the server has ${this.#size} subscriptions`,
        {
          accepted: `at most ${this.#maxSubscriptions} subscriptions`,
          retryable: true,
          limit: "subscriptions",
        },
      );
    }
    if (isWildcard) this.#wildcards.put(subscription);
    else this.#literals.set(pattern, putInSlot(this.#literals.get(pattern) ?? null, subscription));
    this.#changed(pattern, isWildcard);
    if (former !== null) {
      subscription.order = former.order;
      return former;
    }
    subscription.order = this.#nextOrder++;
    this.#size++;
    if (isWildcard) this.#wildcardSize++;
    if (type !== "") this.#types.add(type);
    return null;
  }

  /** Removes a subscription, the same object that was added; gives false when it is not here. */
  remove(subscription: S): boolean {
    const { owner, pattern, type, group } = subscription;
    if (this.find(owner, pattern, type, group) !== subscription) return false;
    const isWildcard = hasWildcard(pattern);
    if (isWildcard) {
      this.#wildcards.remove(subscription);
      this.#wildcardSize--;
    } else {
      const slot = removeFromSlot(this.#literals.get(pattern) ?? null, subscription);
      if (slot === null) this.#literals.delete(pattern);
      else this.#literals.set(pattern, slot);
    }
    this.#size--;
    if (type !== "") this.#types.remove(type);
    this.#changed(pattern, isWildcard);
    return true;
  }

  /** Who gets the events of a valid topic and any type, which may be empty. */
  match(topic: string, type: string): Match<S> {
    const named = this.#types.named(type);
    const cached = this.#cache.find(topic, named);
    if (cached !== null) return cached;
    const match = this.#build(topic, named);
    this.#cache.put(topic, named, match);
    return match;
  }

  /** Who subscribed to a valid topic and type, those too whom nobody would let have it. It is made anew each time. */
  wanting(topic: string, type: string): Match<S> {
    return this.#find(topic, this.#types.named(type));
  }

  /** Who subscribed to a valid topic, whatever the type that they want; a group may stand there more than once. */
  wantingAnyType(topic: string): Match<S> {
    return this.#find(topic, ANY_TYPE);
  }

  #build(topic: string, named: string): Match<S> {
    const match = this.#find(topic, named);
    return this.#gate === null ? match : gated(match, topic, named, this.#gate);
  }

  #find(topic: string, named: string): Match<S> {
    const literal = this.#literals.get(topic);
    if (literal !== undefined) collectSlot(literal, named, this.#builder);
    if (this.#wildcardSize > 0) this.#wildcards.collect(topic, named, this.#builder);
    return this.#builder.finish();
  }

  #changed(pattern: string, isWildcard: boolean): void {
    this.#version++;
    this.#cache.patternChanged(pattern, isWildcard);
  }
}
