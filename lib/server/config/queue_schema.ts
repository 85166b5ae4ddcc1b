/**
 * The tables [[queue]] of the configuration: how queues are set up, and which topics they are bound to.
 *
 * The defaults are those of lib/logic/queues/policies.ts. Here names and patterns are held to the
 * grammar; `checkQueues` holds them to the limits that are in force. Which table decides for which queue
 * is not known here.
 */
import { z } from "zod";
import { invalidArgument } from "../../base/errors.ts";
import {
  DEAD_SUFFIX,
  DEFAULT_QUEUE_OPTIONS,
  isDeadName,
  type QueuePolicy,
} from "../../logic/queues/policies.ts";
import { quote } from "../../base/quote.ts";
import {
  hasWildcard,
  matchesPattern,
  patternFault,
  topicFault,
  type TopicLimits,
} from "../../logic/topics/pattern.ts";
import { deliveryFault, deliveryFields, deliveryOf } from "./access/webhooks.ts";
import { duration, KIB, listOf, MAX_TOPIC_LIMITS, whole } from "./fields.ts";

const defaults = DEFAULT_QUEUE_OPTIONS;

function checkName(name: string): void {
  const fault = patternFault(name, MAX_TOPIC_LIMITS);
  if (fault !== null) throw invalidArgument(`${quote(name)} is no queue: ${fault}`);
  if (isDeadName(name)) {
    throw invalidArgument(
      `${quote(name)} are dead letters, which are set up with the queue that they come from`,
    );
  }
}

function checkBinding(pattern: string): void {
  const fault = patternFault(pattern, MAX_TOPIC_LIMITS);
  if (fault !== null) throw invalidArgument(`${quote(pattern)} is no topic or pattern: ${fault}`);
}

/** The schema of one table. */
export const queueTable = z.strictObject({
  name: z.string().superRefine((name, context) => {
    try {
      checkName(name);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  }).describe('The queue, or a pattern of queues, like "emails" or "jobs.>".'),
  bind: listOf(checkBinding).prefault([]).describe(
    "The topics, or patterns of topics, whose events become jobs. Only where name is one queue.",
  ),
  lease_ms: duration(
    defaults.leaseMs,
    "How long a consumer has for a job before it comes back, unless it extends the lease.",
    10,
  ),
  max_deliveries: whole(
    defaults.maxDeliveries,
    0,
    65_535,
    "A job that was delivered so often and never done becomes a dead letter; 0 for no limit.",
  ),
  backoff_min_ms: duration(
    defaults.backoffMinMs,
    "The longest that a job which failed once waits for its next try; with each failure twice as long. " +
      "A random part, up to half, is taken off.",
  ),
  backoff_max_ms: duration(
    defaults.backoffMaxMs,
    "The longest that a job waits, however often it failed; at least backoff_min_ms.",
  ),
  max_jobs: whole(
    defaults.maxJobs,
    1,
    16_000_000,
    "The most jobs of each queue, without dead letters.",
  ),
  max_bytes: whole(
    defaults.maxBytes,
    1 * KIB,
    Number.MAX_SAFE_INTEGER,
    "The most bytes of all jobs of each queue, without dead letters.",
  ),
  when_full: z.enum(["refuse", "drop-oldest"]).default(defaults.whenFull).describe(
    "What happens to a push that does not fit: it is refused, or the oldest jobs that nobody holds are dropped.",
  ),
  ...deliveryFields,
  ordered: z.boolean().default(defaults.ordered).describe(
    "Whether jobs of one key run one after the other, in the order in which they were pushed.",
  ),
}).superRefine((queue, context) => {
  const { name, bind, backoff_min_ms: least, backoff_max_ms: most } = queue;
  const fault = deliveryFault(queue);
  if (fault !== null) {
    context.addIssue({ code: "custom", message: fault.message, path: [fault.field] });
  }
  if (bind.length > 0 && hasWildcard(name)) {
    const message = `only one queue can be bound to topics, and ${
      quote(name)
    } is a pattern of queues`;
    context.addIssue({ code: "custom", message, path: ["bind"] });
  }
  if (least > most) {
    const message = `backoff_min_ms (${least}) must not be more than backoff_max_ms (${most})`;
    const fields = ["backoff_min_ms", "backoff_max_ms"];
    context.addIssue({ code: "custom", message, params: { fields } });
  }
});

/** The schema of all tables. */
export const queueSchema = z.array(queueTable).superRefine((tables, context) => {
  for (const [index, { name, bind }] of tables.entries()) {
    // Another table would decide for this queue, and its bindings would be without effect.
    const first = tables.findIndex((table) => matchesPattern(table.name, name));
    if (bind.length === 0 || first >= index || hasWildcard(name)) continue;
    const message = `${quote(name)} is set up by the table before it for ${
      quote(tables[first].name)
    }: put this one first`;
    context.addIssue({ code: "custom", message, path: [index, "bind"] });
  }
}).prefault([]).describe(
  "How queues are set up. Of several tables that match a queue the first decides; a queue that none " +
    "matches is as one without settings.",
);

/**
 * Says what is wrong with the names and topics of `queue` under these limits, with the field at fault;
 * null when they fit. What the grammar forbids is not told again.
 */
export function queueFault(
  queue: { readonly name: string; readonly bind: readonly string[] },
  limits: TopicLimits,
): { readonly field: "name" | "bind"; readonly message: string } | null {
  const { name } = queue;
  if (patternFault(name, MAX_TOPIC_LIMITS) === null) {
    // Events on the topics of a queue that cannot be would be refused, so this is told before any come.
    const dead = name + DEAD_SUFFIX;
    const fault = hasWildcard(name) ? patternFault(name, limits) : topicFault(dead, limits);
    const shown = hasWildcard(name) ? quote(name) : `${quote(dead)}, for its dead letters,`;
    if (fault !== null) return { field: "name", message: `${shown} cannot be a queue: ${fault}` };
  }
  for (const pattern of queue.bind) {
    if (patternFault(pattern, MAX_TOPIC_LIMITS) !== null) continue;
    const fault = patternFault(pattern, limits);
    if (fault === null) continue;
    return { field: "bind", message: `${quote(pattern)} cannot match a topic: ${fault}` };
  }
  return null;
}

/** The policies of queues as the rest of the server names them. */
export function queuePoliciesOf(
  config: { readonly queue: z.output<typeof queueSchema> },
): QueuePolicy[] {
  return config.queue.map((queue) => ({
    name: queue.name,
    bind: queue.bind,
    leaseMs: queue.lease_ms,
    maxDeliveries: queue.max_deliveries,
    backoffMinMs: queue.backoff_min_ms,
    backoffMaxMs: queue.backoff_max_ms,
    maxJobs: queue.max_jobs,
    maxBytes: queue.max_bytes,
    whenFull: queue.when_full,
    ordered: queue.ordered,
    ...deliveryOf(queue),
  }));
}
