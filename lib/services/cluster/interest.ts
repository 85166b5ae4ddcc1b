/**
 * What those who are connected here want of other nodes: patterns with types and groups, and the methods that they answer.
 *
 * Each is told once, however many want it, when the first one comes and when the last one leaves. Bounded: past MAX_TOLD patterns
 * every event is asked for, which costs traffic and loses nothing; groups and methods past their bounds are served for clients of this node alone, and the log
 * says so. Pure but for the log.
 */
import { logger } from "../../base/log.ts";
import { EVERY_TOPIC } from "../../logic/topics/pattern.ts";

const log = logger("cluster");

/** The most patterns, and the most methods, that one node tells another. */
export const MAX_TOLD = 65_536;

/** A subscription, as far as other nodes need to know. */
export interface Wanted {
  readonly pattern: string;
  readonly type: string;
  readonly group: string;
}

/** A change of what is wanted here. */
export interface InterestChange {
  /** Whether it is wanted from now on, or not any more. */
  readonly isWanted: boolean;
  /** A subscription, or the name of a method. */
  readonly what: Wanted | string;
}

/** Everything, for those who want too much to be told one by one. */
const EVERYTHING: Wanted = { pattern: EVERY_TOPIC, type: "", group: "" };

/** What is wanted here. */
export class LocalInterest {
  readonly #patterns = new Map<string, { readonly wanted: Wanted; count: number; told: boolean }>();
  readonly #methods = new Set<string>();
  readonly #changed: (change: InterestChange) => void;
  /** The number of patterns that were told, and of those that stand behind EVERYTHING. */
  #told = 0;
  #untold = 0;
  #everything = false;

  /** `changed` is called with each change that others are to be told. */
  constructor(changed: (change: InterestChange) => void) {
    this.#changed = changed;
  }

  /** Somebody subscribed. */
  add({ pattern, type, group }: Wanted): void {
    const key = keyOf(pattern, type, group);
    const known = this.#patterns.get(key);
    if (known !== undefined) return void known.count++;
    const wanted = { pattern, type, group };
    const told = this.#told < MAX_TOLD;
    this.#patterns.set(key, { wanted, count: 1, told });
    if (told) {
      this.#told++;
      this.#changed({ isWanted: true, what: wanted });
    } else this.#addUntold(wanted);
  }

  /** Somebody ended a subscription. */
  remove({ pattern, type, group }: Wanted): void {
    const key = keyOf(pattern, type, group);
    const known = this.#patterns.get(key);
    if (known === undefined || --known.count > 0) return;
    this.#patterns.delete(key);
    if (known.told) {
      this.#told--;
      this.#changed({ isWanted: false, what: known.wanted });
    } else if (--this.#untold === 0 && this.#everything) {
      this.#everything = false;
      this.#changed({ isWanted: false, what: EVERYTHING });
    }
  }

  /** A method is answered here, or not any more. */
  offer(method: string, isOffered: boolean): void {
    if (!isOffered) {
      if (this.#methods.delete(method)) this.#changed({ isWanted: false, what: method });
      return;
    }
    if (this.#methods.size >= MAX_TOLD) {
      log.warning("other nodes are not told that {method} is answered here: they know {most}", {
        method,
        most: MAX_TOLD,
      });
      return;
    }
    this.#methods.add(method);
    this.#changed({ isWanted: true, what: method });
  }

  /** Everything that a node has to know that knows nothing. */
  *all(): Iterable<InterestChange> {
    for (const { wanted, told } of this.#patterns.values()) {
      if (told) yield { isWanted: true, what: wanted };
    }
    if (this.#everything) yield { isWanted: true, what: EVERYTHING };
    for (const what of this.#methods) yield { isWanted: true, what };
  }

  #addUntold({ pattern, group }: Wanted): void {
    this.#untold++;
    if (group !== "") {
      log.warning("other nodes are not told of the group {group} on {pattern}: they know {most}", {
        group,
        pattern,
        most: MAX_TOLD,
      });
    }
    if (this.#everything) return;
    this.#everything = true;
    this.#changed({ isWanted: true, what: EVERYTHING });
  }
}

function keyOf(pattern: string, type: string, group: string): string {
  return `${pattern}\n${type}\n${group}`;
}
