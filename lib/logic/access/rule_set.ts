/**
 * Rules of one verb, compiled: which of them is about a name, and which covers a whole pattern.
 *
 * Rules without wildcards stand in a map, so that their number costs nothing; the others are compared one by one.
 * Pure.
 */
import { levelsOf, patternsMeet } from "../topics/pattern.ts";

/** One rule, and where it stands. */
export interface Rule {
  readonly role: string;
  /** As it is written, with its verb: `publish "orders.>"`. */
  readonly text: string;
  readonly pattern: string;
  /** The only message type that it is about; empty for every type. */
  readonly type: string;
}

interface WildcardRule {
  readonly rule: Rule;
  readonly levels: readonly string[];
}

/** The rules of one verb that allow, or those that deny. */
export class RuleSet {
  readonly #literals = new Map<string, Rule[]>();
  readonly #wildcards: WildcardRule[] = [];
  readonly #apart: string | null;

  /** A rule that begins with a wildcard is not about names that begin with the level `apart`; null for no such level. */
  constructor(rules: readonly Rule[], apart: string | null = null) {
    this.#apart = apart;
    for (const rule of rules) {
      const levels = levelsOf(rule.pattern);
      if (levels.some((level) => level === "*" || level === ">")) {
        this.#wildcards.push({ rule, levels });
      } else {
        const same = this.#literals.get(rule.pattern);
        if (same === undefined) this.#literals.set(rule.pattern, [rule]);
        else same.push(rule);
      }
    }
  }

  /** Whether there are no rules. */
  get isEmpty(): boolean {
    return this.#literals.size === 0 && this.#wildcards.length === 0;
  }

  /** A rule about `name`, for something of `type`; null when there is none. In a name wildcards mean nothing. */
  matching(name: string, type: string): Rule | null {
    return this.#find(name, type, true);
  }

  /**
   * A rule that covers all of `pattern`, for `type` or, when that is empty, for every type; null when none does by
   * itself.
   */
  covering(pattern: string, type: string): Rule | null {
    return this.#find(pattern, type, false);
  }

  /** A rule that is about something that `pattern` matches, of any type; null when there is none. */
  meeting(pattern: string): Rule | null {
    for (const [name, [rule]] of this.#literals) if (patternsMeet(name, pattern)) return rule;
    for (const { rule } of this.#wildcards) if (patternsMeet(rule.pattern, pattern)) return rule;
    return null;
  }

  #find(text: string, type: string, isName: boolean): Rule | null {
    const literal = this.#literals.get(text)?.find((rule) => isAbout(rule, type));
    if (literal !== undefined) return literal;
    if (this.#wildcards.length === 0) return null;
    const levels = levelsOf(text);
    const isApart = levels[0] === this.#apart;
    for (const { rule, levels: around } of this.#wildcards) {
      if (isApart && around[0] !== this.#apart) continue;
      if (isAbout(rule, type) && covers(around, levels, isName)) return rule;
    }
    return null;
  }
}

function isAbout(rule: Rule, type: string): boolean {
  return rule.type === "" || rule.type === type;
}

/** Whether everything that `levels` match, which a name does of itself alone, is matched by the levels of `around`. */
function covers(
  around: readonly string[],
  levels: readonly string[],
  isName: boolean,
): boolean {
  for (let index = 0; index < around.length; index++) {
    if (index >= levels.length) return false;
    const level = levels[index];
    if (around[index] === ">") return true;
    if (level === ">" && !isName) return false;
    if (around[index] !== "*" && around[index] !== level) return false;
  }
  return around.length === levels.length;
}
