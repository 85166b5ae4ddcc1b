/**
 * How queues are set up: the first policy whose name matches decides, the defaults otherwise.
 *
 * A queue of dead letters has no limit of deliveries and is never full: a job that could not be buried
 * would come back for ever. Pure: names and patterns are checked by the configuration.
 */
import { matchesPattern } from "../../base/matches_pattern.ts";
import type { WorkQueueOptions } from "./work_queue.ts";

/** What a `[[queue]]` says; an absent field leaves the default. */
export interface QueuePolicy extends Partial<WorkQueueOptions> {
  /** The queue, or a pattern of queues. */
  readonly name: string;
  /** The topics whose events become jobs; only where `name` is one queue. */
  readonly bind?: readonly string[];
}

/** What the names of queues of dead letters end in. */
export const DEAD_SUFFIX = ".dead";

const MIB = 1024 * 1024;

/** How a queue is set up unless the configuration says otherwise. */
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

/** Whether this is the name of a queue of dead letters. */
export function isDeadName(name: string): boolean {
  return name.endsWith(DEAD_SUFFIX);
}

/** The policies of a server. */
export class QueuePolicies {
  /** Whether any queue takes events. */
  readonly bindsAny: boolean;
  readonly #policies: readonly QueuePolicy[];

  /** `policies` in the order in which they are asked. */
  constructor(policies: readonly QueuePolicy[]) {
    this.#policies = policies;
    this.bindsAny = policies.some(({ bind }) => bind !== undefined && bind.length > 0);
  }

  /** How the queue of that name is set up. */
  optionsOf(name: string): WorkQueueOptions {
    const dead = isDeadName(name);
    const of = dead ? name.slice(0, -DEAD_SUFFIX.length) : name;
    const policy = this.#policyOf(of);
    const { name: _name, bind: _bind, ...options } = policy ?? { name };
    const all = { ...DEFAULT_QUEUE_OPTIONS, ...options };
    if (!dead) return all;
    return { ...all, maxDeliveries: 0, ordered: false, maxJobs: Infinity, maxBytes: Infinity };
  }

  /** Whether a policy is for that queue alone. */
  names(name: string): boolean {
    return this.#policies.some((policy) => policy.name === name);
  }

  /** The topics that the queue of that name is bound to. */
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
