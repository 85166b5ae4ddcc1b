/**
 * What somebody with certain roles may do: deny wins, and what no rule allows is denied.
 *
 * A name is allowed when a rule allows it and none denies it. A subscription is allowed when one rule covers its
 * whole pattern, and no rule denies the whole of it: one that is wider than what is allowed is refused at once.
 * What a deny cuts out of it is not delivered; `may` decides that for each topic and type again. Who may join
 * a room may read it: a rule of `join` counts as one of `subscribe` on the topic of the room.
 *
 * Decisions are remembered, for so many names. Pure, and immutable to whoever asks.
 */
import { quote } from "../../base/quote.ts";
import { type Rule, RuleSet } from "./rule_set.ts";
import { namesUser, type Role, ruleParts, targetOf, type Verb, VERBS } from "./rules.ts";

/** So many decisions of one verb are remembered; then all of them are forgotten. */
const MAX_REMEMBERED = 1024;
/** So many permissions are remembered for others with the same roles; then all of them are forgotten. */
const MAX_MADE = 20_000;
/** The longest name that a refusal shows. */
const MAX_SHOWN = 256;
/** The topics of rooms begin with this. */
const ROOM_TOPIC = "room.";
/** The first level of the topics on which the server tells of itself: only a rule that begins so allows them. */
const SYSTEM_LEVEL = "sys";
/** The pattern of every name. */
const EVERYTHING = ">";
/** What follows the name of a room in the topic that tells who is there. */
const PRESENCE = ".presence";

/** Why something is allowed or not. */
export interface Decision {
  readonly allowed: boolean;
  /** The rule that decides; null when none allows it. */
  readonly rule: Rule | null;
}

interface VerbRules {
  readonly allow: RuleSet;
  readonly deny: RuleSet;
  readonly remembered: Map<string, boolean>;
}

/** The permissions of one set of roles; for one user where a rule names the user. */
export class Permissions {
  /** The message types that rules are about. */
  readonly types: readonly string[];
  /** The roles that these are the permissions of. */
  readonly roles: readonly Role[];
  readonly #byVerb: ReadonlyMap<Verb, VerbRules>;

  constructor(roles: readonly Role[], user: string) {
    this.roles = roles;
    this.#byVerb = new Map(VERBS.map((verb) => [verb, {
      allow: new RuleSet(
        rulesOf(roles, "allow", verb, user),
        verb === "subscribe" ? SYSTEM_LEVEL : null,
      ),
      deny: new RuleSet(rulesOf(roles, "deny", verb, user)),
      remembered: new Map(),
    }]));
    const all = roles.flatMap(({ allow, deny }) => [allow.subscribe ?? [], deny.subscribe ?? []])
      .flat();
    const types = all.map((text) => ruleParts("subscribe", text, user).type);
    this.types = [...new Set(types.filter((type) => type !== ""))];
  }

  /** Whether any rule allows something of `verb`, and none denies all of it. */
  mayAny(verb: Verb): boolean {
    const { allow, deny } = this.#rules(verb);
    return !allow.isEmpty && deny.covering(targetOf(verb, EVERYTHING), "") === null;
  }

  /** Whether `verb` is allowed for a name, and of a topic for events of `type`. */
  may(verb: Verb, name: string, type = ""): boolean {
    const { remembered } = this.#rules(verb);
    const key = type === "" ? name : `${name} ${type}`;
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const { allowed } = this.decide(verb, name, type);
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(key, allowed);
    return allowed;
  }

  /** Whether events of a topic may be read, of any type or of one that a rule is about. */
  mayRead(topic: string): boolean {
    return this.may("subscribe", topic) ||
      this.types.some((type) => this.may("subscribe", topic, type));
  }

  /**
   * Whether `verb` is allowed for everything that a pattern matches, but for what a deny cuts out of it; false as
   * well when that is all of it.
   */
  mayAll(verb: Verb, pattern: string, type = ""): boolean {
    return this.decideAll(verb, pattern, type).allowed;
  }

  /** Whether `verb` is allowed for everything that a pattern matches, and no deny cuts anything out of it. */
  mayWhole(verb: Verb, pattern: string): boolean {
    return this.mayAll(verb, pattern) &&
      this.#rules(verb).deny.meeting(targetOf(verb, pattern)) === null;
  }

  /** Which rule decides about a name. */
  decide(verb: Verb, name: string, type = ""): Decision {
    const target = targetOf(verb, name);
    return this.#decide(verb, (rules) => rules.matching(target, type));
  }

  /** Which rule decides about a whole pattern. */
  decideAll(verb: Verb, pattern: string, type = ""): Decision {
    const target = targetOf(verb, pattern);
    return this.#decide(verb, (rules) => rules.covering(target, type));
  }

  #decide(verb: Verb, find: (rules: RuleSet) => Rule | null): Decision {
    const { allow, deny } = this.#rules(verb);
    const denied = find(deny);
    if (denied !== null) return { allowed: false, rule: denied };
    const rule = find(allow);
    return { allowed: rule !== null, rule };
  }

  #rules(verb: Verb): VerbRules {
    return this.#byVerb.get(verb)!;
  }
}

