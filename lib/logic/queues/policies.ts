/**
 * The policies that set queues up: the first policy whose name matches a queue decides, otherwise the defaults.
 *
 * A queue of dead letters has no limit of deliveries and is never full: a job that could not be moved there
 * would come back for ever. Pure: names and patterns are checked by the configuration.
 */
import type { PolicyOrigin } from "../policy_origin.ts";
import { matchesPattern } from "../../base/matches_pattern.ts";
import type { WorkQueueOptions } from "./work_queue.ts";

/** Where the jobs of a queue are posted to. */
export interface QueueDelivery {
  readonly url: string;
  /** Each signs. */
  readonly secrets: readonly string[];
  /** How many jobs are posted at once at most. */
  readonly atOnce: number;
}

/** A `[[queue]]` of the configuration; an absent field leaves the default. */
export interface QueuePolicy extends Partial<WorkQueueOptions> {
  /** The queue, or a pattern of queues. */
  readonly name: string;
  /** The topics whose events become jobs; only where `name` is one queue. */
  readonly bind?: readonly string[];
  /** Where jobs are posted to; absent where they are pulled. */
  readonly delivery?: QueueDelivery;
  /** Where it comes from; absent: from the configuration. */
  readonly origin?: PolicyOrigin;
}

/** The end of the name of each queue of dead letters. */
export const DEAD_SUFFIX = ".dead";

const MIB = 1024 * 1024;

/** The options of a queue for which the configuration says nothing else. */
export const DEFAULT_QUEUE_OPTIONS: WorkQueueOptions = Object.freeze({
  leaseMs: 30_000,
  maxDeliveries: 10,
  backoffMinMs: 1000,
  backoffMaxMs: 300_000,
  ordered: false,
  maxJobs: 5_000_000,
  maxBytes: 8 * 1024 * MIB,
  whenFull: "refuse",
});

/** Whether `name` is that of a queue of dead letters. */
export function isDeadName(name: string): boolean {
  return name.endsWith(DEAD_SUFFIX);
}

/** The policies of a server. */
export class QueuePolicies {
  /** Whether any queue is bound to topics. */
  readonly bindsAny: boolean;
  readonly #policies: readonly QueuePolicy[];

  /** `policies` are asked in their order. */
  constructor(policies: readonly QueuePolicy[]) {
    this.#policies = policies;
    this.bindsAny = policies.some(({ bind }) => bind !== undefined && bind.length > 0);
  }

  /** The options of the queue `name`. */
  optionsOf(name: string): WorkQueueOptions {
    const dead = isDeadName(name);
    const of = dead ? name.slice(0, -DEAD_SUFFIX.length) : name;
    const policy = this.#policyOf(of);
    const { name: _name, bind: _b, delivery: _d, origin: _o, ...options } = policy ?? { name };
    const all = { ...DEFAULT_QUEUE_OPTIONS, ...options };
    if (!dead) return all;
    return { ...all, maxDeliveries: 0, ordered: false, maxJobs: Infinity, maxBytes: Infinity };
  }

  /** All of them, in the order in which they are asked. */
  all(): readonly QueuePolicy[] {
    return this.#policies;
  }

  /** Whether the queue was made at run time: it stays, also when it is empty. */
  makes(name: string): boolean {
    return this.#policies.some((policy) =>
      policy.name === name && policy.origin?.kind === "run time"
    );
  }

  /** Whether a policy names this very queue, and not only a pattern that matches it. */
  names(name: string): boolean {
    return this.#policies.some((policy) => policy.name === name);
  }

  /** Where the jobs of the queue `name` are posted to; null where they are pulled. Dead letters are pulled. */
  deliveryOf(name: string): QueueDelivery | null {
    return isDeadName(name) ? null : this.#policyOf(name)?.delivery ?? null;
  }

  /** The topics that the queue `name` is bound to. */
  bindingsOf(name: string): readonly string[] {
    return this.#policyOf(name)?.bind ?? [];
  }

  /** The names of the queues that events on `topic` go to. */
  boundTo(topic: string): string[] {
    return this.#policies.filter((policy) =>
      (policy.bind ?? []).some((pattern) => matchesPattern(pattern, topic)) &&
      this.#policyOf(policy.name) === policy
    ).map(({ name }) => name);
  }

  #policyOf(name: string): QueuePolicy | undefined {
    return this.#policies.find((policy) => matchesPattern(policy.name, name));
  }
}
