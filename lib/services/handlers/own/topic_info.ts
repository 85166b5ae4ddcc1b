/**
 * What is known of a kept topic, as the methods of the service Topics tell it.
 */
import type { StoreTopic } from "../../../ports/store.ts";
import type { KeptTopics } from "../../kept/kept_topics.ts";
import { keepPolicyOf } from "./policies.ts";

/** A topic, by its name or as the store knows it; with zeros when there was no event yet. */
export function infoOf(kept: KeptTopics, topic: StoreTopic | string) {
  const name = typeof topic === "string" ? topic : topic.name;
  const known = typeof topic === "string" ? kept.store.topic(topic) : topic;
  const policy = kept.policyOf(name);
  return {
    topic: name,
    firstSeq: BigInt(known?.firstSeq ?? 1),
    lastSeq: BigInt(known?.lastSeq ?? 0),
    events: BigInt(known?.events ?? 0),
    bytes: BigInt(known?.bytes ?? 0),
    firstTimeUnixMicros: micros(known?.firstTimeMs ?? 0),
    lastTimeUnixMicros: micros(known?.lastTimeMs ?? 0),
    ...(policy === null ? {} : {
      policy: keepPolicyOf(policy),
    }),
  };
}

function micros(ms: number): bigint {
  return BigInt(Math.floor(ms)) * 1000n;
}
