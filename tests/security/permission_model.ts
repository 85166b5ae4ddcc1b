/**
 * A small model of permissions for tests: a pattern is the set of the names that it matches, of all names there are in a
 * small world, and what is allowed is a matter of sets. It shares nothing with what the server decides by.
 */

/** Rules of one verb. */
export interface ModelRules {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

/** The words of the names; more of them than any pattern names, so that no list of literals is all there is. */
const WORDS = ["a", "b", "x", "y"];
/** One level more than any pattern names, so that ">" is more than what can be named. */
const MOST_LEVELS = 4;

function namesOf(levels: number): string[] {
  if (levels === 1) return WORDS;
  return namesOf(levels - 1).flatMap((name) => WORDS.map((word) => `${name}.${word}`));
}

const WORLD = Array.from({ length: MOST_LEVELS }, (_, index) => namesOf(index + 1)).flat();
const known = new Map<string, ReadonlySet<string>>();

/** Whether a pattern matches a name. */
export function matches(pattern: string, name: string): boolean {
  const [first, ...rest] = pattern.split(".");
  const [word, ...others] = name.split(".");
  if (first === ">") return true;
  if (first !== "*" && first !== word) return false;
  if (rest.length === 0 || others.length === 0) return rest.length === others.length;
  return matches(rest.join("."), others.join("."));
}

function extension(pattern: string): ReadonlySet<string> {
  let set = known.get(pattern);
  if (set === undefined) {
    set = new Set(WORLD.filter((name) => matches(pattern, name)));
    known.set(pattern, set);
  }
  return set;
}

function isWithin(pattern: string, rule: string): boolean {
  const around = extension(rule);
  return [...extension(pattern)].every((name) => around.has(name));
}

/** Whether a name, or all of a pattern, is allowed: by one rule that covers it, and no rule that denies all of it. */
export function allows({ allow, deny }: ModelRules, pattern: string): boolean {
  return allow.some((rule) => isWithin(pattern, rule)) &&
    !deny.some((rule) => isWithin(pattern, rule));
}
