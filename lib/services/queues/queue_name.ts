/**
 * The names that queues may have.
 */
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
