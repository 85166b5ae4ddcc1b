/**
 * The names that queues may have, and the refusal of one too many.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
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
  if (isDeadName(name)) return checkTopic(name, limits, action);
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
