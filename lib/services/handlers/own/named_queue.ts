/**
 * The queue that a request names, if there is one.
 */
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import { quote } from "../../../base/quote.ts";
import { DEAD_SUFFIX, isDeadName } from "../../../logic/queues/policies.ts";
import type { Peer } from "../../connection/peer.ts";
import type { Features } from "../../features.ts";
import type { Queue } from "../../queues/queue.ts";
import { checkQueueName } from "../../queues/queue_name.ts";

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
