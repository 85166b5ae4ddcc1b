/**
 * The method `parley.v1.Topics/Explain`: what becomes of an event on a topic. Who gets it, who does not for want of a
 * permission, what is kept of it by which policy, which queues take it, and which rules decide for a user.
 *
 * Everything is of the moment, and nothing is published or made. Very many subscriptions are looked at in turns with others.
 */
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import { quote } from "../../../base/quote.ts";
import type { ExplainTopicRequest } from "../../../gen/parley/v1/topic_pb.ts";
import type { Identity } from "../../../logic/access/accounts.ts";
import { explain, ruleText } from "../../../logic/access/permissions.ts";
import { checkMessageType, checkTopic } from "../../../logic/topics/pattern.ts";
import type { Match } from "../../../logic/topics/subscription.ts";
import { mayReceive } from "../../access/checks.ts";
import type { Peer } from "../../connection/peer.ts";
import type { Features } from "../../features.ts";
import type { BusSubscription } from "../../topics/bus_subscription.ts";
import { isServersTopic } from "../../topics/reserved.ts";
import { ownMatch } from "../../topics/system_topics.ts";
import { administrationFor } from "./admin.ts";
import { infoOf } from "./topic_info.ts";

/** The most subscriptions that are told. */
const MAX_TOLD = 1000;
/** The number of subscriptions that are looked at before others may have their turn. */
const LOOKED_AT_ONCE = 128;
/** The most bytes of a subscription in the answer, without its texts. */
const INFO_BYTES = 64;

/** Explains a topic. Raises INVALID_ARGUMENT, and NOT_FOUND for a user that there is not. */
export async function explainTopic(features: Features, peer: Peer, request: ExplainTopicRequest) {
  const { topic, type } = request;
  checkTopic(topic, peer.context.limits, "explain");
  if (type !== "") checkMessageType(type, "explain events of type");
  administrationFor(features, peer, `explain ${quote(topic)}`);
  const rulings = rulingsFor(features, peer, request);
  const found = await subscriptionsOf(features, peer, topic, type);
  const kept = features.kept;
  const isKnown = kept !== null && (kept.keeps(topic) || kept.store.topic(topic) !== null);
  const rule = features.typeChecks.ruleOfTopic(topic);
  return {
    ...rulings,
    ...found,
    ...isKnown ? { info: await infoOf(features, peer, topic) } : {},
    queues: [...features.queues?.policies.boundTo(topic) ?? []],
    checkedType: rule?.type ?? "",
    checkRejects: rule?.check === "reject",
    checkedTypeKnown: rule !== null && features.types?.types.message(rule.type) !== undefined,
  };
}

/** Whether a user may publish and read, and which rules decide. */
function rulingsFor(features: Features, peer: Peer, { topic, type, user }: ExplainTopicRequest) {
  const found = identityOf(features, peer, user);
  const reading = ruling(found, "subscribe", topic, type);
  if (!isServersTopic(topic)) {
    return { publish: ruling(found, "publish", topic, ""), subscribe: reading };
  }
  const why = `${ruleText("publish", topic)} is denied: only the server publishes there`;
  return { publish: { allowed: false, why }, subscribe: reading };
}

function ruling(
  identity: Identity | "disabled" | null,
  verb: "publish" | "subscribe",
  topic: string,
  type: string,
) {
  if (identity === null) {
    return { allowed: true, why: "everything is allowed: no users are configured" };
  }
  if (identity === "disabled") {
    return { allowed: false, why: "everything is denied: the user is disabled" };
  }
  const decision = identity.permissions.decide(verb, topic, type);
  return { allowed: decision.allowed, why: explain(decision, ruleText(verb, topic, type)) };
}

/** Who a user is: whoever asks, one of the accounts, or one who is connected and somebody else has vouched for. */
function identityOf({ access }: Features, peer: Peer, user: string): Identity | "disabled" | null {
  if (user === "" || user === peer.identity?.user) return peer.identity;
  const accounts = access?.accounts ?? null;
  if (accounts?.user(user)?.disabled) return "disabled";
  const known = accounts?.of(user, {}) ?? null;
  if (known !== null) return known;
  for (const { identity } of access?.peers ?? []) if (identity?.user === user) return identity;
  throw new ParleyError(ErrorCode.NOT_FOUND, `cannot explain for ${quote(user)}: no such user`, {
    accepted: accounts === null
      ? "no user: none are configured, and everything is allowed"
      : "a user that is configured, or connected",
  });
}

/** The subscriptions that match, and how many connections would get an event. */
async function subscriptionsOf(features: Features, peer: Peer, topic: string, type: string) {
  const { bus, kept } = features;
  const match = ownMatch(topic, bus.wanting(topic, type));
  const turn = peer.callsTurn;
  const known = kept?.store.topic(topic) ?? null;
  const subscriptions = [];
  const connections = new Set<Peer>();
  const groups = new Set<object>();
  // Half of what a message may be leaves room for everything around it.
  let left = peer.context.limits.maxFrameBytes >>> 1;
  let matching = 0n;
  let denied = 0n;
  let looked = 0;
  await turn.admit();
  for (const [one, group] of eachOf(match)) {
    if (++looked % LOOKED_AT_ONCE === 0) await turn.did(LOOKED_AT_ONCE);
    const { owner } = one;
    if (!owner.takesDeliveries) continue;
    matching++;
    const isDenied = !mayReceive(owner, topic, type);
    if (isDenied) denied++;
    else if (group === null) connections.add(owner);
    else groups.add(group);
    const texts = one.pattern.length + one.type.length + one.group.length +
      (owner.identity?.user.length ?? 0);
    left -= INFO_BYTES + 3 * texts;
    if (left < 0 || subscriptions.length === MAX_TOLD) continue;
    subscriptions.push({
      sessionId: owner.sessionId,
      user: owner.identity?.user ?? "",
      pattern: one.pattern,
      type: one.type,
      group: one.group,
      denied: isDenied,
      readsHistory: known !== null && kept!.feeds.has(owner, known),
      outboxBytes: BigInt(owner.outbox.size),
    });
  }
  const receivers = BigInt(connections.size + groups.size);
  return { subscriptions, matching, receivers, denied };
}

/** Each subscription of a match, with the group that it is a member of; null for none. */
function* eachOf(
  { all, receivers, groups }: Match<BusSubscription>,
): Generator<readonly [one: BusSubscription, group: object | null]> {
  for (const one of all ?? receivers) yield [one, null];
  for (const group of groups) for (const one of group.members) yield [one, group];
}
