/**
 * What somebody outside says of a user: the claims of a JWT, or a service that was asked. It names the user, and may name roles and permissions.
 *
 * Invariants: what is not understood as a whole gives nothing; roles that are not configured allow nothing; permissions
 * are rules of the same grammar as those of roles, but name no message type. Pure.
 */
import { MAX_ROLES_OF_USER, userNameFault } from "./names.ts";
import { ruleFault, type RuleLists, type Verb, VERBS } from "./rules.ts";

/** The most rules that a verb may have here, allowed and denied each. */
export const MAX_ASSERTED_RULES = 100;
/** The role that refusals and `parley explain` name for what was said outside. */
const ROLE = "(from outside)";

/** Something that was said of a user, by somebody who is believed. */
export interface Assertion {
  readonly user: string;
  /** The names of roles; null for those that the configuration gives to that user, or else to whoever comes so. */
  readonly roles: readonly string[] | null;
  /** Rules of this user alone, as a role of their own; null for none. */
  readonly permissions: AssertedPermissions | null;
  /** When it ends, as Unix time in milliseconds; Infinity for never. */
  readonly expiresMs: number;
  /** Names what was believed: the key of a JWT, or the service that was asked. */
  readonly by: string;
}

/** Rules that were said outside, in the shape of a role. */
export interface AssertedPermissions {
  readonly name: string;
  readonly allow: RuleLists;
  readonly deny: RuleLists;
}

/** Where in the claims of a JWT everything stands: each the name of a claim, or the way to one, parted by dots. */
export interface ClaimNames {
  readonly user: string;
  readonly roles: string;
  /** Empty: permissions of JWTs do not count. */
  readonly permissions: string;
}

/** Where JWTs say who somebody is unless that is configured. */
export const USUAL_CLAIMS: ClaimNames = Object.freeze({
  user: "sub",
  roles: "roles",
  permissions: "",
});

/** What the service that answers a method is called in `Assertion.by`. */
export function calloutName(method: string): string {
  return `callout ${method}`;
}

/** What is wrong with something that was said; its message names the part at fault, and no value. */
export class AssertionFault extends Error {}

/** What the claims of a JWT say. Raises AssertionFault. */
export function assertionOf(
  claims: Readonly<Record<string, unknown>>,
  names: ClaimNames,
  { expiresMs, by }: Pick<Assertion, "expiresMs" | "by">,
): Assertion {
  const user = claimAt(claims, names.user);
  if (typeof user !== "string") {
    throw new AssertionFault(`its claim "${names.user}" is no text, and should name the user`);
  }
  checkUserName(user);
  const roles = claimAt(claims, names.roles);
  const permissions = names.permissions === "" ? undefined : claimAt(claims, names.permissions);
  return {
    user,
    roles: roles === undefined ? null : rolesOf(roles, `its claim "${names.roles}"`),
    permissions: permissions === undefined
      ? null
      : permissionsOf(permissions, `its claim "${names.permissions}"`),
    expiresMs,
    by,
  };
}

/** Raises AssertionFault when nobody can have that name. */
export function checkUserName(user: string): void {
  const fault = user === "" ? "the name of a user is empty" : userNameFault("the user", user);
  if (fault !== null) throw new AssertionFault(`its user is no name of a user: ${fault}`);
}

/** Reads permissions: the tables allow and deny with lists by verb. Raises AssertionFault. */
export function permissionsOf(value: unknown, what: string): AssertedPermissions {
  if (!isTable(value)) throw new AssertionFault(`${what} is no object with "allow" and "deny"`);
  for (const key of Object.keys(value)) {
    if (key !== "allow" && key !== "deny") {
      throw new AssertionFault(`${what} has something else than "allow" and "deny"`);
    }
  }
  return {
    name: ROLE,
    allow: ruleListsOf(value.allow, `${what}.allow`),
    deny: ruleListsOf(value.deny, `${what}.deny`),
  };
}

function rolesOf(value: unknown, what: string): string[] {
  // As of OAuth 2.0, where a scope is a text with spaces.
  const roles: unknown = typeof value === "string"
    ? value.split(" ").filter((name) => name !== "")
    : value;
  if (!Array.isArray(roles) || !roles.every((name) => typeof name === "string")) {
    throw new AssertionFault(`${what} is no list of names`);
  }
  checkRoles(roles, what);
  return roles;
}

/** Raises AssertionFault for more roles than a user may have; `what` names the list. */
export function checkRoles(roles: readonly string[], what: string): void {
  if (roles.length > MAX_ROLES_OF_USER) {
    throw new AssertionFault(
      `${what} has ${roles.length} names, but a user has at most ${MAX_ROLES_OF_USER} roles`,
    );
  }
}

function ruleListsOf(value: unknown, what: string): RuleLists {
  if (value === undefined) return {};
  if (!isTable(value)) throw new AssertionFault(`${what} is no object with lists by verb`);
  const lists: Partial<Record<Verb, string[]>> = {};
  for (const [verb, rules] of Object.entries(value)) {
    if (!isVerb(verb)) {
      throw new AssertionFault(
        `${what} has a verb that there is not; there are ${VERBS.join(", ")}`,
      );
    }
    lists[verb] = rulesOf(rules, verb, `${what}.${verb}`);
  }
  return lists;
}

function rulesOf(value: unknown, verb: Verb, what: string): string[] {
  if (!Array.isArray(value) || value.length > MAX_ASSERTED_RULES) {
    throw new AssertionFault(`${what} is no list of at most ${MAX_ASSERTED_RULES} rules`);
  }
  return value.map((rule) => {
    if (typeof rule !== "string") throw new AssertionFault(`${what} has a rule that is no text`);
    const fault = rule.includes(" ")
      ? "a rule from outside names no message type"
      : ruleFault(verb, rule);
    if (fault !== null) throw new AssertionFault(`${what} has a rule that is none: ${fault}`);
    return rule;
  });
}

/** The claim of that very name, or the one that a way parted by dots leads to. */
function claimAt(claims: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split(".")) {
    if (!isTable(value) || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isVerb(text: string): text is Verb {
  return (VERBS as readonly string[]).includes(text);
}
