/**
 * The methods of the service Queues that are about all jobs that fit a filter: counting, dropping and redriving them.
 *
 * A request looks at a bounded number of jobs and says where to go on, so that whoever asks can stop, and a server that
 * starts again in between has done what it answered. Jobs that a consumer holds stay.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../../base/errors.ts";
import { MAX_REDRIVEN_IDS } from "../../../base/limits.ts";
import {
  type CountMatchingRequest,
  DeathReason,
  type DropMatchingRequest,
  type JobFilter,
  JobState,
  type RedriveMatchingRequest,
} from "../../../gen/parley/v1/queue_pb.ts";
import { quote } from "../../../base/quote.ts";
import type { Queue } from "../../queues/queue.ts";
import { checkQueueName } from "../../queues/queue_name.ts";
import { DEAD_SUFFIX, isDeadName } from "../../../logic/queues/policies.ts";
import type { Peer } from "../../connection/peer.ts";
import type { Features } from "../../features.ts";
import { JobMatcher } from "../../queues/job_matcher.ts";
import { countJobs, dropJobs, type Progress, redriveJobs } from "../../queues/matching.ts";

/** The longest text that is looked for. */
const MAX_CONTAINS_BYTES = 256;

/** Tells how many jobs fit. */
export async function countMatching(
  features: Features,
  peer: Peer,
  { queue, filter, after }: CountMatchingRequest,
) {
  const found = queueOf(features, peer, queue, "count jobs of");
  const matcher = matcherOf(filter, "count");
  const from = { after: idOf(after), turn: peer.callsTurn };
  const { done, held, ...progress } = await countJobs(features.needQueues(), found, matcher, from);
  const newest = BigInt(found.chunks.newestId);
  return { matched: BigInt(done), held: BigInt(held), newest, ...told(progress) };
}

/** Drops those that fit. */
export async function dropMatching(
  features: Features,
  peer: Peer,
  { queue, filter, after }: DropMatchingRequest,
) {
  const found = queueOf(features, peer, queue, "drop jobs of");
  const matcher = neededMatcher(filter, "drop");
  const from = { after: idOf(after), turn: peer.callsTurn };
  const { done, held, ...progress } = await dropJobs(features.needQueues(), found, matcher, from);
  return { dropped: BigInt(done), held: BigInt(held), ...told(progress) };
}

/** Puts the dead letters that fit back. */
export async function redriveMatching(
  features: Features,
  peer: Peer,
  { queue, filter, after }: RedriveMatchingRequest,
) {
  queueOf(features, peer, queue, "redrive");
  const living = isDeadName(queue) ? queue.slice(0, -DEAD_SUFFIX.length) : queue;
  const matcher = neededMatcher(filter, "redrive");
  const from = { after: idOf(after), turn: peer.callsTurn };
  const { done, held, ...progress } = await redriveJobs(
    features.needQueues(),
    living,
    matcher,
    from,
  );
  return { redriven: BigInt(done), held: BigInt(held), ...told(progress) };
}

/** What a filter says, or null when it says nothing. Raises INVALID_ARGUMENT. */
export function matcherOf(filter: JobFilter | undefined, action: string): JobMatcher | null {
  if (filter === undefined) return null;
  const { contains, state, ids, upTo, reason } = filter;
  const text = new TextEncoder().encode(contains);
  if (text.length > MAX_CONTAINS_BYTES) {
    throw invalidArgument(`cannot ${action} jobs with a text of ${text.length} bytes`, {
      accepted: `at most ${MAX_CONTAINS_BYTES} bytes`,
    });
  }
  if (ids.length > MAX_REDRIVEN_IDS) {
    throw invalidArgument(`cannot ${action} ${ids.length} jobs by their ids`, {
      accepted: `at most ${MAX_REDRIVEN_IDS} ids`,
    });
  }
  if (JobState[state] === undefined || DeathReason[reason] === undefined) {
    throw invalidArgument(`cannot ${action} jobs with state ${state} and reason ${reason}`, {
      accepted: "a state and a reason that Parley has",
    });
  }
  const says = text.length + ids.length + state + reason > 0 || upTo > 0n;
  if (!says) return null;
  const upToId = upTo === 0n ? Infinity : Number(upTo);
  return new JobMatcher({ text, state, ids: ids.map(Number), upTo: upToId, reason });
}

/** An id as a number; what is beyond every id stays beyond. */
export function idOf(id: bigint): number {
  return Math.min(Number(id), Number.MAX_SAFE_INTEGER);
}

/** A filter that says something. Raises INVALID_ARGUMENT for none: nobody means all by leaving it out. */
function neededMatcher(filter: JobFilter | undefined, action: string): JobMatcher {
  const matcher = matcherOf(filter, action);
  if (matcher !== null) return matcher;
  throw invalidArgument(`cannot ${action} jobs: the request does not say which`, {
    accepted: "a filter with a text, a state, ids, up_to or a reason",
  });
}

function told({ looked, next, more }: Pick<Progress, "looked" | "next" | "more">) {
  return { looked: BigInt(looked), next: BigInt(next), more };
}

/** The queue of that name. Raises INVALID_ARGUMENT and NOT_FOUND. */
export function queueOf(features: Features, session: Peer, name: string, action: string): Queue {
  const queues = features.needQueues();
  checkQueueName(name, session.context.limits, action);
  const queue = queues.find(name);
  if (queue !== null) return queue;
  // Dead letters that never were are no mistake of whoever asks, if the queue is there.
  if (isDeadName(name) && queues.find(name.slice(0, -DEAD_SUFFIX.length)) !== null) {
    return queues.get(name, action);
  }
  throw new ParleyError(
    ErrorCode.NOT_FOUND,
    `cannot ${action} ${quote(name)}: there is no such queue`,
    {
      accepted: "a queue that a job was pushed to or pulled from; `parley queue ls` tells them",
    },
  );
}
