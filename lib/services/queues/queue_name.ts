/**
 * The names that queues may have, and refusals: of one queue too many, and of queues that another node has.
 */
import { CloseReason, ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { DEAD_SUFFIX, isDeadName } from "../../logic/queues/policies.ts";
import { checkTopic } from "../../logic/topics/pattern.ts";

/** Raises INVALID_ARGUMENT when `name` cannot be the name of a queue. */
export function checkQueueName(
  name: string,
  limits: { readonly maxTopicBytes: number; readonly maxTopicLevels: number },
  action: string,
): void {
  const { maxTopicBytes, maxTopicLevels } = limits;
  if (isDeadName(name)) {
    if (isDeadName(name.slice(0, -DEAD_SUFFIX.length))) {
      throw invalidArgument(`cannot ${action} ${quote(name)}: dead letters have no dead letters`);
    }
    return checkTopic(name, limits, action);
  }
  // The queue of its dead letters needs a name, too.
  const most = {
    maxTopicBytes: maxTopicBytes - DEAD_SUFFIX.length,
    maxTopicLevels: maxTopicLevels - 1,
  };
  checkTopic(name, most, action);
}

/** The refusal of one queue more than there may be. */
export function tooManyQueues(
  name: string,
  action: string,
  living: number,
  most: number,
): ParleyError {
  const accepted =
    `at most ${most} queues that the configuration does not name (limits.max_queues, ` +
    "limits.guest_names_percent); `parley queue rm` makes room";
  return new ParleyError(
    ErrorCode.RESOURCE_EXHAUSTED,
    `cannot ${action} ${quote(name)}: there are ${living} queues`,
    { limit: "queues", accepted },
  );
}

/** The key of the record of a queue that is paused. */
export function pausedKey(name: string): string {
  return `queue paused ${name}`;
}

/** The refusal of something that only the node can do that has the queues. */
export function elsewhere(action: string, why: string): ParleyError {
  return new ParleyError(ErrorCode.UNAVAILABLE, `cannot ${action} on this node: ${why}`, {
    accepted: "another try once a node leads, or a connection to the one that does",
  });
}

/** The refusal of a push while the store has no room. */
export function noRoom(): ParleyError {
  return new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, "cannot push: the store has no room", {
    retryable: true,
    accepted: "another try once jobs were done, or the disk has room",
  });
}

/** The last word to who pulls from queues that another node takes over. */
export function queuesWentAway(): ParleyError {
  return new ParleyError(
    ErrorCode.UNAVAILABLE,
    "another node of the cluster takes over the queues of this one: connect and pull again",
    { closeReason: CloseReason.SHUTDOWN, retryable: true },
  );
}
