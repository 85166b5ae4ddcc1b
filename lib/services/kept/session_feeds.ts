/**
 * The history that one session reads: its feeds, and the starts of patterns that have not reached all their topics.
 */
import { matchesPattern } from "../../base/matches_pattern.ts";
import type { StoreTopic } from "../../ports/store.ts";
import type { TurnTaker } from "../connection/fair_turns.ts";
import type { Peer } from "../connection/peer.ts";
import { topicsOf } from "../topics/peer_topics.ts";
import type { PatternStart } from "./pattern_start.ts";

/** One session on one topic. */
export interface Feed {
  readonly topic: StoreTopic;
  /** The next seq that the session gets; Infinity while only a time says where it begins. */
  next: number;
  /** A time whose first seq has to be looked up, in milliseconds since 1970; Infinity when there is none. */
  sinceMs: number;
}

/** The feeds of one session. */
export class SessionFeeds {
  readonly session: Peer;
  readonly byTopic = new Map<StoreTopic, Feed>();
  /** Patterns whose topics were not all come to, in the order of their subscriptions. */
  readonly starts: PatternStart[] = [];
  pumping = false;
  /** Pages are handed on in turns: a store in memory would else let a history be walked through at once. */
  readonly turn: TurnTaker;
  /** Told when a start is through. */
  #startEnded: (() => void)[] = [];

  constructor(session: Peer) {
    this.session = session;
    this.turn = session.context.turns.join();
  }

  /** Whether there is anything to read. */
  get isEmpty(): boolean {
    return this.byTopic.size === 0 && this.starts.length === 0;
  }

  /** Whether a start has still to come to `topic`. */
  awaits(topic: StoreTopic): PatternStart | null {
    for (const start of this.starts) if (start.covers(topic)) return start;
    return null;
  }

  /** Resolves when fewer than `count` starts are under way, or none is read any more. */
  async whenFewerStarts(count: number): Promise<void> {
    while (this.starts.length >= count && this.session.takesDeliveries) {
      await new Promise<void>((resolve) => this.#startEnded.push(resolve));
    }
  }

  /** Has whoever waits look again. */
  wake(): void {
    for (const resolve of this.#startEnded.splice(0)) resolve();
  }

  /** Whether `feed` is one of these, and its session reads. */
  has(feed: Feed): boolean {
    return this.session.takesDeliveries && this.byTopic.get(feed.topic) === feed;
  }
}

/** The feeds of a session; null while it has had none. */
export function feedsOf({ slots }: Peer): SessionFeeds | null {
  return slots.feeds as SessionFeeds | null;
}

/** Whether a plain subscription of `session` matches `topic`, whatever its type. */
export function wants(session: Peer, topic: string): boolean {
  for (const one of topicsOf(session).subscriptions?.values() ?? []) {
    if (one.group === "" && matchesPattern(one.pattern, topic)) return true;
  }
  return false;
}
