/**
 * The methods `parley.v1.Topics/…`: which topics there are, how much of them is kept and published, trimming, removing, measuring.
 *
 * Of what is kept they tell what is committed. A list comes in pages, because there may be very many topics; making a page
 * looks at every topic once and sorts no more than the page.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../../base/errors.ts";
import { matchesPattern } from "../../../base/matches_pattern.ts";
import type {
  ListTopicsRequest,
  TopicLevelsRequest,
  Topics,
} from "../../../gen/parley/v1/topic_pb.ts";
import { quote } from "../../../base/quote.ts";
import {
  checkMessageType,
  checkPattern,
  checkTopic,
  hasWildcard,
} from "../../../logic/topics/pattern.ts";
import type { Store, StoreTopic } from "../../../ports/store.ts";
import { may, mayReceive } from "../../access/checks.ts";
import { maySeeTopic } from "./rights.ts";
import type { Methods } from "./method.ts";
import { firstNames } from "./name_page.ts";
import { explainTopic } from "./explain.ts";
import { readTopic, tailTopics } from "./topic_reading.ts";
import { infoOf } from "./topic_info.ts";
import { keepPolicies, keepTopics, unkeepTopics } from "./policies.ts";
import type { Features } from "../../features.ts";
import type { Peer } from "../../connection/peer.ts";

/** The most topics of one page. */
const MAX_PAGE_TOPICS = 1000;
/** The most bytes of a topic in a list, without its name and that of its policy. */
const INFO_BYTES = 192;
/** The most bytes of a level of names, without its name. */
const LEVEL_BYTES = 48;
/** The most topics that one call removes or leaves. */
const MAX_REMOVED_TOPICS = 256;
/** The number of topics that are looked at before others may have their turn. */
const LOOKED_AT_ONCE = 256;
/** The methods of the service Topics. */
export const TOPIC_METHODS: Methods<typeof Topics> = {
  list: { list: "topics", run: list },
  info,
  trim,
  remove,
  policies: keepPolicies,
  keep: keepTopics,
  unkeep: unkeepTopics,
  explain: { list: "subscriptions", run: explainTopic },
  // Events are given as they are kept.
  read: { list: "events", encoded: true, run: readTopic },
  measure: { list: "topics", run: measure },
  tail: { list: "events", encoded: true, run: tailTopics },
  levels: { list: "levels", run: listLevels },
};

async function list(
  features: Features,
  session: Peer,
  request: ListTopicsRequest,
) {
  const { pattern, after, plain, contains } = request;
  const { limits } = session.context;
  if (pattern !== "") checkPattern(pattern, limits, "list");
  const { store } = features.needKept();
  const page = await firstNames(namesOf(features, store, plain), {
    after,
    most: Math.min(request.limit || MAX_PAGE_TOPICS, MAX_PAGE_TOPICS),
    turn: session.callsTurn,
    fits: (name) =>
      matchesPattern(pattern, name) && name.includes(contains) && maySeeTopic(session, name),
  });
  // The page is one message: half of what a message may be leaves room for everything around it.
  let left = limits.maxFrameBytes >>> 1;
  const topics = [];
  for (const name of page.names) {
    const info = await infoOf(features, session, name);
    left -= INFO_BYTES + 3 * (name.length + (info.policy?.pattern.length ?? 0));
    if (left < 0 && topics.length > 0) return { topics, more: true };
    topics.push(info);
  }
  return { topics, more: page.more };
}

/** The names of the topics that anything was kept of, and with `plain` of those that are counted. Some come twice. */
function* namesOf({ bus }: Features, store: Store, plain: boolean): Generator<string> {
  for (const { name } of store.topics()) yield name;
  if (plain) { for (const { topic } of bus.tallies.all()) yield topic; }
}