/** Makes permissions; those that are the same for many users are made once. */
export class PermissionTable {
  readonly #roles: ReadonlyMap<string, Role>;
  readonly #made = new Map<string, Permissions>();

  constructor(roles: readonly Role[]) {
    this.#roles = new Map(roles.map((role) => [role.name, role]));
  }

  /**
   * The permissions of a user with these roles; a role that is not there allows nothing. `own` is a role of this user
   * alone, for once.
   */
  of(names: readonly string[], user: string, own: Role | null = null): Permissions {
    const roles = [...new Set(names)].toSorted().flatMap((name) => this.#roles.get(name) ?? []);
    if (own !== null) return new Permissions([...roles, own], user);
    const key = JSON.stringify([
      roles.map(({ name }) => name),
      roles.some(isPersonal) ? user : null,
    ]);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const made = new Permissions(roles, user);
    if (this.#made.size >= MAX_MADE) this.#made.clear();
    this.#made.set(key, made);
    return made;
  }
}

function isPersonal({ allow, deny }: Role): boolean {
  return [allow, deny].some((lists) => VERBS.some((verb) => lists[verb]?.some(namesUser) === true));
}

function rulesOf(
  roles: readonly Role[],
  list: "allow" | "deny",
  verb: Verb,
  user: string,
): Rule[] {
  return roles.flatMap((role) => [
    ...(role[list][verb] ?? []).map((text): Rule => ({
      role: role.name,
      text: ruleText(verb, text),
      ...ruleParts(verb, text, user),
    })),
    ...verb !== "subscribe"
      ? []
      : (role[list].join ?? []).flatMap((text) =>
        roomPatterns(ruleParts("join", text, user).pattern).map((pattern): Rule => ({
          role: role.name,
          text: ruleText("join", text),
          pattern,
          type: "",
        }))
      ),
  ]);
}

/** The topics of the rooms that a rule of `join` is about, with those that tell who is there. */
function roomPatterns(room: string): string[] {
  const topic = ROOM_TOPIC + room;
  return topic.endsWith(">") ? [topic] : [topic, topic + PRESENCE];
}

/** A permission as people read it: `publish "orders.eu"`. */
export function ruleText(verb: Verb, name: string, type = ""): string {
  return `${verb} ${quote(type === "" ? name : `${name} ${type}`, MAX_SHOWN)}`;
}

/** Says in one sentence which rule decides, and which permission that is about. */
export function explain({ allowed, rule }: Decision, permission: string): string {
  if (rule === null) return `${permission} is denied: no rule allows it`;
  const does = allowed ? "allows" : "denies";
  return `${permission} is ${allowed ? "allowed" : "denied"}: role ${
    quote(rule.role)
  } ${does} ${rule.text}`;
}
