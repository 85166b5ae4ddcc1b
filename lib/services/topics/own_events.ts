/**
 * The events that the server publishes itself on topics that are not kept: what it tells of itself, and who comes and goes.
 *
 * They go to those who want them like any others, but for the topics of the system: those only to who names them.
 */
import type { Match } from "../../logic/topics/subscription.ts";
import type { TopicTallies } from "../../logic/topics/tallies.ts";
import type { TopicTrie } from "../../logic/topics/trie.ts";
import { Entry } from "../../ports/entry.ts";
import type { Fanout } from "../../wire/fanout.ts";
import type { SenderStamps } from "../../wire/stamp.ts";
import type { BusSubscription } from "./bus_subscription.ts";
import type { GroupDelivery } from "./group_delivery.ts";
import type { Measures } from "./measures.ts";
import { ownMatch } from "./system_topics.ts";

/** The parts of the bus that the server's own events go through. */
interface BusParts {
  readonly trie: TopicTrie<BusSubscription>;
  readonly fanout: Fanout<BusSubscription>;
  readonly groups: GroupDelivery;
  readonly tallies: TopicTallies;
  readonly measures: Measures;
  /** The number of subscriptions that end after a number of events. */
  counted(): number;
  /** Counts an event for the plain subscriptions of a match. */
  count(match: Match<BusSubscription>): void;
}

/** An event of the server. */
export interface OwnEvent {
  readonly topic: string;
  readonly type: string;
  /** The Event, encoded. */
  readonly body: Uint8Array;
  readonly payloadBytes: number;
}

/** Publishes the events of the server. */
export class OwnEvents {
  readonly #parts: BusParts;
  /** The event on its way to a group; one object, filled again for each. */
  readonly #event = new Entry();

  constructor(parts: BusParts) {
    this.#parts = parts;
  }

  /** Whether anybody gets what the server publishes on a topic, or measures it. */
  isWanted(topic: string, type: string): boolean {
    const { trie, measures } = this.#parts;
    const { receivers, groups } = ownMatch(topic, trie.match(topic, type));
    return receivers.length + groups.length > 0 || measures.of(topic, type) !== null;
  }

  /** Counts an event that the server publishes, for those who want to know how much happens on its topic. */
  count({ topic, type, body, payloadBytes }: OwnEvent): void {
    const { tallies, measures } = this.#parts;
    tallies.of(topic).add(body.length);
    measures.of(topic, type)?.add(payloadBytes);
  }

  /** Publishes an event. It leaves with the turn's end. */
  publish(event: OwnEvent, stamps: SenderStamps): void {
    const { trie, fanout, groups, counted, count } = this.#parts;
    const { topic, type, body } = event;
    const { bytes, length } = stamps;
    this.count(event);
    let match = ownMatch(topic, trie.match(topic, type));
    while (match.receivers.length > 0) {
      if (fanout.add(match.receivers, null, body, 0, body.length, bytes, length)) break;
      match = ownMatch(topic, trie.match(topic, type));
    }
    fanout.flushRun();
    for (const group of match.groups) {
      groups.give(group, null, this.#event.setBody(body, 0, body.length).setStamps(stamps), false);
    }
    if (counted() > 0) count(match);
  }
}
