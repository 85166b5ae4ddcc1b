/**
 * What is known of a topic, as the methods of the service Topics tell it: what is kept, how much is published, for how many.
 */
import type { Match } from "../../../logic/topics/subscription.ts";
import { mayReceive } from "../../access/checks.ts";
import type { Peer } from "../../connection/peer.ts";
import type { Features } from "../../features.ts";
import type { BusSubscription } from "../../topics/bus_subscription.ts";
import { ownMatch } from "../../topics/system_topics.ts";
import { keepPolicyOf } from "./policies.ts";

/** The number of subscriptions that are looked at before others may have their turn. */
const LOOKED_AT_ONCE = 256;

/** A topic, by its name; with zeros when there was no event yet. `by` is who asks. */
export async function infoOf(features: Features, by: Peer, topic: string) {
  const { bus: { tallies }, kept, context: { clock } } = features;
  const known = kept?.store.topic(topic) ?? null;
  const policy = kept?.policyOf(topic) ?? null;
  const tally = tallies.find(topic);
  return {
    topic,
    firstSeq: BigInt(known?.firstSeq ?? 1),
    lastSeq: BigInt(known?.lastSeq ?? 0),
    events: BigInt(known?.events ?? 0),
    bytes: BigInt(known?.bytes ?? 0),
    firstTimeUnixMicros: micros(known?.firstTimeMs ?? 0),
    lastTimeUnixMicros: micros(known?.lastTimeMs ?? 0),
    ...policy === null ? {} : { policy: keepPolicyOf(policy) },
    subscribers: BigInt(await subscribersOf(features, by, topic)),
    ...tally === null ? {} : {
      publishedEvents: BigInt(tally.events),
      publishedBytes: BigInt(tally.bytes),
      ...tallies.rateOf(tally, clock.monotonicMs()),
    },
  };
}

/** How many connections get events of a topic: each once, and one of each group. Others have their turn meanwhile. */
export async function subscribersOf({ bus }: Features, by: Peer, topic: string): Promise<number> {
  const match = ownMatch(topic, bus.wantingAnyType(topic));
  const { receivers, groups } = match;
  if (receivers.length + groups.length === 0) return 0;
  const turn = by.callsTurn;
  await turn.admit();
  const connections = new Set<Peer>();
  const shared = new Set<string>();
  let looked = 0;
  for (const [one, group] of eachOf(match)) {
    if (++looked % LOOKED_AT_ONCE === 0) await turn.did(LOOKED_AT_ONCE);
    const { owner, type, pattern } = one;
    if (!owner.takesDeliveries || !mayReceive(owner, topic, type)) continue;
    if (group === null) connections.add(owner);
    // Groups of one name but different patterns are different groups, and those of different types are one.
    else shared.add(`${pattern}\n${group}`);
  }
  return connections.size + shared.size;
}

/** Each subscription of a match, with the name of its group; null for none. */
function* eachOf(
  { all, receivers, groups }: Match<BusSubscription>,
): Generator<readonly [one: BusSubscription, group: string | null]> {
  for (const one of all ?? receivers) yield [one, null];
  for (const { name, members } of groups) for (const one of members) yield [one, name];
}

function micros(ms: number): bigint {
  return BigInt(Math.floor(ms)) * 1000n;
}