async function info(features: Features, session: Peer, { topic }: { topic: string }) {
  checkTopic(topic, session.context.limits, "look at");
  const told = await infoOf(features, session, topic);
  const { kept } = features;
  const isKept = kept !== null && (kept.keeps(topic) || kept.store.topic(topic) !== null);
  if (isKept || told.subscribers > 0n || (told.publishedEvents ?? 0n) > 0n) return { info: told };
  throw new ParleyError(
    ErrorCode.NOT_FOUND,
    `cannot look at ${quote(topic)}: no policy keeps it, and nobody publishes or subscribes to it`,
    { accepted: "a topic that `parley topic ls` tells of, or one with subscribers" },
  );
}

/** What was measured since a peer asked last. */
function measure(features: Features, session: Peer, request: { pattern: string; type: string }) {
  const { pattern, type } = request;
  checkPattern(pattern, session.context.limits, "measure");
  if (type !== "") checkMessageType(type, "measure events of type");
  const report = features.bus.measures.take(
    session,
    { pattern, type },
    (topic, type) => mayReceive(session, topic, type) || may(session, "manage", `topic.${topic}`),
  );
  return {
    topics: report.topics.map((figures) => ({
      topic: figures.topic,
      events: BigInt(figures.events),
      totalEvents: BigInt(figures.totalEvents),
      bytes: BigInt(figures.bytes),
      minBytes: BigInt(figures.minBytes),
      maxBytes: BigInt(figures.maxBytes),
      intervals: BigInt(figures.intervals),
      intervalSeconds: figures.intervalMs / 1e3,
      intervalSecondsSquared: figures.squaredIntervalMs / 1e6,
      minIntervalSeconds: figures.minIntervalMs / 1e3,
      maxIntervalSeconds: figures.maxIntervalMs / 1e3,
    })),
    elapsedMicros: BigInt(Math.round(report.elapsedMs * 1000)),
    otherEvents: BigInt(report.otherEvents),
    otherBytes: BigInt(report.otherBytes),
  };
}

/** What a level of names holds. */
interface Level {
  readonly name: string;
  topics: number;
  events: number;
  bytes: number;
  isTopic: boolean;
}

async function listLevels(features: Features, session: Peer, request: TopicLevelsRequest) {
  const { above, after } = request;
  const { limits } = session.context;
  if (above !== "") checkTopic(above, limits, "list levels of");
  const prefix = above === "" ? "" : `${above}.`;
  const most = Math.min(request.limit || MAX_PAGE_TOPICS, MAX_PAGE_TOPICS);
  const page: Level[] = [];
  const known = new Map<string, Level>();
  let more = false;
  let looked = 0;
  const turn = session.callsTurn;
  await turn.admit();
  for (const topic of features.needKept().store.topics()) {
    if (++looked % LOOKED_AT_ONCE === 0) await turn.did(LOOKED_AT_ONCE);
    if (!topic.name.startsWith(prefix)) continue;
    const dot = topic.name.indexOf(".", prefix.length);
    const name = dot < 0 ? topic.name : topic.name.slice(0, dot);
    if (name <= after || !maySeeTopic(session, topic.name)) continue;
    let level = known.get(name);
    if (level === undefined) {
      if (page.length === most) {
        more = true;
        // One that was left out stays so: the page only comes to end earlier.
        if (name > page[most - 1].name) continue;
        known.delete(page.pop()!.name);
      }
      known.set(name, level = { name, topics: 0, events: 0, bytes: 0, isTopic: false });
      page.splice(placeOf(page, name), 0, level);
    }
    level.topics++;
    level.events += topic.events;
    level.bytes += topic.bytes;
    if (dot < 0) level.isTopic = true;
  }
  let left = limits.maxFrameBytes >>> 1;
  const levels = [];
  for (const { name, topics, events, bytes, isTopic } of page) {
    left -= LEVEL_BYTES + 3 * name.length;
    if (left < 0 && levels.length > 0) return { levels, more: true };
    const sums = { topics: BigInt(topics), events: BigInt(events), bytes: BigInt(bytes) };
    levels.push({ name, ...sums, isTopic });
  }
  return { levels, more };
}

