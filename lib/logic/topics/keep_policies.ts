/**
 * Which topics are kept, and how much of them: the first policy whose pattern matches decides.
 *
 * Rooms live on kept topics, so theirs are kept by a policy of our own when no policy of the user's says
 * otherwise. Pure: patterns are checked by the configuration.
 */
import type { PolicyOrigin } from "../policy_origin.ts";
import { matchesPattern } from "../../base/matches_pattern.ts";

/** How much of a topic is kept; an absent field sets no bound. */
export interface KeepPolicy {
  /** The topics that it is for. */
  readonly pattern: string;
  /** The most events. */
  readonly maxEvents?: number;
  /** The greatest age, in milliseconds. */
  readonly maxAgeMs?: number;
  /** The most bytes. */
  readonly maxBytes?: number;
  /** How long a topic is empty before its name is forgotten, in milliseconds; absent: for ever. */
  readonly forgetAfterMs?: number;
  /** Where it comes from; absent: from the configuration. */
  readonly origin?: PolicyOrigin;
}

/** The topics of rooms. */
const ROOM_TOPICS = "room.*";
const DAY_MS = 24 * 3600 * 1000;

/** What is kept of a room unless the configuration says otherwise. */
const ROOM_POLICY: KeepPolicy = Object.freeze<KeepPolicy>({
  pattern: ROOM_TOPICS,
  maxEvents: 2048,
  maxAgeMs: 7 * DAY_MS,
  forgetAfterMs: 7 * DAY_MS,
  origin: { kind: "built in" },
});

/** The policies of a server. */
export class KeepPolicies {
  readonly #policies: readonly KeepPolicy[];

  /** `policies` in the order in which they are asked. */
  constructor(policies: readonly KeepPolicy[]) {
    this.#policies = [...policies, ROOM_POLICY];
  }

  /** The policy of `topic`; null when it is not kept. */
  policyOf(topic: string): KeepPolicy | null {
    for (const policy of this.#policies) {
      if (matchesPattern(policy.pattern, topic)) return policy;
    }
    return null;
  }

  /** All of them, in the order in which they are asked. */
  all(): readonly KeepPolicy[] {
    return this.#policies;
  }

  /** Whether a policy is for that topic alone. */
  names(topic: string): boolean {
    return this.#policies.some((policy) => policy.pattern === topic);
  }

  /** Whether every topic that `pattern` matches is kept. One policy must cover it alone. */
  covers(pattern: string): boolean {
    return this.#policies.some((policy) => coversPattern(policy.pattern, pattern));
  }
}

/** Whether every topic that `narrow` matches is matched by `wide`. */
function coversPattern(wide: string, narrow: string): boolean {
  // Level for level a wildcard is matched like a name; only a tail stands for more than one level.
  return matchesPattern(wide, narrow) && (!narrow.endsWith(">") || wide.endsWith(">"));
}
