/**
 * The start of a subscription in the history of kept topics: checks what a Subscribe asks for, and starts
 * the feeds.
 */
import { matchesPattern } from "../../base/matches_pattern.ts";
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import type { Start } from "../../gen/parley/v1/event_pb.ts";
import { hasWildcard } from "../../logic/topics/pattern.ts";
import type { StoreTopic } from "../../ports/store.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import { MAX_CONTROL_BYTES, tooManyFields } from "../connection/decode_body.ts";
import { mayRead } from "../access/checks.ts";
import type { Peer } from "../connection/peer.ts";
import type { KeptTopics } from "./kept_topics.ts";
import { PatternStart, positionIn, sinceAt } from "./pattern_start.ts";

/** The most positions that one Subscribe may carry. */
export const MAX_POSITIONS = 1000;
/** The most bytes of a position, without its topic. */
const POSITION_BYTES = 32;
/** Numbers of Subscribe.start and of Start.positions. */
const START_FIELD = 6;
const POSITIONS_FIELD = 5;
/** The most fields of a start, with those of its positions. */
const MAX_START_FIELDS = 4 * MAX_POSITIONS;
/** Past so many topics an Ack tells no more positions: subscribing must not hold up the others. */
const MAX_TOPICS_LOOKED_AT = 10_000;

const fields = new FieldCursor();
const startFields = new FieldCursor();
const positionFields = new FieldCursor();

/** The largest Subscribe: with as many positions as there may be. */
export function maxSubscribeBytes({ maxTopicBytes }: { readonly maxTopicBytes: number }): number {
  return MAX_CONTROL_BYTES + MAX_POSITIONS * (maxTopicBytes + POSITION_BYTES);
}

/** Raises INVALID_ARGUMENT when the Subscribe in `bytes` has a start of too many fields to be decoded. */
export function checkStartFields(bytes: Uint8Array): void {
  let count = 0;
  const add = () => {
    if (++count > MAX_START_FIELDS) throw tooManyFields(MAX_START_FIELDS);
  };
  fields.open(bytes, 0, bytes.length);
  while (fields.next()) {
    if (fields.field !== START_FIELD || fields.wireType !== 2) continue;
    startFields.open(bytes, fields.start, fields.end);
    while (startFields.next()) {
      add();
      if (startFields.field !== POSITIONS_FIELD || startFields.wireType !== 2) continue;
      positionFields.open(bytes, startFields.start, startFields.end);
      while (positionFields.next()) add();
    }
  }
}

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

/**
 * Whether a start names events that this node of a cluster has not applied yet: another node may have acknowledged them, or
 * handed them to this very client.
 */
export function isAhead({ store }: KeptTopics, pattern: string, start: Start): boolean {
  if (store.replica === null || store.replica.leads) return false;
  const lastOf = (name: string) => store.topic(name)?.lastSeq ?? store.forgottenSeq;
  const { positions, since } = start;
  if (since.case === "seq" && Number(since.value) > lastOf(pattern) + 1) return true;
  return start.historyEpoch === store.epoch &&
    positions.some(({ topic, seq }) =>
      matchesPattern(pattern, topic) && Number(seq) > lastOf(topic)
    );
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
  for (const [topic, seq] of positions) {
    if (!mayRead(session, topic.name)) continue;
    kept.feeds.begin(session, topic, { seq: seq + 1, sinceMs: Infinity });
  }
  const since = sinceAt(start, session.context.clock.wallMs());
  if (hasWildcard(pattern)) {
    if (since.case === undefined) return lost;
    const others = new Set(positions.keys());
    kept.feeds.beginPattern(session, new PatternStart(kept.store, { pattern, since }, others));
    return lost;
  }
  const topic = kept.store.topic(pattern);
  if (topic === null || positions.has(topic)) return lost;
  const position = positionIn(topic, since);
  if (position !== null) kept.feeds.begin(session, topic, position);
  return lost;
}

/** The part of an Ack that tells of the kept topics that a pattern matches. */
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
