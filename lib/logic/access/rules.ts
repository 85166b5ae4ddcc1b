/**
 * What a role may say: verbs, rules and their grammar. A rule is a pattern of names that a verb is allowed or
 * denied for.
 *
 * Patterns are those of topics (`*` is one level, `>` the rest) for every verb. In the name of a method "/" parts
 * levels as "." does and is told from it. A rule of `subscribe` may name a message type behind a space. `${user}`
 * stands for the user's name as one inert level or part of one: what means something in a pattern is escaped, so
 * that no name widens anything. Pure.
 */
import { MAX_TYPE_BYTES, patternFault } from "../topics/pattern.ts";

import type { RoleLimits } from "./user_limits.ts";

/** What can be allowed and denied. */
export const VERBS = [
  "publish",
  "subscribe",
  "call",
  "serve",
  "join",
  "push",
  "pull",
  "manage",
  "authenticate",
] as const;

/** One verb. */
export type Verb = typeof VERBS[number];

/** Rules by verb; a verb that is not there has none. */
export type RuleLists = Readonly<Partial<Record<Verb, readonly string[]>>>;

/** A named set of rules. */
export interface Role {
  readonly name: string;
  readonly allow: RuleLists;
  readonly deny: RuleLists;
  /** What all connections of a user with the role may have and send together. */
  readonly limits?: RoleLimits;
}

/** The most rules of one list. */
export const MAX_RULES = 1000;

/** The longest pattern of a rule, and its most levels: no topic anywhere is beyond. */
const MAX_RULE = { maxTopicBytes: 1024, maxTopicLevels: 128 };
/** The verbs that are about methods. */
const METHOD_VERBS: readonly Verb[] = ["call", "serve", "authenticate"];
/** What stands for the name of the user in a rule. */
export const USER_VARIABLE = "${user}";
const TYPE = /^[A-Za-z0-9_.\/-]+$/;

/** A rule, taken apart. */
export interface RuleParts {
  readonly pattern: string;
  /** The only message type that it is about; empty for every type. */
  readonly type: string;
}

/** Takes a rule apart, for the user of that name. */
export function ruleParts(verb: Verb, text: string, user: string): RuleParts {
  const space = text.indexOf(" ");
  const pattern = space < 0 ? text : text.slice(0, space);
  const type = space < 0 ? "" : text.slice(space + 1);
  // A function, because "$" means something in a replacement that is a text.
  return {
    pattern: targetOf(verb, pattern).replaceAll(USER_VARIABLE, () => inertName(user)),
    type,
  };
}

/** Whether a rule is another one for each user. */
export function namesUser(text: string): boolean {
  return text.includes(USER_VARIABLE);
}

/** Says what is wrong with a rule, or null. */
export function ruleFault(verb: Verb, text: string): string | null {
  const { pattern, type } = ruleParts(verb, text, "user");
  if (pattern.includes("${")) return 'the only variable of a rule is "${user}"';
  const fault = patternFault(pattern, MAX_RULE);
  if (fault !== null) return fault;
  if (!text.includes(" ")) return null;
  if (verb !== "subscribe") return "only a rule of subscribe names a message type behind a space";
  if (type.length <= MAX_TYPE_BYTES && TYPE.test(type)) return null;
  return 'a message type has letters, digits, "_", ".", "-" and "/" only';
}

/**
 * A name as rules of `verb` are compared with it: in methods "/" becomes a level of its own, which no name without
 * it has.
 */
export function targetOf(verb: Verb, name: string): string {
  return METHOD_VERBS.includes(verb) ? name.replaceAll("/", "./.") : name;
}

/** The name of a user with everything that means something in a pattern written as `%` and two digits. */
export function inertName(user: string): string {
  return user.replace(
    /[%.*>\/\s]/g,
    (character) => [...new TextEncoder().encode(character)].map(hex).join(""),
  );
}

function hex(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
