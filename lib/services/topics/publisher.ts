/**
 * What a session that publishes keeps between its events: its stamps, and who gets its last topics.
 *
 * Publishers repeat themselves, so the match of the last few topics is remembered and compared byte for
 * byte; it is good while the trie's version stays. Made with the first publish, so that the many
 * connections that never do cost nothing.
 */
import { fnv1a, FNV1A_START } from "../../base/fnv1a.ts";
import type { Limits } from "../../base/limits.ts";
import { decodeText, decodeTextLeniently } from "../../base/utf8_text.ts";
import type { Match } from "../../logic/topics/subscription.ts";
import {
  checkMessageType,
  isValidTopicBytes,
  topicBytesError,
} from "../../logic/topics/pattern.ts";
import type { TopicTally } from "../../logic/topics/tallies.ts";
import type { TopicTrie } from "../../logic/topics/trie.ts";
import type { StoreTopic } from "../../ports/store.ts";
import type { PayloadScan } from "../../wire/payload_scan.ts";
import { SenderStamps } from "../../wire/stamp.ts";
import { checkMay } from "../access/checks.ts";
import type { Peer } from "../connection/peer.ts";
import type { BusSubscription } from "./bus_subscription.ts";
import { ELSEWHERE, type EventTaker, type PayloadHolder } from "./hooks.ts";
import type { MatchedCounters } from "./measures.ts";

/** How many topics a publisher remembers at first, and at most; each has one of two places by its hash. */
const FIRST_PLACES = 16;
const MAX_PLACES = 4096;
/** After as many topics in a row that took the place of another that was still good, there are more places. */
const GROW_AFTER = 64;

/** The match of one topic and type, as one publisher remembers it. */
export interface RememberedMatch {
  /** The topic, and behind it the type. */
  readonly name: Uint8Array;
  readonly topicBytes: number;
  readonly version: number;
  readonly match: Match<BusSubscription>;
  /** Whether a subscription among them ends after a number of events. */
  readonly counted: boolean;
  /** The kept topic that it is; null when it is not kept, ELSEWHERE when another node takes its events. */
  readonly kept: StoreTopic | typeof ELSEWHERE | null;
  /** Holds payloads to the type of the topic; null when nobody does. */
  readonly check: PayloadHolder | null;
  /** Where the topic's events are counted. */
  readonly tally: TopicTally;
  /** Counts the events for those who measure the topic; null when nobody does. */
  readonly measured: MatchedCounters | null;
  /** The taker of the topic's events, when it is not kept: those of kept topics are taken by what keeps them. */
  readonly bound: EventTaker | null;
}

/** The destinations of the events of topics, as all publishers of one server look them up. */
export interface Routes {
  readonly trie: TopicTrie<BusSubscription>;
  readonly limits: Limits;
  /** The number of subscriptions that end after a number of events. */
  readonly counted: number;
  /** Gives who gets the events of a topic and type. */
  match(topic: string, type: string): Match<BusSubscription>;
  /** Gives the kept topic of a name, which `by` makes if it is not there; ELSEWHERE when another node takes its events. */
  keep(topic: string, by: Peer): StoreTopic | typeof ELSEWHERE | null;
  /** Gives who holds a topic's payloads to its type; null when nobody does. */
  check(topic: string): PayloadHolder | null;
  /** Gives the count of a topic's events. */
  tally(topic: string): TopicTally;
  /** Gives what counts the events of a topic and type for those who measure it; null when nobody does. */
  measure(topic: string, type: string): MatchedCounters | null;
  /** Gives who takes the events of a topic first. */
  bind(topic: string): EventTaker | null;
}

/** The publishing side of a session. */
export class Publisher {
  readonly peer: Peer;
  readonly stamps: SenderStamps;
  /** The turn that the stamps were last set in. */
  stampedTurn = -1;
  /** Whether any of it went to the store. */
  keeps = false;
  #last: RememberedMatch | null = null;
  #places: (RememberedMatch | null)[] = [];
  #displaced = 0;

  constructor(peer: Peer) {
    this.peer = peer;
    this.stamps = new SenderStamps(peer.sessionId);
  }

  /** Forgets what it remembers: it may not be allowed any more. */
  forget(): void {
    this.#last = null;
    this.#places = [];
  }

