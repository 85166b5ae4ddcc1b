/**
 * The tables of users and roles: who there is, how they prove it, and what they may do.
 *
 * The same tables may stand in a file of their own (auth.users_file). What is stored of passwords and tokens is no
 * secret that opens anything, and is shown to nobody all the same.
 */
import { z } from "zod";
import {
  MAX_ROLES,
  MAX_ROLES_OF_USER,
  MAX_TOKENS_OF_USER,
  MAX_USERS,
  userNameFault,
} from "../../logic/access/names.ts";
import type { AccessSettings } from "../../logic/access/accounts.ts";
import { parsePasswordHash } from "../../logic/access/password_hash.ts";
import {
  MAX_RULES,
  ruleFault,
  type RuleLists,
  type Verb,
  VERBS,
} from "../../logic/access/rules.ts";
import { checkMethod } from "../../logic/calls/method_table.ts";
import { isTokenHash } from "../../logic/access/token.ts";
import { type JwtConfig, jwtSchema } from "./access/jwt.ts";
import { roleLimitsOf, roleLimitsSchema, userLimitsSchema } from "./access/user_limits.ts";
import { duration, listOf, whole } from "./fields.ts";

/** A text of which `fault` says what is wrong with it, or null. */
function text(fault: (value: string) => string | null) {
  return z.string().superRefine((value, context) => {
    const message = fault(value);
    if (message !== null) context.addIssue({ code: "custom", message });
  });
}

function orEmpty(fault: (value: string) => string | null) {
  return text((value) => value === "" ? null : fault(value));
}

const passwordFault = (value: string) =>
  parsePasswordHash(value) === null
    ? "is not the hash of a password; `parley user passwd` makes one"
    : null;

const tokenFault = (value: string) =>
  isTokenHash(value) ? null : "is not the hash of a token; `parley token new` makes one";

function methodFault(value: string): string | null {
  try {
    checkMethod(value);
  } catch (error) {
    return (error as Error).message;
  }
  return value.startsWith("parley.")
    ? 'methods that begin with "parley." are the server\'s own'
    : null;
}

const EXPIRES = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const expiresFault = (value: string) =>
  EXPIRES.test(value) && Number.isFinite(Date.parse(value))
    ? null
    : 'must be a time in UTC like "2027-01-31T12:00:00Z"';

const tokenSchema = z.strictObject({
  name: text((name) => userNameFault("the name of a token", name)).describe(
    "A name to know it by.",
  ),
  hash: text(tokenFault).describe("The SHA-256 of the token, in base64url."),
  expires: orEmpty(expiresFault).default("").describe(
    'When it ends, as a time in UTC like "2027-01-31T12:00:00Z"; empty for never.',
  ),
});

const userSchema = z.strictObject({
  name: text((name) => userNameFault("the name of a user", name)).describe(
    "The name of the user; also what an identity of tls.identities stands for.",
  ),
  password: orEmpty(passwordFault).default("").describe(
    "The hash of the password, as `parley user passwd` makes it; empty for a user without a password.",
  ),
  roles: listOf(() => {}).prefault("").describe("The roles of the user, by name."),
  disabled: z.boolean().default(false).describe("Whether the user may not come in."),
  tokens: z.array(tokenSchema).refine(
    (tokens) => tokens.length <= MAX_TOKENS_OF_USER,
    `a user has at most ${MAX_TOKENS_OF_USER} tokens`,
  ).default([]).describe(
    "Tokens of the user: what programs show instead of a password. Each has a name, a hash, and may have an end.",
  ),
});

/** The schema of the list `users`. */
export const usersSchema = z.array(userSchema).refine(
  (users) => users.length <= MAX_USERS,
  `there are more than ${MAX_USERS} users`,
).default([]).describe(
  "Who may use the server. As soon as there are any, everybody has to say who they are, unless auth.guest_role says " +
    "what others may do.",
);

function ruleLists(does: string) {
  const lists = Object.fromEntries(VERBS.map((verb) => [
    verb,
    listOf((rule) => {
      const fault = ruleFault(verb, rule);
      if (fault !== null) throw new Error(`${JSON.stringify(rule)}: ${fault}`);
    }).refine((rules) => rules.length <= MAX_RULES, `has more than ${MAX_RULES} rules`).prefault(
      "",
    ),
  ])) as Record<Verb, ReturnType<typeof rulesOf>>;
  return z.strictObject(lists).prefault({}).describe(`What the role ${does}, by verb.`);
}

/** Only for its type. */
function rulesOf() {
  return listOf(() => {}).refine(() => true).prefault("");
}

/** The schema of the table `roles`. */
export const rolesSchema = z.record(
  text((name) => userNameFault("the name of a role", name)),
  z.strictObject({
    allow: ruleLists("allows"),
    deny: ruleLists("denies"),
    limits: roleLimitsSchema(
      "What all connections of a user with the role may have and send together.",
    ),
  }),
).refine(
  (roles) => Object.keys(roles).length <= MAX_ROLES,
  `there are more than ${MAX_ROLES} roles`,
)
  .prefault({}).describe(
    "What users may do: tables by the name of the role, each with the tables allow and deny, in which each verb " +
      `(${
        VERBS.join(", ")
      }) has a list of rules, and the table limits, with the keys of auth.limits.`,
  );

