/**
 * The methods of the services Topics and Queues that are about policies: which there are, setting one while the server
 * runs, and taking it back.
 *
 * What is set is checked as the configuration is, stored, and then in force. Who may see names is asked for each policy.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../../base/errors.ts";
import { shownUrl } from "../../../base/printable.ts";
import { quote } from "../../../base/quote.ts";
import type {
  QueuePolicy as QueuePolicyMessage,
  SetQueueRequest,
} from "../../../gen/parley/v1/queue_pb.ts";
import {
  type KeepPolicy as KeepPolicyMessage,
  PolicyOrigin as Origin,
} from "../../../gen/parley/v1/topic_pb.ts";
import type { PolicyOrigin } from "../../../logic/policy_origin.ts";
import { isDeadName, type QueuePolicy } from "../../../logic/queues/policies.ts";
import type { KeepPolicy } from "../../../logic/topics/keep_policies.ts";
import { checkPattern, hasWildcard, patternsMeet } from "../../../logic/topics/pattern.ts";
import type { QueueFields } from "../../administration.ts";
import { checkMay, mayAll } from "../../access/checks.ts";
import type { Peer } from "../../connection/peer.ts";
import type { Features } from "../../features.ts";

const ORIGINS: Readonly<Record<PolicyOrigin["kind"], Origin>> = {
  "configuration": Origin.CONFIGURATION,
  "run time": Origin.RUNTIME,
  "built in": Origin.BUILT_IN,
};

/** The policies by which topics are kept, in the order in which they are asked. */
export function keepPolicies(features: Features, peer: Peer) {
  const all = features.needKept().policies.all();
  const seen = all.filter(({ pattern }) =>
    mayAll(peer, "manage", `topic.${pattern}`) || mayAll(peer, "subscribe", pattern)
  );
  return { policies: seen.map(keepPolicyOf) };
}

/** Keeps topics. */
export async function keepTopics(
  features: Features,
  peer: Peer,
  { policy }: { policy?: KeepPolicyMessage },
) {
  const { pattern = "" } = policy ?? {};
  checkPattern(pattern, peer.context.limits, "keep");
  const kept = features.needKept();
  const { policies } = features.needAdministration("keep topics");
  await policies.keep({
    pattern,
    maxEvents: numberOf(policy?.maxEvents),
    maxAgeMs: numberOf(policy?.maxAgeMs),
    maxBytes: numberOf(policy?.maxBytes),
    forgetAfterMs: numberOf(policy?.forgetAfterMs),
  }, peer.identity?.user ?? "");
  const now = kept.policies.all().find((each) => each.pattern === pattern);
  return { policy: now === undefined ? undefined : keepPolicyOf(now) };
}

/** Takes back what was set for topics. */
export async function unkeepTopics(
  features: Features,
  peer: Peer,
  { pattern }: { pattern: string },
) {
  checkPattern(pattern, peer.context.limits, "take back what keeps");
  await features.needAdministration("take back what keeps topics").policies.unkeep(pattern);
  return {};
}

/** The policies that set queues up, in the order in which they are asked. */
export function queuePolicies(features: Features, peer: Peer) {
  const all = features.needQueues().policies.all();
  const seen = all.filter(({ name }) =>
    mayAll(peer, "manage", `queue.${name}`) || mayAll(peer, "pull", name) ||
    mayAll(peer, "push", name)
  );
  return { policies: seen.map((policy) => queuePolicyOf(policy, peer)) };
}

/** Sets queues up. */
export async function setQueue(
  features: Features,
  peer: Peer,
  { policy, create }: SetQueueRequest,
) {
  const { name = "" } = policy ?? {};
  const queues = features.needQueues();
  checkPattern(name, peer.context.limits, "set up");
  if (isDeadName(name)) {
    throw invalidArgument(
      `cannot set up ${quote(name)}: dead letters are set up with their queue`,
      {
        accepted: "the name of the queue that they come from",
      },
    );
  }
  if (create && hasWildcard(name)) {
    throw invalidArgument(`cannot make ${quote(name)}: it is a pattern`, { accepted: "one queue" });
  }
  const { policies } = features.needAdministration("set queues up");
  if (hasWildcard(name)) {
    // It would come before those that it meets, and what these post would be posted no more.
    checkDeliveries(
      features,
      peer,
      (policy) => policy.name !== name && patternsMeet(policy.name, name),
    );
  }
  if (create && (queues.find(name) !== null || policies.hasQueue(name))) {
    throw new ParleyError(ErrorCode.ALREADY_EXISTS, `cannot make ${quote(name)}: it is there`, {
      accepted: "another name, or `parley queue set` to change it",
    });
  }
  // What cannot be a queue is refused before anything is stored.
  const made = hasWildcard(name) ? null : queues.get(name, "make", peer);
  try {
    await policies.setQueue(name, fieldsOf(policy!), peer.identity?.user ?? "");
  } catch (reason) {
    if (made !== null) queues.forget(made);
    throw reason;
  }
  const now = queues.policies.all().find((each) => each.name === name);
  return { policy: now === undefined ? undefined : queuePolicyOf(now, peer) };
}

