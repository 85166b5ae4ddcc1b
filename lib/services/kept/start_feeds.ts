/**
 * Where in the history of kept topics a subscription begins: checks what a Subscribe asks for, and starts
 * the feeds.
 */
import { matchesPattern } from "../../base/matches_pattern.ts";
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import type { Start } from "../../gen/parley/v1/event_pb.ts";
import { hasWildcard } from "../../logic/topics/pattern.ts";
import type { StoreTopic } from "../../ports/store.ts";
import { mayRead } from "../access/checks.ts";
import type { KeptTopics } from "./kept_topics.ts";
import type { Peer } from "../connection/peer.ts";

/** The most positions that one Subscribe may carry. */
export const MAX_POSITIONS = 1000;
/** Past so many topics an Ack tells no more positions: subscribing must not hold up the others. */
const MAX_TOPICS_LOOKED_AT = 10_000;

/** Raises a ParleyError when a subscription to `pattern` cannot begin at `start`. */
export function checkStart(
  kept: KeptTopics | null,
  pattern: string,
  group: string,
  start: Start,
): void {
  if (kept === null) {
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      "cannot begin in the history: this server keeps no topics",
    );
  }
  if (group !== "") {
    throw invalidArgument("cannot begin in the history with a group: a group shares what is new", {
      accepted: "a start without a group, or a group without a start",
    });
  }
  if (start.positions.length > MAX_POSITIONS) {
    throw invalidArgument(`cannot take ${start.positions.length} positions`, {
      accepted: `at most ${MAX_POSITIONS} positions`,
    });
  }
  if (start.since.case === "seq" && hasWildcard(pattern)) {
    throw invalidArgument(`cannot begin with a seq on "${pattern}": each topic counts for itself`, {
      accepted: "a pattern without wildcards, or a time",
    });
  }
  if (!hasWildcard(pattern) && !kept.keeps(pattern)) {
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot begin in the history of "${pattern}": no policy keeps it`,
      { accepted: "a topic that a [[keep]] policy of the server matches" },
    );
  }
}

/** Starts the feeds of a checked start, and gives whether its positions are of a history that is lost. */
export function startFeeds(
  kept: KeptTopics,
  session: Peer,
  pattern: string,
  start: Start,
): boolean {
  let lost = start.positions.length > 0 && start.historyEpoch !== kept.store.epoch;
  const positions = new Map<StoreTopic, number>();
  for (const { topic: name, seq } of lost ? [] : start.positions) {
    if (!matchesPattern(pattern, name) || !mayRead(session, name)) continue;
    const topic = kept.store.topic(name);
    // A seq that was never given out belongs to events that are gone. A topic that was forgotten gave none
    // beyond what the store remembers, and goes on behind that when it is made anew.
    if (Number(seq) > (topic?.lastSeq ?? kept.store.forgottenSeq)) lost = true;
    if (topic !== null) positions.set(topic, Math.min(Number(seq), topic.lastSeq));
  }
  for (const topic of matching(kept, pattern)) {
    if (!mayRead(session, topic.name)) continue;
    const position = positions.get(topic);
    if (position === undefined) begin(kept, session, topic, start);
    else kept.feeds.begin(session, topic, position + 1);
  }
  return lost;
}

/** What an Ack tells of the kept topics that a pattern matches. */
export function tellPositions(kept: KeptTopics | null, session: Peer, pattern: string) {
  if (kept === null) return { positions: [], positionsComplete: true, allKept: false };
  const allKept = kept.keepsAll(pattern);
  if (!hasWildcard(pattern)) {
    const seq = BigInt(kept.store.topic(pattern)?.lastSeq ?? kept.store.forgottenSeq);
    const positions = allKept ? [{ topic: pattern, seq }] : [];
    return { positions, positionsComplete: true, allKept };
  }
  const positions: { topic: string; seq: bigint }[] = [];
  let looked = 0;
  for (const { name, lastSeq } of kept.store.topics()) {
    if (positions.length === MAX_POSITIONS || looked++ === MAX_TOPICS_LOOKED_AT) {
      return { positions, positionsComplete: false, allKept };
    }
    if (matchesPattern(pattern, name) && mayRead(session, name)) {
      positions.push({ topic: name, seq: BigInt(lastSeq) });
    }
  }
  return { positions, positionsComplete: true, allKept };
}

function matching(kept: KeptTopics, pattern: string): StoreTopic[] {
  if (!hasWildcard(pattern)) {
    const topic = kept.store.topic(pattern);
    return topic === null ? [] : [topic];
  }
  return [...kept.store.topics()].filter((topic) => matchesPattern(pattern, topic.name));
}

/** Begins on a topic without a position. */
function begin(kept: KeptTopics, session: Peer, topic: StoreTopic, { since }: Start): void {
  switch (since.case) {
    case "seq":
      // Who names a seq is told of those that are gone; 0 is the first there is.
      return kept.feeds.begin(session, topic, Number(since.value) || topic.firstSeq);
    case "last":
      return kept.feeds.begin(
        session,
        topic,
        Math.max(topic.firstSeq, topic.lastSeq + 1 - since.value),
      );
    case "all":
      return kept.feeds.begin(session, topic, topic.firstSeq);
    case "timeUnixMicros": {
      // The store counts in milliseconds: nothing that is older even by a part of one.
      const timeMs = Number((since.value + 999n) / 1000n);
      if (topic.lastTimeMs < timeMs) return;
      return kept.feeds.begin(session, topic, 0, () => kept.store.seqAt(topic, timeMs));
    }
  }
}
