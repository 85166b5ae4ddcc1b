/**
 * Which topics, queues and methods carry which type, and what happens to a payload that is no message of it. Of several
 * rules that match a name the first decides.
 */
import { matchesPattern } from "../../base/matches_pattern.ts";

/** What a rule is about. */
export type RuleKind = "topic" | "queue" | "method";

/** What happens to what does not fit: nothing, a line in the log, or a refusal. */
export type CheckLevel = "off" | "warn" | "reject";

/** A rule. */
export interface TypeRule {
  readonly kind: RuleKind;
  /** A topic or queue, or a pattern of them; a method by its full name, like `acme.v1.Shop/Get`. */
  readonly name: string;
  /** The full name of the type. */
  readonly type: string;
  readonly check: CheckLevel;
}

/** The rules of a server. */
export class TypeRules {
  readonly #rules: readonly TypeRule[];
  readonly #kinds: ReadonlySet<RuleKind>;

  constructor(rules: readonly TypeRule[]) {
    this.#rules = rules;
    this.#kinds = new Set(rules.map(({ kind }) => kind));
  }

  /** Whether there is any rule of that kind. */
  has(kind: RuleKind): boolean {
    return this.#kinds.has(kind);
  }

  /** The rule that decides for a name; null when there is none, or it says that nothing is checked. */
  ruleOf(kind: RuleKind, name: string): TypeRule | null {
    const rule = this.#rules.find((one) =>
      one.kind === kind && (kind === "method" ? one.name === name : matchesPattern(one.name, name))
    );
    return rule === undefined || rule.check === "off" ? null : rule;
  }
}
