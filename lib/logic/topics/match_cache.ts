/**
 * A bounded cache of matches by topic and type.
 *
 * A change of subscriptions makes stale only the topics that it can concern: a pattern without wildcards
 * its own topic, one with a literal first level the topics that begin with it, any other all of them. Each
 * of these three has counters that a change moves on; an entry is good while the sum of its three is what
 * it was. The finer counters are shared by hash: sharing costs a miss, never a wrong answer.
 *
 * Invariants: at most `maxEntries` entries, which together hold at most `maxPlaces` places of their own in
 * lists; finding, putting and evicting look at one set of `WAYS` entries, and only overfull places empty
 * all of it. Topics that crowd into one set on purpose cost each other misses, and a miss is bounded too.
 */
import { hashText } from "./name_hash.ts";
import type { Match } from "./subscription.ts";

/** Entries that share one hash, and so the most that one look-up compares. */
const WAYS = 4;
const FIRST_LEVELS = 1024;
const TOPICS = 4096;

interface CachedMatch<S> {
  readonly hash: number;
  readonly firstHash: number;
  readonly topic: string;
  readonly type: string;
  readonly match: Match<S>;
  readonly stamp: number;
}

/** Matches by topic and type. */
export class MatchCache<S> {
  readonly #entries: (CachedMatch<S> | null)[];
  readonly #setMask: number;
  readonly #maxPlaces: number;
  #places = 0;
  #nextVictim = 0;
  // What a change moves on. Doubles, because a sum of counters that wrapped could be the same again.
  #wildcards = 0;
  readonly #firstLevels = new Float64Array(FIRST_LEVELS);
  readonly #topics = new Float64Array(TOPICS);

  /** `maxEntries` is rounded down to a power of two; less than 4 is no cache. */
  constructor(maxEntries: number, maxPlaces: number) {
    const sets = maxEntries < WAYS ? 0 : 2 ** Math.floor(Math.log2(maxEntries / WAYS));
    this.#entries = new Array<CachedMatch<S> | null>(sets * WAYS).fill(null);
    this.#setMask = sets - 1;
    this.#maxPlaces = maxPlaces;
  }

  /** Finds a match by text; `type` must be a type that subscriptions name, or empty. */
  find(topic: string, type: string): Match<S> | null {
    if (this.#entries.length === 0) return null;
    const hash = hashText(topic);
    const base = this.#setOf(hash, type);
    for (let i = base; i < base + WAYS; i++) {
      const entry = this.#entries[i];
      if (
        entry !== null && entry.hash === hash && entry.type === type && entry.topic === topic &&
        entry.stamp === this.#stamp(hash, entry.firstHash)
      ) return entry.match;
    }
    return null;
  }

  /** Keeps a match that was made just now, from the present subscriptions. */
  put(topic: string, type: string, match: Match<S>): void {
    if (this.#entries.length === 0 || match.places > this.#maxPlaces) return;
    const hash = hashText(topic);
    const firstHash = hashFirstLevel(topic);
    const base = this.#setOf(hash, type);
    let at = base + (this.#nextVictim++ & (WAYS - 1));
    for (let i = base; i < base + WAYS; i++) {
      const entry = this.#entries[i];
      if (entry === null || entry.stamp !== this.#stamp(entry.hash, entry.firstHash)) {
        at = i;
        break;
      }
    }
    this.#places += match.places - (this.#entries[at]?.match.places ?? 0);
    if (this.#places > this.#maxPlaces) {
      this.#entries.fill(null);
      this.#places = match.places;
    }
    const stamp = this.#stamp(hash, firstHash);
    this.#entries[at] = { hash, firstHash, topic, type, match, stamp };
  }

  /** Makes stale what a change of the subscriptions to `pattern` can concern. */
  patternChanged(pattern: string, isWildcard: boolean): void {
    if (this.#entries.length === 0) return;
    if (!isWildcard) this.#topics[hashText(pattern) & (TOPICS - 1)]++;
    // `*` and `>` are whole levels, so a pattern that begins with one has no literal first level.
    else if (pattern.startsWith("*") || pattern.startsWith(">")) this.#wildcards++;
    else this.#firstLevels[hashFirstLevel(pattern) & (FIRST_LEVELS - 1)]++;
  }

  #setOf(hash: number, type: string): number {
    const place = type === "" ? hash : hashText(type, type.length, hash);
    return (place & this.#setMask) * WAYS;
  }

  #stamp(hash: number, firstHash: number): number {
    return this.#wildcards + this.#firstLevels[firstHash & (FIRST_LEVELS - 1)] +
      this.#topics[hash & (TOPICS - 1)];
  }
}

function hashFirstLevel(name: string): number {
  const dot = name.indexOf(".");
  return hashText(name, dot < 0 ? name.length : dot);
}