  /** The receivers of the event that `scan` found. Raises INVALID_ARGUMENT for a bad topic or type. */
  match(bytes: Uint8Array, scan: PayloadScan, routes: Routes): RememberedMatch {
    const { trie } = routes;
    const last = this.#last;
    if (last !== null && last.version === trie.version && isSame(last, bytes, scan)) return last;
    if (this.#places.length > 0) {
      const place = hashOf(bytes, scan) & (this.#places.length - 1);
      const one = this.#places[place];
      if (one !== null && one.version === trie.version && isSame(one, bytes, scan)) {
        return this.#last = one;
      }
      const other = this.#places[place ^ 1];
      if (other !== null && other.version === trie.version && isSame(other, bytes, scan)) {
        return this.#last = other;
      }
    }
    return this.#lookUp(bytes, scan, routes);
  }

  #lookUp(bytes: Uint8Array, scan: PayloadScan, routes: Routes): RememberedMatch {
    const { trie, limits } = routes;
    const { nameStart, nameEnd, typeStart, typeEnd } = scan;
    if (!isValidTopicBytes(bytes, nameStart, nameEnd, limits)) {
      throw topicBytesError(bytes, nameStart, nameEnd, limits);
    }
    const type = decodeTextLeniently(bytes.subarray(typeStart, typeEnd));
    if (type !== "") checkMessageType(type, "publish type");
    const topic = decodeText(bytes.subarray(nameStart, nameEnd));
    checkMay(this.peer, "publish", topic);
    const kept = routes.keep(topic, this.peer);
    const match = routes.match(topic, type);
    const name = new Uint8Array(nameEnd - nameStart + typeEnd - typeStart);
    name.set(bytes.subarray(nameStart, nameEnd));
    name.set(bytes.subarray(typeStart, typeEnd), nameEnd - nameStart);
    const counted = routes.counted > 0 && isCounted(match);
    const topicBytes = nameEnd - nameStart;
    const bound = kept === null ? routes.bind(topic) : null;
    const { version } = trie;
    const tally = routes.tally(topic);
    // Whoever takes an event holds it to its type.
    const check = kept === ELSEWHERE ? null : routes.check(topic);
    const measured = routes.measure(topic, type);
    const one: RememberedMatch = {
      name,
      topicBytes,
      version,
      match,
      counted,
      kept,
      bound,
      check,
      tally,
      measured,
    };
    this.#remember(one, hashOf(bytes, scan));
    return one;
  }

  /** Takes its place; one topic alone needs none. */
  #remember(one: RememberedMatch, hash: number): void {
    const first = this.#last === null;
    this.#last = one;
    if (first) return;
    if (this.#places.length === 0) this.#places = new Array(FIRST_PLACES).fill(null);
    const place = hash & (this.#places.length - 1);
    const free = [place, place ^ 1].find((each) => this.#places[each]?.version !== one.version);
    this.#places[free ?? place] = one;
    if (free !== undefined) return;
    if (++this.#displaced < GROW_AFTER || this.#places.length >= MAX_PLACES) return;
    this.#displaced = 0;
    this.#places = new Array(4 * this.#places.length).fill(null);
  }
}

/** A hash of the topic and the type (FNV-1a). Who makes topics collide only forgets their own. */
function hashOf(bytes: Uint8Array, scan: PayloadScan): number {
  let hash = FNV1A_START;
  for (let at = scan.nameStart; at < scan.nameEnd; at++) {
    hash = fnv1a(hash, bytes[at]);
  }
  for (let at = scan.typeStart; at < scan.typeEnd; at++) {
    hash = fnv1a(hash, bytes[at]);
  }
  return hash ^ (hash >>> 15);
}

function isSame(one: RememberedMatch, bytes: Uint8Array, scan: PayloadScan): boolean {
  const { name, topicBytes } = one;
  const { nameStart, typeStart } = scan;
  if (scan.nameEnd - nameStart !== topicBytes) return false;
  if (scan.typeEnd - typeStart !== name.length - topicBytes) return false;
  for (let index = 0; index < topicBytes; index++) {
    if (name[index] !== bytes[nameStart + index]) return false;
  }
  for (let index = topicBytes; index < name.length; index++) {
    if (name[index] !== bytes[typeStart + index - topicBytes]) return false;
  }
  return true;
}

function isCounted(match: Match<BusSubscription>): boolean {
  const limited = (one: BusSubscription) => one.remaining !== Infinity;
  return (match.all ?? match.receivers).some(limited) ||
    match.groups.some((group) => group.members.some(limited));
}
