/**
 * What all connections of one user may have and send together, as roles say it. Pure.
 *
 * Of several roles that say something of a limit the most generous counts; where none does, what is said for all users.
 */

/** The limits of one user; 0 is none. */
export interface UserLimits {
  readonly messagesPerSecond: number;
  /** Messages at once, after a rest. */
  readonly messagesBurst: number;
  readonly bytesPerSecond: number;
  /** Bytes at once, after a rest. */
  readonly bytesBurst: number;
  readonly connections: number;
  readonly subscriptions: number;
  /** Kept topics that it made. */
  readonly topics: number;
  /** Queues that it made. */
  readonly queues: number;
  /** Bytes that are kept in the topics and queues that it made, rooms aside. */
  readonly keptBytes: number;
}

/** What a role says; what it says nothing of is left to the others. */
export type RoleLimits = Readonly<Partial<UserLimits>>;

const NAMES: readonly (keyof UserLimits)[] = [
  "messagesPerSecond",
  "messagesBurst",
  "bytesPerSecond",
  "bytesBurst",
  "connections",
  "subscriptions",
  "topics",
  "queues",
  "keptBytes",
];

/** The limits of a user with these roles; null when there are none. */
export function limitsOfRoles(
  roles: readonly RoleLimits[],
  usual: RoleLimits,
): UserLimits | null {
  const limits = Object.fromEntries(
    NAMES.map((name) => [name, mostGenerous(roles, name) ?? usual[name] ?? 0]),
  ) as unknown as UserLimits;
  return NAMES.some((name) => limits[name] > 0) ? limits : null;
}

function mostGenerous(roles: readonly RoleLimits[], name: keyof UserLimits): number | undefined {
  const said = roles.flatMap((role) => role[name] ?? []);
  if (said.length === 0) return undefined;
  return said.includes(0) ? 0 : Math.max(...said);
}
