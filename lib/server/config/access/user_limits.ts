/**
 * The keys of `auth.limits` and of the tables `limits` of roles: what all connections of one user may have and send
 * together. 0 says that there is no limit; a key that a role does not have says nothing.
 */
import { z } from "zod";
import type { RoleLimits } from "../../../logic/access/user_limits.ts";

const MOST = 1_000_000_000;
const MOST_BYTES = 1024 * 1024 * 1024 * 1024;

function most(greatest: number, description: string) {
  return z.int().min(0).max(greatest).describe(`${description} 0 for no limit.`);
}

const fields = {
  rate_messages_per_second: most(MOST, "Messages a second."),
  rate_messages_burst: most(
    MOST,
    "Messages at once, after a rest; without it as many as may come in a second.",
  ),
  rate_bytes_per_second: most(MOST_BYTES, "Bytes a second."),
  rate_bytes_burst: most(
    MOST_BYTES,
    "Bytes at once, after a rest; without it as many as may come in a second.",
  ),
  max_connections: most(MOST, "Connections at once."),
  max_subscriptions: most(MOST, "Subscriptions at once, over all connections."),
  max_topics: most(
    MOST,
    "Kept topics, rooms among them, that it makes by publishing, as long as they are there.",
  ),
  max_queues: most(
    MOST,
    "Queues that it makes by pushing and pulling, as long as they are there.",
  ),
  max_kept_bytes: most(
    MOST_BYTES,
    "Bytes of events and jobs that are kept in the topics and queues that it made, whoever put them there; rooms aside.",
  ),
};

const BURSTS = [
  ["rate_messages_burst", "rate_messages_per_second"],
  ["rate_bytes_burst", "rate_bytes_per_second"],
] as const;

/** The schema of `auth.limits`; `what` describes it. */
export function userLimitsSchema(what: string) {
  const withDefaults = Object.fromEntries(
    Object.entries(fields).map((
      [name, field],
    ) => [name, field.default(0).describe(field.description ?? "")]),
  ) as { [Name in keyof typeof fields]: z.ZodDefault<typeof fields[Name]> };
  return z.strictObject(withDefaults).superRefine(checkBursts).prefault({}).describe(what);
}

/** The schema of the limits of a role, in which a key may be missing. */
export function roleLimitsSchema(what: string) {
  return z.strictObject(fields).partial().superRefine(checkBursts).prefault({}).describe(what);
}

/** What is written in one such table. */
type Written = { readonly [Name in keyof typeof fields]?: number };

function checkBursts(limits: Written, context: { addIssue(issue: BurstIssue): void }): void {
  for (const [burst, rate] of BURSTS) {
    if (!limits[burst] || limits[rate]) continue;
    const message = `${burst} (${
      limits[burst]
    }) has no effect without ${rate}; set both, or neither`;
    context.addIssue({ code: "custom", message, path: [burst] });
  }
}

/** One issue; zod wants a shape that may have more. */
type BurstIssue = { code: "custom"; message: string; path: string[] };

/** The values of one such table as the rest of the server names them. */
export function roleLimitsOf(limits: Written): RoleLimits {
  const named: { -readonly [Name in keyof RoleLimits]: number | undefined } = {
    messagesPerSecond: limits.rate_messages_per_second,
    messagesBurst: limits.rate_messages_burst,
    bytesPerSecond: limits.rate_bytes_per_second,
    bytesBurst: limits.rate_bytes_burst,
    connections: limits.max_connections,
    subscriptions: limits.max_subscriptions,
    topics: limits.max_topics,
    queues: limits.max_queues,
    keptBytes: limits.max_kept_bytes,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}