/** The place of `name` in a sorted page. */
function placeOf(page: readonly { readonly name: string }[], name: string): number {
  let low = 0;
  let high = page.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (page[middle].name < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function trim(
  features: Features,
  session: Peer,
  request: { topic: string; beforeSeq: bigint },
) {
  if (request.beforeSeq === 0n || request.beforeSeq > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw invalidArgument(
      `cannot trim ${quote(request.topic)} before seq ${request.beforeSeq}`,
      { accepted: `a seq from 1 to ${Number.MAX_SAFE_INTEGER}` },
    );
  }
  const kept = features.needKept();
  const name = topicOf(features, session, request.topic, "trim");
  const topic = kept.store.topic(name);
  const dropped = topic === null ? 0 : await kept.trim(topic, Number(request.beforeSeq));
  return { dropped: BigInt(dropped), info: await infoOf(features, session, name) };
}

async function remove(features: Features, session: Peer, { pattern }: { pattern: string }) {
  checkPattern(pattern, session.context.limits, "remove");
  const kept = features.needKept();
  const { topics, used } = await matching(features, session, pattern, MAX_REMOVED_TOPICS + 1);
  if (topics.length + used.length === 0 && !hasWildcard(pattern)) {
    throw new ParleyError(ErrorCode.NOT_FOUND, `cannot remove ${quote(pattern)}: it is not there`, {
      accepted: "a topic that `parley topic ls` tells of, or a pattern",
    });
  }
  const more = topics.length > MAX_REMOVED_TOPICS;
  const removals = await Promise.all(
    topics.slice(0, MAX_REMOVED_TOPICS).map(async (topic) => ({
      name: topic.name,
      ...await kept.forgetting.remove(topic),
    })),
  );
  const gone = removals.filter((removal) => removal.gone);
  return {
    removed: BigInt(gone.length),
    dropped: BigInt(removals.reduce((sum, { dropped }) => sum + dropped, 0)),
    kept: [...used, ...removals.filter((removal) => !removal.gone).map(({ name }) => name)],
    more,
  };
}

/**
 * The first topics that a pattern matches and that could go, in no order, and the names of some that are in use;
 * others have their turn meanwhile.
 */
async function matching(features: Features, session: Peer, pattern: string, most: number) {
  const { store, forgetting } = features.needKept();
  const topics: StoreTopic[] = [];
  const used: string[] = [];
  const add = (topic: StoreTopic) => {
    if (!forgetting.isUsed(topic)) topics.push(topic);
    else if (used.length < MAX_REMOVED_TOPICS) used.push(topic.name);
  };
  if (!hasWildcard(pattern)) {
    const topic = store.topic(pattern);
    if (topic !== null) add(topic);
    return { topics, used };
  }
  let looked = 0;
  const turn = session.callsTurn;
  await turn.admit();
  for (const topic of store.topics()) {
    if (++looked % LOOKED_AT_ONCE === 0) await turn.did(LOOKED_AT_ONCE);
    if (!matchesPattern(pattern, topic.name)) continue;
    // The pattern may be managed but for what a rule cuts out of it.
    if (may(session, "manage", `topic.${topic.name}`)) add(topic);
    if (topics.length === most) break;
  }
  return { topics, used };
}

/** The name of a topic that is kept, or was. Raises INVALID_ARGUMENT and NOT_FOUND. */
function topicOf(features: Features, session: Peer, name: string, action: string): string {
  checkTopic(name, session.context.limits, action);
  const kept = features.needKept();
  if (kept.keeps(name) || kept.store.topic(name) !== null) return name;
  throw new ParleyError(
    ErrorCode.NOT_FOUND,
    `cannot ${action} ${quote(name)}: no policy keeps it`,
    {
      accepted: "a topic that a [[keep]] policy of the server matches",
    },
  );
}
