/**
 * The receivers of an event of a kept topic as it is committed: its subscribers, but for those whose feeds of the
 * topic will bring it to them.
 *
 * Events of one topic, one type and one publisher mostly come in a row, so what was found last is kept: the
 * same list again lets them gather in one run, and costs nothing. Good while neither the subscriptions nor
 * the feeds change.
 */
import type { Match } from "../../logic/topics/subscription.ts";
import { NO_MATCH, type TopicTrie } from "../../logic/topics/trie.ts";
import type { StoreTopic } from "../../ports/store.ts";
import type { BusSubscription } from "./bus_subscription.ts";
import type { HistoryReaders } from "./hooks.ts";
import { localMatch } from "./node_events.ts";

/** Finds the receivers of kept events. */
export class LiveReceivers {
  /** The sessions that read history; null without a store. */
  readers: HistoryReaders | null = null;
  /** Whether the nodes of a cluster have one history: then the one that commits gives events to groups of all nodes. */
  isShared = false;
  #groups: Match<BusSubscription>["groups"] = NO_MATCH.groups;
  readonly #trie: TopicTrie<BusSubscription>;
  #topic: StoreTopic | null = null;
  #type = "";
  #trieVersion = -1;
  #match: Match<BusSubscription> = NO_MATCH;
  #fedTopic: StoreTopic | null = null;
  #all: readonly BusSubscription[] = [];
  #feedsVersion = -1;
  #live: readonly BusSubscription[] = [];

  constructor(trie: TopicTrie<BusSubscription>) {
    this.#trie = trie;
  }

  /** Everybody who subscribed to that topic and type. */
  match(topic: StoreTopic, type: string): Match<BusSubscription> {
    const { version } = this.#trie;
    if (this.#topic === topic && this.#type === type && this.#trieVersion === version) {
      return this.#match;
    }
    this.#topic = topic;
    this.#type = type;
    this.#trieVersion = version;
    const match = this.#trie.match(topic.name, type);
    // Other nodes have the history themselves, or none.
    const local = localMatch(match);
    this.#groups = this.isShared ? match.groups : local.groups;
    return this.#match = local;
  }

  /** The groups that get the event that was asked about last; none of one that another node has committed. */
  groups(isReceived: boolean): Match<BusSubscription>["groups"] {
    return isReceived ? NO_MATCH.groups : this.#groups;
  }

  /** The subscriptions among `all` that get the live events of `topic`. */
  of(topic: StoreTopic, all: readonly BusSubscription[]): readonly BusSubscription[] {
    const feeds = this.readers;
    if (feeds === null || !feeds.anyOf(topic)) return all;
    const { version } = feeds;
    if (this.#fedTopic === topic && this.#all === all && this.#feedsVersion === version) {
      return this.#live;
    }
    this.#fedTopic = topic;
    this.#all = all;
    this.#feedsVersion = version;
    return this.#live = all.filter((one) => !feeds.has(one.owner, topic));
  }

  /** Whether the feed of `session` brings it what is new on `topic`; null is a topic that is not kept. */
  passesBy(one: BusSubscription, topic: StoreTopic | null): boolean {
    return topic !== null && this.readers?.has(one.owner, topic) === true;
  }
}
