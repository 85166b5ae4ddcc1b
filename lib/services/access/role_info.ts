/**
 * A role as the server's own methods tell it: what it allows and denies, as far as an answer has room.
 */
import { type Role, type RuleLists, VERBS } from "../../logic/access/rules.ts";

/** The most bytes of a role in an answer, without its name and its rules. */
const INFO_BYTES = 32;

/** A role with as many of its rules as fit into `left` bytes; `ruleOf` says how a rule is told. */
export function roleOf(
  { name, allow, deny }: Role,
  left: number,
  ruleOf = (rule: string) => rule,
) {
  let bytes = INFO_BYTES + 3 * name.length;
  const rulesOf = (lists: RuleLists) =>
    VERBS.flatMap((verb) => (lists[verb] ?? []).map((rule) => `${verb} ${ruleOf(rule)}`));
  const all = { allow: rulesOf(allow), deny: rulesOf(deny) };
  const fitting = (rules: readonly string[]) =>
    rules.filter((rule) => (bytes += 8 + 3 * rule.length) <= left);
  const told = { role: name, allow: fitting(all.allow), deny: fitting(all.deny), rules: 0 };
  told.rules = all.allow.length + all.deny.length;
  return { told, bytes };
}