/** The schema of the table `auth`. */
export const authSchema = z.strictObject({
  users_file: z.string().default("").describe(
    "A file with further tables [[users]] and [roles], as `parley user` and `parley token` write it. Where it is set " +
      "there are users, even if it holds none. It is read again when it changes.",
  ),
  guest_role: orEmpty((name) => userNameFault("the name of a role", name)).default("").describe(
    "The role of who does not say who they are, where there are users; empty for none: then everybody has to.",
  ),
  callout: orEmpty(methodFault).default("").describe(
    "The method of a service that is asked who somebody is whom the server does not know: a user that is not configured, or " +
      "a token of another form. Empty: nobody is asked. See [security](security.md#a-service-of-your-own).",
  ),
  callout_timeout_ms: duration(5000, "How long that service may take for an answer."),
  callout_in_flight: whole(64, 1, 10_000, "How many it is asked about at a time; others wait."),
  limits: userLimitsSchema(
    "What all connections of one user may have and send together, where no role of the user says something of it in " +
      "[roles.NAME.limits]. Guests of one address count as one user. Without a key there is no limit.",
  ),
  jwt: jwtSchema,
}).prefault({}).describe("How it is found out who a client is.");

/** The tables of users and roles, as the schema gives them. */
export interface AccessTables {
  readonly users: z.output<typeof usersSchema>;
  readonly roles: z.output<typeof rolesSchema>;
}

/** The schema of a file of users. */
export const usersFileSchema = z.strictObject({ users: usersSchema, roles: rolesSchema });

/** Something that does not fit together, and where. */
export interface AccessFault {
  readonly message: string;
  readonly path: readonly (string | number)[];
}

/** What of the table `auth` is about users and roles. */
export interface AuthTable {
  readonly guest_role: string;
  readonly callout: string;
  readonly callout_timeout_ms: number;
  readonly callout_in_flight: number;
  readonly limits: Parameters<typeof roleLimitsOf>[0];
  readonly jwt: Pick<JwtConfig, "roles" | "user_claim" | "roles_claim" | "permissions_claim">;
}

/** What does not fit together between users, roles and what else names roles. */
export function accessFaults({ users, roles }: AccessTables, auth: AuthTable): AccessFault[] {
  const faults: AccessFault[] = [];
  const names = new Set<string>();
  const hashes = new Set<string>();
  for (const [index, user] of users.entries()) {
    if (names.has(user.name)) {
      const message = `${JSON.stringify(user.name)} is there twice`;
      faults.push({ message, path: ["users", index, "name"] });
    }
    names.add(user.name);
    if (user.roles.length > MAX_ROLES_OF_USER) {
      const message = `a user has at most ${MAX_ROLES_OF_USER} roles`;
      faults.push({ message, path: ["users", index, "roles"] });
    }
    for (const role of user.roles) {
      if (Object.hasOwn(roles, role)) continue;
      faults.push({ message: noRole(role), path: ["users", index, "roles"] });
    }
    for (const { hash } of user.tokens) {
      if (hashes.has(hash)) {
        const message = "a token is there twice: each has a hash of its own";
        faults.push({ message, path: ["users", index, "tokens"] });
      }
      hashes.add(hash);
    }
  }
  const { guest_role: guestRole, jwt } = auth;
  if (guestRole !== "" && !Object.hasOwn(roles, guestRole)) {
    faults.push({ message: noRole(guestRole), path: ["auth", "guest_role"] });
  }
  for (const role of jwt.roles) {
    if (Object.hasOwn(roles, role)) continue;
    faults.push({ message: noRole(role), path: ["auth", "jwt", "roles"] });
  }
  return faults;
}

function noRole(role: string): string {
  return `there is no role ${JSON.stringify(role)}; add [roles.${role}]`;
}

/** Users and roles as the rest of the server names them. */
export function accessSettingsOf(
  { users, roles }: AccessTables,
  auth: AuthTable,
): AccessSettings {
  return {
    users: users.map(({ name, password, roles, disabled, tokens }) => ({
      name,
      password,
      roles,
      disabled,
      tokens: tokens.map((token) => ({
        name: token.name,
        hash: token.hash,
        expiresMs: token.expires === "" ? Infinity : Date.parse(token.expires),
      })),
    })),
    roles: Object.entries(roles).map(([name, { allow, deny, limits }]) => ({
      name,
      allow: allow as RuleLists,
      deny: deny as RuleLists,
      limits: roleLimitsOf(limits),
    })),
    guestRole: auth.guest_role,
    assertedRoles: auth.jwt.roles,
    usualLimits: roleLimitsOf(auth.limits),
    callout: auth.callout === "" ? null : {
      method: auth.callout,
      timeoutMs: auth.callout_timeout_ms,
      inFlight: auth.callout_in_flight,
    },
    claimNames: {
      user: auth.jwt.user_claim,
      roles: auth.jwt.roles_claim,
      permissions: auth.jwt.permissions_claim,
    },
  };
}
