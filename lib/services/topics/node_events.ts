/**
 * The events that other nodes of a cluster hand on: they go to those who are connected here, and to nobody else.
 *
 * Every node that has somebody for an event gets it from the node on which it was published, so an event is never
 * handed on twice. It comes with its stamps, and with that of a group when this node was chosen to give it to a member.
 * Who may read it is decided here, by the match, as for events of this server.
 */
import type { Limits } from "../../base/limits.ts";
import { decodeText } from "../../base/utf8_text.ts";
import { Match } from "../../logic/topics/subscription.ts";
import { TopicTallies } from "../../logic/topics/tallies.ts";
import type { TopicTrie } from "../../logic/topics/trie.ts";
import { Entry } from "../../ports/entry.ts";
import type { Fanout } from "../../wire/fanout.ts";
import type { PayloadScan } from "../../wire/payload_scan.ts";
import type { Peer } from "../connection/peer.ts";
import type { BusSubscription } from "./bus_subscription.ts";
import type { GroupDelivery } from "./group_delivery.ts";
import type { EventRange } from "./hooks.ts";
import { publisherOf } from "./peer_topics.ts";
import type { RememberedMatch, Routes } from "./publisher.ts";

const NO_STAMPS = new Uint8Array(0);

/** The parts of the bus that events of other nodes go through. */
interface BusParts {
  readonly limits: Limits;
  readonly payload: PayloadScan;
  readonly trie: TopicTrie<BusSubscription>;
  readonly fanout: Fanout<BusSubscription>;
  readonly groups: GroupDelivery;
  /** The number of subscriptions that end after a number of events. */
  counted(): number;
  /** Counts an event for the plain subscriptions of a match, but for those of its publisher. */
  count(match: Match<BusSubscription>, publisher: Peer | null): void;
  /** Gives the receivers of a match as they matter to its publisher. */
  receivers(match: Match<BusSubscription>, publisher: Peer): readonly BusSubscription[];
}

/** Delivers what other nodes hand on. */
export class NodeEvents {
  readonly #parts: BusParts;
  readonly #routes: Routes;
  readonly #event = new Entry();
  /** Gives who published an event that another node had to take first, by the name in it; null when it is nobody here. */
  publisherNamed: (bytes: Uint8Array, start: number, end: number) => Peer | null = () => null;

  constructor(parts: BusParts) {
    this.#parts = parts;
    const { trie, limits } = parts;
    const { rest } = new TopicTallies();
    this.#routes = {
      trie,
      limits,
      get counted() {
        return parts.counted();
      },
      match: (topic, type) => localMatch(trie.match(topic, type)),
      // What becomes of an event besides was decided where it was published.
      keep: () => null,
      bind: () => null,
      check: () => null,
      tally: () => rest,
      measure: () => null,
    };
  }

  /** Delivers the event of `node` that lies from `start` to `end`. Raises a ParleyError for one that cannot be. */
  deliver(node: Peer, bytes: Uint8Array, start: number, end: number): void {
    const { payload, fanout } = this.#parts;
    payload.scan(bytes, start, end, "stampedEvent");
    const publisher = publisherOf(node);
    let found = publisher.match(bytes, payload, this.#routes);
    const from = this.publisherNamed(bytes, payload.senderStart, payload.senderEnd);
    if (payload.groupEnd > payload.groupStart) {
      return this.#deliverToGroup(found, { bytes, start, end }, from);
    }
    while (found.match.receivers.length > 0) {
      const { receivers } = found.match;
      const to = from === null ? receivers : this.#parts.receivers(found.match, from);
      if (fanout.add(to, from ?? node, bytes, start, end, NO_STAMPS, 0)) break;
      // Who could not take the run before is gone by now.
      found = publisher.match(bytes, payload, this.#routes);
    }
    if (!found.counted) return;
    fanout.flushRun();
    this.#parts.count(found.match, from);
  }

  /** The subscriptions of this server that a loss of events of `topic` concerns. */
  concerned(topic: string): readonly BusSubscription[] {
    return localMatch(this.#parts.trie.match(topic, "")).receivers;
  }

  /** Gives the event to a member of the group whose stamp it has, without that stamp: the member has its own. */
  #deliverToGroup(
    found: RememberedMatch,
    { bytes, start }: EventRange,
    from: Peer | null,
  ): void {
    const { groupAt, groupStart, groupEnd, patternStart, patternEnd } = this.#parts.payload;
    const name = decodeText(bytes.subarray(groupStart, groupEnd));
    const pattern = decodeText(bytes.subarray(patternStart, patternEnd));
    const group = found.match.groups.find((one) =>
      one.name === name && (pattern === "" || one.pattern === pattern)
    );
    if (group === undefined) return;
    this.#parts.groups.give(group, from, this.#event.setBody(bytes, start, groupAt), true);
  }
}

/** The part of each match that is of this server, as long as the match is good. */
const locals = new WeakMap<Match<BusSubscription>, Match<BusSubscription>>();

/** The part of a match that is of this server. */
export function localMatch(match: Match<BusSubscription>): Match<BusSubscription> {
  let local = locals.get(match);
  if (local === undefined) locals.set(match, local = withoutNodes(match));
  return local;
}

function withoutNodes(match: Match<BusSubscription>): Match<BusSubscription> {
  const { receivers, all, groups, places } = match;
  const isHere = ({ isNode }: BusSubscription) => !isNode;
  if (receivers.every(isHere) && groups.every(({ members }) => members.every(isHere))) return match;
  return new Match(
    receivers.filter(isHere),
    all?.filter(isHere) ?? null,
    // The members stay in one list, so that those here take turns whoever chooses them.
    groups.filter(({ members }) => members.some(isHere)),
    places,
  );
}