/** Takes back what was set for queues. */
export async function unsetQueue(features: Features, peer: Peer, { name }: { name: string }) {
  const { policies } = features.needAdministration("take back how queues are set up");
  // Jobs may be posted elsewhere then, or nowhere.
  if (policies.setsDelivery(name)) checkMay(peer, "manage", "server.webhooks");
  await policies.unsetQueue(name);
  return {};
}

/** Raises PERMISSION_DENIED when one of these policies has jobs posted, and the peer may not decide that. */
function checkDeliveries(
  features: Features,
  peer: Peer,
  concerns: (policy: QueuePolicy) => boolean,
): void {
  const posts = features.needQueues().policies.all().some((policy) =>
    policy.delivery !== undefined && concerns(policy)
  );
  if (posts) checkMay(peer, "manage", "server.webhooks");
}

/** A policy of topics as it is told. */
export function keepPolicyOf(policy: KeepPolicy) {
  return {
    pattern: policy.pattern,
    maxEvents: BigInt(policy.maxEvents ?? 0),
    maxAgeMs: BigInt(policy.maxAgeMs ?? 0),
    maxBytes: BigInt(policy.maxBytes ?? 0),
    forgetAfterMs: BigInt(policy.forgetAfterMs ?? 0),
    ...originOf(policy.origin),
  };
}

function queuePolicyOf(policy: QueuePolicy, peer: Peer) {
  const { name, bind, leaseMs, maxDeliveries, backoffMinMs, backoffMaxMs, ordered } = policy;
  return {
    ...{ name, leaseMs, maxDeliveries, backoffMinMs, backoffMaxMs, ordered },
    maxJobs: BigInt(policy.maxJobs ?? 0),
    maxBytes: BigInt(policy.maxBytes ?? 0),
    dropsOldest: policy.whenFull === "drop-oldest",
    bind: [...bind ?? []],
    ...deliveryOf(policy, mayAll(peer, "manage", `queue.${name}`)),
    ...originOf(policy.origin),
  };
}

/** Where jobs are posted to: the path of a URL may be as good as a secret, and its query is told to nobody. */
function deliveryOf({ delivery }: QueuePolicy, manages: boolean) {
  if (delivery === undefined) return {};
  const { url, atOnce } = delivery;
  return { deliverTo: manages ? shownUrl(url) : new URL(url).origin, deliverAtOnce: atOnce };
}

function originOf(origin: PolicyOrigin | undefined) {
  return {
    origin: ORIGINS[origin?.kind ?? "configuration"],
    setBy: origin?.by ?? "",
    setTimeUnixMicros: BigInt(Math.floor(origin?.setMs ?? 0)) * 1000n,
  };
}

/** What a policy says; what is absent stays as it is. */
function fieldsOf(policy: QueuePolicyMessage): QueueFields {
  const { leaseMs, maxDeliveries, backoffMinMs, backoffMaxMs, ordered, dropsOldest } = policy;
  const fields = {
    ...{ leaseMs, maxDeliveries, backoffMinMs, backoffMaxMs, ordered },
    maxJobs: policy.maxJobs === undefined ? undefined : numberOf(policy.maxJobs),
    maxBytes: policy.maxBytes === undefined ? undefined : numberOf(policy.maxBytes),
    whenFull: dropsOldest === undefined ? undefined : dropsOldest ? "drop-oldest" : "refuse",
    deliverTo: policy.deliverTo,
    deliverSecrets: policy.deliverSecrets.length > 0 ? policy.deliverSecrets : undefined,
    deliverAtOnce: policy.deliverAtOnce,
    bind: policy.unbind ? [] : policy.bind.length > 0 ? policy.bind : undefined,
  } as const;
  return fields;
}

/** A number as it is checked further on: one that is too large is no whole number any more there. */
function numberOf(value: bigint | undefined): number {
  return Number(value ?? 0n);
}
