/**
 * The bus as one would explain it: a list of subscriptions, looked through for each event. Slow, and
 * plainly right; the trie is tested against it.
 */
import type { Subscription } from "../../../lib/logic/topics/subscription.ts";

/** Matches by a regular expression. */
export function naiveMatch(pattern: string, topic: string): boolean {
  const source = pattern.split(".").map((level) => {
    if (level === "*") return "[^.]+";
    if (level === ">") return ".+";
    return level.replace(/[^\p{L}\p{N}]/gu, "\\$&");
  });
  return new RegExp(`^${source.join("\\.")}$`, "u").test(topic);
}

/** Who gets an event: plain subscriptions by owner, and the members of each group and pattern. */
export interface NaiveMatch {
  /** For each owner, its first subscription that matches. */
  receivers: Subscription[];
  /** Every plain subscription that matches. */
  all: Subscription[];
  /** By group and pattern, for each owner its first subscription that matches. */
  groups: Map<string, Subscription[]>;
}

/** A list of subscriptions, in the order of adding. */
export class NaiveBus {
  readonly #list: Subscription[] = [];

  get size(): number {
    return this.#list.length;
  }

  add(added: Subscription): Subscription | null {
    const index = this.#list.findIndex((other) =>
      other.owner === added.owner && other.pattern === added.pattern &&
      other.type === added.type && other.group === added.group
    );
    if (index < 0) {
      this.#list.push(added);
      return null;
    }
    return this.#list.splice(index, 1, added)[0];
  }

  remove(removed: Subscription): boolean {
    const index = this.#list.indexOf(removed);
    if (index >= 0) this.#list.splice(index, 1);
    return index >= 0;
  }

  match(topic: string, type: string): NaiveMatch {
    const wanting = this.#list.filter((one) =>
      naiveMatch(one.pattern, topic) && (one.type === "" || one.type === type)
    );
    const all = wanting.filter((one) => one.group === "");
    const groups = new Map<string, Subscription[]>();
    for (const one of wanting) {
      if (one.group === "") continue;
      const key = `${one.group} ${one.pattern}`;
      groups.set(key, [...groups.get(key) ?? [], one]);
    }
    for (const [key, members] of groups) groups.set(key, firstOfOwners(members));
    return { receivers: firstOfOwners(all), all, groups };
  }
}

function firstOfOwners(list: Subscription[]): Subscription[] {
  return list.filter((one, i) => list.findIndex((other) => other.owner === one.owner) === i);
}
